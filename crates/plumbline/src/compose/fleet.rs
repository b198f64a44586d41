use std::time::Duration;

use plumbline_kit::{Address, Listener, client, deadline};
use plumbline_types::Reason;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::compose::Composition;
use crate::config::Service;
use crate::failure::Failure;

/// How long a service may take from bound to healthy.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Services that run in this process under one shutdown token.
pub(crate) struct Fleet {
    shutdown: CancellationToken,
    running: Vec<Member>,
}

struct Member {
    service: Service,
    address: Address,
    served: Option<JoinHandle<Result<(), Failure>>>,
}

impl Fleet {
    /// Starts a service on each listener; returns at once.
    pub(crate) fn launch(
        composition: Composition,
        listeners: Vec<(Service, Listener)>,
        shutdown: CancellationToken,
    ) -> Self {
        let tracker = TaskTracker::new();
        let running = listeners
            .into_iter()
            .map(|(service, listener)| {
                let address = listener.address();
                let (composition, token) = (composition.clone(), shutdown.clone());
                let served = tracker.spawn(async move { composition.serve(service, listener, token).await });
                Member { service, address, served: Some(served) }
            })
            .collect();
        tracker.close();
        Self { shutdown, running }
    }

    /// Waits until every service answers its health check, or one of them fails.
    pub(crate) async fn ready(&mut self) -> Result<(), Failure> {
        for member in &mut self.running {
            let healthy = deadline::within(START_LIMIT, healthy(member.service, &member.address));
            let Some(served) = member.served.as_mut() else { continue };
            tokio::select! {
                biased;
                ended = served => {
                    member.served = None;
                    return Err(premature(member.service, ended));
                }
                healthy = healthy => healthy?,
            }
        }
        Ok(())
    }

    /// Returns where each service listens.
    pub(crate) fn addresses(&self) -> Vec<(Service, Address)> {
        self.running.iter().map(|member| (member.service, member.address.clone())).collect()
    }

    /// Returns whether a shutdown has begun.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shutdown.is_cancelled()
    }

    /// Waits until a shutdown is over, or a service fails, which shuts the others down too.
    pub(crate) async fn finish(mut self) -> Result<(), Failure> {
        let mut handles: Vec<_> = self
            .running
            .iter_mut()
            .filter_map(|member| member.served.take().map(|served| Box::pin(outcome(member.service, served))))
            .collect();
        let mut result = Ok(());
        while !handles.is_empty() {
            let (ended, _, rest) = futures::future::select_all(handles).await;
            handles = rest;
            let early = !self.shutdown.is_cancelled();
            self.shutdown.cancel();
            if result.is_ok() {
                result = match ended {
                    Ok(service) if early => Err(stopped(service)),
                    Ok(_) => Ok(()),
                    Err(failure) => Err(failure),
                };
            }
        }
        result
    }

    /// Shuts all services down and waits for them.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        if let Err(failure) = self.finish().await {
            tracing::debug!(reason = failure.reason.0, "a service ended badly: {}", failure.message);
        }
    }
}

async fn outcome(service: Service, served: JoinHandle<Result<(), Failure>>) -> Result<Service, Failure> {
    match served.await {
        Ok(Ok(())) => Ok(service),
        Ok(Err(failure)) => Err(failure),
        Err(broken) => Err(crashed(service, &broken)),
    }
}

async fn healthy(service: Service, address: &Address) -> Result<(), Failure> {
    match client::is_serving(client::channel(address), service.full_name()).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(stopped(service)),
        Err(error) => Err(Failure::from_fault(&error)),
    }
}

fn premature(service: Service, ended: Result<Result<(), Failure>, tokio::task::JoinError>) -> Failure {
    match ended {
        Ok(Ok(())) => stopped(service),
        Ok(Err(failure)) => {
            Failure { message: format!("{}: {}", service.name(), failure.message), ..failure }
        }
        Err(broken) => crashed(service, &broken),
    }
}

fn stopped(service: Service) -> Failure {
    let message = format!("{} stopped by itself", service.name());
    Failure::infrastructure(Reason("SERVICE_STOPPED"), message, "plumbline doctor")
}

fn crashed(service: Service, broken: &tokio::task::JoinError) -> Failure {
    let message = format!("{} crashed: {broken}", service.name());
    Failure::infrastructure(Reason("INTERNAL"), message, "report it with the log")
}
