//! A few threads for bulk work: checking the signatures of a frame, on every core, behind the lanes.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// More cores than this gain nothing: one writer takes what they give.
const THREADS_MAX: usize = 8;
/// How far the system puts these threads behind those that a lane waits for.
const NICE: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. What waits for them is bounded by the credit of the streams.
pub(crate) struct Pool {
    jobs: Mutex<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Pool {
    /// Starts a thread for each core.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start() -> std::io::Result<Self> {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = (0..count)
            .map(|number| {
                let jobs = receiver.clone();
                std::thread::Builder::new()
                    .name(format!("descargo-bulk-{number}"))
                    .spawn(move || work(&jobs))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { jobs: Mutex::new(Some(sender)), threads: Mutex::new(threads) })
    }

    /// Does a job when its turn comes; after `stop` it is dropped.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = jobs.as_ref() {
            // The threads only end when this sender is gone.
            let _ = jobs.send(Box::new(job));
        }
    }

    /// Finishes what waits and ends the threads.
    pub fn stop(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    step_back();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

/// On Linux a priority belongs to a thread; elsewhere it would be the whole process's.
#[cfg(target_os = "linux")]
fn step_back() {
    // Where it is not allowed the lanes still come first in the ledger's queue.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}

#[cfg(not(target_os = "linux"))]
fn step_back() {
    let _ = NICE;
}
