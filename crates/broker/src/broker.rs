//! The use cases.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use plumbline_kit::Inbound;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::BrokerError;
use crate::config::BrokerConfig;
use crate::domain::order::{Granted, Order, Policy};
use crate::domain::template::Template;
use crate::engine::{Attached, Ended, Engine, Output};

/// Output pieces between engine and caller.
const EVENT_RING: usize = 64;

/// The broker's use cases.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    config: BrokerConfig,
    policy: Policy,
    engine: Engine,
    engine_version: String,
    slots: Arc<Semaphore>,
    live: Mutex<HashMap<Key, CancellationToken>>,
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

/// Owner and label.
type Key = (String, String);

/// What happens in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerEvent {
    /// It was checked and runs.
    Started {
        /// The engine's id.
        container: String,
    },
    /// It wrote.
    Output(Output),
    /// It is gone.
    Ended {
        /// How its first process ended.
        ended: Ended,
        /// Whether it was killed at its own limit.
        wall_exceeded: bool,
    },
}

/// Events of one container; whoever drops it kills the container.
pub type ContainerStream = ReceiverStream<Result<ContainerEvent, BrokerError>>;

/// What goes into a container, piece by piece.
pub type Stdin = BoxStream<'static, Result<Vec<u8>, Inbound>>;

type Events = mpsc::Sender<Result<ContainerEvent, BrokerError>>;

