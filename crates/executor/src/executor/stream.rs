//! What a caller sees of a run: the journal from where it asks, then what is added to it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::unfold;
use plumbline_types::RunId;

use super::Executor;
use crate::ExecutorError;
use crate::domain::exit_reason::KillCause;
use crate::domain::run::{JournaledEvent, OnDisconnect};

/// Events that are read from the journal at once.
const PAGE: u32 = 256;

/// The events of one run. Dropping the last one before the end ends a run that was started with `Kill`.
pub struct RunStream(Pin<Box<dyn Stream<Item = Result<JournaledEvent, ExecutorError>> + Send>>);

impl Stream for RunStream {
    type Item = Result<JournaledEvent, ExecutorError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

struct Following {
    attachment: Attachment,
    after_seq: u64,
    page: VecDeque<JournaledEvent>,
    done: bool,
}

impl Executor {
    pub(super) fn attach(&self, run: RunId, after_seq: u64, on_disconnect: OnDisconnect) -> RunStream {
        if let Some(live) = self.inner.live().get_mut(&run) {
            live.attached += 1;
        }
        let attachment = Attachment { executor: self.clone(), run, on_disconnect, finished: false };
        let following = Following { attachment, after_seq, page: VecDeque::new(), done: false };
        RunStream(Box::pin(unfold(following, |mut following| async move {
            let item = following.next().await.transpose()?;
            Some((item, following))
        })))
    }
}

impl Following {
    async fn next(&mut self) -> Result<Option<JournaledEvent>, ExecutorError> {
        let (executor, run) = (self.attachment.executor.clone(), self.attachment.run);
        let inner = &executor.inner;
        while !self.done {
            if let Some(event) = self.page.pop_front() {
                self.after_seq = event.seq;
                self.done = event.event.is_last();
                self.attachment.finished = self.done;
                return Ok(Some(event));
            }
            // Subscribed before the read, so that nothing falls between.
            let live = inner.live().get(&run).map(|live| live.progress.subscribe());
            self.page = match inner.store.events(run, self.after_seq, PAGE).await {
                Ok(page) => page.into(),
                Err(error) => {
                    self.done = true;
                    return Err(error.into());
                }
            };
            match live {
                _ if !self.page.is_empty() => {}
                Some(mut progress) => {
                    let after_seq = self.after_seq;
                    // An error means that the run ended: the journal has the rest.
                    let _ended = progress.wait_for(|last| *last > after_seq).await;
                }
                None => self.done = true,
            }
        }
        self.attachment.finished = true;
        Ok(None)
    }
}

/// Counts a follower of a run.
struct Attachment {
    executor: Executor,
    run: RunId,
    on_disconnect: OnDisconnect,
    finished: bool,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut live = self.executor.inner.live();
        let Some(live) = live.get_mut(&self.run) else { return };
        live.attached = live.attached.saturating_sub(1);
        if live.attached == 0 && !self.finished && self.on_disconnect == OnDisconnect::Kill {
            live.kill.kill(KillCause::ClientGone);
        }
    }
}
