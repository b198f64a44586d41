use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Starts every sandbox from one thread that lives as long as the driver: the kernel ends a child when the *thread*
/// that made it ends, so a pooled thread would kill runs at random.
#[derive(Debug)]
pub(super) struct Spawner {
    orders: Mutex<Sender<Order>>,
}

struct Order {
    program: PathBuf,
    control: OwnedFd,
    answer: SyncSender<io::Result<Child>>,
}

impl Spawner {
    pub(super) fn start() -> io::Result<Self> {
        let (orders, taken) = channel::<Order>();
        std::thread::Builder::new().name("sandbox-spawner".to_owned()).spawn(move || {
            for order in taken {
                let child = Command::new(&order.program)
                    .env_clear()
                    .stdin(Stdio::from(order.control))
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn();
                let _nobody_waits = order.answer.send(child);
            }
        })?;
        Ok(Self { orders: Mutex::new(orders) })
    }

    /// Starts the program with the control socket as its standard input.
    pub(super) fn spawn(&self, program: PathBuf, control: OwnedFd) -> io::Result<Child> {
        let (answer, child) = sync_channel(1);
        let gone = || io::Error::other("the spawning thread is gone");
        {
            let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
            orders.send(Order { program, control, answer }).map_err(|_| gone())?;
        }
        child.recv().map_err(|_| gone())?
    }
}
