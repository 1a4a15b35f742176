//! Group commit: one thread commits whatever queued while the last fsync ran.
//!
//! Gathering pays twice, in fsyncs and in wake-ups. The window adapts: none while calls come one at
//! a time, up to [`GATHER_MAX`] while the last batch shows that several callers wait at once.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::command::{Command, Nanos};
use crate::error::StoreFault;
use crate::schema;
use crate::store::{Reply, SqliteStore};

/// Longest wait for company, measured to pay for itself at 64 outstanding calls.
const GATHER_MAX: Duration = Duration::from_micros(1_000);
/// Commands in one transaction at most: bounds the time that one commit can take.
const BATCH_MAX: usize = 512;
/// How often the log of committed pages is copied back into the ledger's file.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(500);

/// The time, as an argument of whoever starts the writer.
pub type Clock = Box<dyn Fn() -> Nanos + Send>;

/// What the writer tells of a command, by the caller's ticket.
pub type Completion<R> = (u64, Result<Reply<R>, Arc<StoreFault>>);

/// Takes completions, a batch at a time, on the writer's thread.
pub type Deliver<R> = Box<dyn Fn(Vec<Completion<R>>) + Send>;

/// A queue with one writer behind it.
pub struct GroupCommit<C: Command> {
    queue: Mutex<Option<SyncSender<(u64, C)>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    checkpointer: Mutex<Option<(SyncSender<()>, JoinHandle<()>)>>,
}

/// Why a command was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotQueued {
    /// The queue is full.
    Full,
    /// The writer is stopping.
    Stopping,
}

impl<C: Command + 'static> GroupCommit<C>
where
    C::Refusal: 'static,
{
    /// Starts the writer, and a second thread that checkpoints `path`.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(
        store: SqliteStore<C::Terms>,
        path: PathBuf,
        queue_max: usize,
        clock: Clock,
        deliver: Deliver<C::Refusal>,
    ) -> std::io::Result<Self> {
        let (queue, commands) = sync_channel(queue_max);
        let writer = std::thread::Builder::new()
            .name("descargo-writer".into())
            .spawn(move || write(store, &commands, &clock, &deliver))?;
        let (stop, stopped) = sync_channel(1);
        let checkpointer = std::thread::Builder::new()
            .name("descargo-checkpoint".into())
            .spawn(move || checkpoint(&path, &stopped))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
            checkpointer: Mutex::new(Some((stop, checkpointer))),
        })
    }

    /// Queues a command; its completion carries `ticket`.
    ///
    /// # Errors
    /// [`NotQueued`]: it was not and will not be done.
    pub fn submit(&self, ticket: u64, command: C) -> Result<(), NotQueued> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match queue.as_ref().map(|queue| queue.try_send((ticket, command))) {
            None | Some(Err(TrySendError::Disconnected(_))) => Err(NotQueued::Stopping),
            Some(Err(TrySendError::Full(_))) => Err(NotQueued::Full),
            Some(Ok(())) => Ok(()),
        }
    }

    /// Takes no more commands, finishes those queued, and ends both threads.
    pub fn stop(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A panic of the writer was told by its own hook; there is nothing left to wait for.
            let _ = writer.join();
        }
        let checkpointer = self.checkpointer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = checkpointer {
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl<C: Command> Drop for GroupCommit<C> {
    fn drop(&mut self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn write<C: Command>(
    mut store: SqliteStore<C::Terms>,
    commands: &Receiver<(u64, C)>,
    clock: &Clock,
    deliver: &Deliver<C::Refusal>,
) {
    let mut last_batch = 1;
    while let Ok(first) = commands.recv() {
        let (tickets, batch) = gather(first, commands, last_batch);
        last_batch = batch.len();
        deliver(tickets.into_iter().zip(outcomes(&mut store, &batch, clock())).collect());
    }
}

/// Commits a batch. When one command may have spoiled it, each is tried alone, so that the fault
/// stays with the one that has it.
fn outcomes<C: Command>(
    store: &mut SqliteStore<C::Terms>,
    batch: &[C],
    now: Nanos,
) -> Vec<Result<Reply<C::Refusal>, Arc<StoreFault>>> {
    match store.commit(batch, now) {
        Ok(replies) => replies.into_iter().map(Ok).collect(),
        Err(fault) if batch.len() > 1 && fault.may_be_one_commands() => batch
            .iter()
            .flat_map(|command| outcomes(store, std::slice::from_ref(command), now))
            .collect(),
        Err(fault) => {
            let fault = Arc::new(fault);
            batch.iter().map(|_| Err(fault.clone())).collect()
        }
    }
}

/// What is queued, and what comes within the window: until as many wait as in the last batch.
fn gather<C>(
    first: (u64, C),
    commands: &Receiver<(u64, C)>,
    expected: usize,
) -> (Vec<u64>, Vec<C>) {
    let (mut tickets, mut batch) = (vec![first.0], vec![first.1]);
    let deadline = Instant::now().checked_add(GATHER_MAX);
    while batch.len() < BATCH_MAX {
        let next = match commands.try_recv() {
            Ok(next) => next,
            Err(_) if batch.len() >= expected => break,
            Err(_) => {
                let left = deadline
                    .map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
                match commands.recv_timeout(left) {
                    Ok(next) => next,
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
        };
        tickets.push(next.0);
        batch.push(next.1);
    }
    (tickets, batch)
}

/// Copies committed pages back, so that the writer never stops to do it.
fn checkpoint(path: &std::path::Path, stopped: &Receiver<()>) {
    let Ok(connection) = schema::open_checkpointer(path) else { return };
    while stopped.recv_timeout(CHECKPOINT_EVERY) == Err(RecvTimeoutError::Timeout) {
        // A failed checkpoint loses nothing: the log only grows until the next one.
        let _ = connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)");
    }
    // The writer has ended: what it wrote belongs into the one file that people copy and keep.
    let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
}
