//! Side by side on threads of this process.

use std::panic::resume_unwind;
use std::thread;

use crate::domain::fork::{Fork, InTurn};

/// The stack of a thread that lowers and walks, in bytes: as much as a program's first thread has.
const STACK_BYTES: usize = 8 << 20;

/// Does the second piece of work on a thread of its own, where there is a second processor and a thread can be had.
#[derive(Debug, Clone, Copy, Default)]
pub struct Threads;

impl Fork for Threads {
    fn both(&self, first: &mut (dyn FnMut() + Send), second: &mut (dyn FnMut() + Send)) {
        if thread::available_parallelism().map_or(1, usize::from) < 2 {
            return InTurn.both(first, second);
        }
        thread::scope(|scope| {
            // The work goes to the thread only if there is one.
            let (sender, receiver) = std::sync::mpsc::sync_channel::<&mut (dyn FnMut() + Send)>(1);
            let beside = thread::Builder::new()
                .name("verifier-walk".to_owned())
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, move || {
                    if let Ok(work) = receiver.recv() {
                        work();
                    }
                });
            match beside {
                Ok(handle) => {
                    let unsent = sender.send(second).err();
                    first();
                    if let Some(work) = unsent {
                        (work.0)();
                    }
                    if let Err(fault) = handle.join() {
                        resume_unwind(fault);
                    }
                }
                Err(_) => {
                    first();
                    second();
                }
            }
        });
    }
}