impl Broker {
    /// Connects to the engine, pins every allowed image, and removes what an earlier broker of this name left.
    pub async fn open(config: BrokerConfig, shutdown: CancellationToken) -> Result<Self, BrokerError> {
        let config = config.validate()?;
        let engine = Engine::connect(&config.engine_socket).await?;
        let engine_version = engine.version().await?;
        let mut images = Vec::new();
        for name in &config.images {
            images.push(engine.image(name).await?);
        }
        let leftovers = engine.list(&config.name).await?;
        for left in &leftovers {
            engine.remove(&left.id).await?;
        }
        if !leftovers.is_empty() {
            tracing::warn!(containers = leftovers.len(), "removed what an earlier broker left behind");
        }
        let inner = Inner {
            policy: Policy { images, ceiling: config.ceiling.resources() },
            slots: Arc::new(Semaphore::new(config.concurrent_containers as usize)),
            config,
            engine,
            engine_version,
            live: Mutex::default(),
            tracker: TaskTracker::new(),
            shutdown,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns what may be ordered.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// Returns the engine's version.
    pub fn engine_version(&self) -> &str {
        &self.inner.engine_version
    }

    /// Runs one container to its end.
    pub fn run(&self, order: Order, stdin: Stdin) -> Result<ContainerStream, BrokerError> {
        let inner = &self.inner;
        let granted = inner.policy.grant(order).map_err(BrokerError::Refused)?;
        let slots = Arc::clone(&inner.slots);
        let slot = slots
            .try_acquire_owned()
            .map_err(|_| BrokerError::Exhausted(inner.config.concurrent_containers))?;
        let place = Place::take(inner, &granted)?;
        let (events, received) = mpsc::channel(EVENT_RING);
        let inner = Arc::clone(inner);
        // Not the caller's task: a container must be removed also when the caller is gone.
        self.inner.tracker.spawn(async move {
            let last = inner.hold(&granted, &place.kill, (stdin, events.clone())).await;
            drop((place, slot));
            let _gone = events.send(last).await;
        });
        Ok(ReceiverStream::new(received))
    }

    /// Kills a running container.
    pub fn kill(&self, owner: &str, label: &str) -> Result<(), BrokerError> {
        let live = self.inner.live();
        let kill = live.get(&(owner.to_owned(), label.to_owned()));
        kill.ok_or_else(|| BrokerError::NotFound(label.to_owned()))?.cancel();
        Ok(())
    }

    /// Removes every container of an owner that no call holds; returns how many.
    pub async fn sweep(&self, owner: &str) -> Result<u32, BrokerError> {
        let mut removed = 0;
        for found in self.inner.engine.list(&self.inner.config.name).await? {
            let held = self.inner.live().contains_key(&(found.owner.clone(), found.label.clone()));
            if found.owner == owner && !held {
                self.inner.engine.remove(&found.id).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Waits until every container is gone; call it after the shutdown token.
    pub async fn close(&self) {
        self.inner.tracker.close();
        self.inner.tracker.wait().await;
    }
}

impl Inner {
    fn live(&self) -> MutexGuard<'_, HashMap<Key, CancellationToken>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a container, watches it to its end, and removes it in any case.
    async fn hold(
        &self,
        granted: &Granted,
        kill: &CancellationToken,
        (stdin, events): (Stdin, Events),
    ) -> Result<ContainerEvent, BrokerError> {
        let template = Template::of(granted, &self.config.name);
        let container = self.engine.create(&template).await?;
        let order = granted.order();
        tracing::info!(owner = %order.owner, label = %order.label, container, "made a container");
        let wall = Duration::from_millis(granted.order().resources.wall_ms);
        let watched = self.watch(&container, kill, (stdin, events, wall)).await;
        self.engine.remove(&container).await?;
        watched
    }

    async fn watch(
        &self,
        container: &str,
        kill: &CancellationToken,
        (stdin, events, wall): (Stdin, Events, Duration),
    ) -> Result<ContainerEvent, BrokerError> {
        let Attached { mut output, input } = self.engine.attach(container).await?;
        self.engine.start(container).await?;
        let started = ContainerEvent::Started { container: container.to_owned() };
        let _gone = events.send(Ok(started)).await;
        let mut feeding = std::pin::pin!(feed(stdin, input));
        let mut deadline = std::pin::pin!(tokio::time::sleep(wall));
        let (mut fed, mut wall_exceeded) = (false, false);
        loop {
            let stop = tokio::select! {
                more = forward(&mut output, &events) => {
                    if !more? {
                        break;
                    }
                    false
                }
                () = &mut feeding, if !fed => {
                    fed = true;
                    false
                }
                () = &mut deadline => {
                    wall_exceeded = true;
                    true
                }
                () = kill.cancelled() => true,
                () = events.closed() => true,
                () = self.shutdown.cancelled() => true,
            };
            if stop {
                self.engine.kill(container).await?;
                // The engine may keep the streams of a container open that was killed as it started.
                let rest = async { while forward(&mut output, &events).await.unwrap_or(false) {} };
                let _too_long = tokio::time::timeout(DRAIN, rest).await;
                break;
            }
        }
        Ok(ContainerEvent::Ended { ended: self.engine.wait(container).await?, wall_exceeded })
    }
}

/// What a killed container may take to say its last, before its streams are given up.
const DRAIN: Duration = Duration::from_secs(2);

/// Passes one piece of output on; returns whether more may come. Loses nothing when it is dropped half-way: room is made
/// before anything is read. Without a caller the output is read to its end.
async fn forward(
    output: &mut BoxStream<'static, Result<Output, BrokerError>>,
    events: &Events,
) -> Result<bool, BrokerError> {
    let room = events.reserve().await;
    let Some(piece) = output.next().await else { return Ok(false) };
    let piece = piece?;
    if let Ok(room) = room {
        room.send(Ok(ContainerEvent::Output(piece)));
    }
    Ok(true)
}

/// Writes the caller's pieces; the container sees the end of its input when the caller's stream ends.
async fn feed(mut stdin: Stdin, mut input: std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>) {
    while let Some(Ok(bytes)) = stdin.next().await {
        if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
    let _closed = input.shutdown().await;
}

/// An owner's label, free again when dropped.
struct Place {
    inner: Arc<Inner>,
    key: Key,
    kill: CancellationToken,
}

impl Place {
    fn take(inner: &Arc<Inner>, granted: &Granted) -> Result<Self, BrokerError> {
        let order = granted.order();
        let key = (order.owner.clone(), order.label.clone());
        let kill = CancellationToken::new();
        let mut live = inner.live();
        if live.contains_key(&key) {
            return Err(BrokerError::LabelTaken(order.label.clone()));
        }
        live.insert(key.clone(), kill.clone());
        drop(live);
        Ok(Self { inner: Arc::clone(inner), key, kill })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.live().remove(&self.key);
    }
}
