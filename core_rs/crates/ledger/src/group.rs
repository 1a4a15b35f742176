//! Group commit: one thread commits whatever queued while the last fsync ran.
//!
//! Gathering pays twice, in fsyncs and in wake-ups. The window adapts: none while calls come one at
//! a time, up to a millisecond while the last batch shows that several callers wait at once. Bulk
//! work waits in a queue of its own, behind every call: see `queue`.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::command::{Command, Nanos};
use crate::error::StoreFault;
pub use crate::queue::NotQueued;
use crate::queue::TwoLanes;
use crate::schema;
use crate::store::{Reply, SqliteStore};

/// How often the log of committed pages is copied back into the ledger's file.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(500);
/// Bulk commands that wait at most; whoever brings more waits with them.
const BULK_QUEUE_MAX: usize = 4_096;

/// The time, as an argument of whoever starts the writer.
pub type Clock = Box<dyn Fn() -> Nanos + Send>;

/// What the writer tells of a command, with what its caller gave to know it by.
pub type Completion<T, R> = (T, Result<Reply<R>, Arc<StoreFault>>);

/// Takes completions, a batch at a time, on the writer's thread.
pub type Deliver<T, R> = Box<dyn Fn(Vec<Completion<T, R>>) + Send>;

/// Queues with one writer behind them.
pub struct GroupCommit<C: Command, T = u64> {
    queues: Arc<TwoLanes<(T, C)>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    checkpointer: Mutex<Option<(SyncSender<()>, JoinHandle<()>)>>,
}

impl<C: Command + 'static, T: Send + 'static> GroupCommit<C, T>
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
        deliver: Deliver<T, C::Refusal>,
    ) -> std::io::Result<Self> {
        let queues = Arc::new(TwoLanes::new(queue_max, BULK_QUEUE_MAX));
        let taken = queues.clone();
        let writer = std::thread::Builder::new()
            .name("descargo-writer".into())
            .spawn(move || write(store, &taken, &clock, &deliver))?;
        let (stop, stopped) = sync_channel(1);
        let checkpointer = std::thread::Builder::new()
            .name("descargo-checkpoint".into())
            .spawn(move || checkpoint(&path, &stopped))?;
        Ok(Self {
            queues,
            writer: Mutex::new(Some(writer)),
            checkpointer: Mutex::new(Some((stop, checkpointer))),
        })
    }

    /// Queues a command that somebody waits at; its completion carries `ticket`.
    ///
    /// # Errors
    /// [`NotQueued`]: it was not and will not be done.
    pub fn submit(&self, ticket: T, command: C) -> Result<(), NotQueued> {
        self.queues.call((ticket, command))
    }

    /// Queues bulk work, in order, behind every call. Waits while the queue is full.
    ///
    /// # Errors
    /// [`NotQueued::Stopping`]: what was not queued by then will not be done.
    pub fn submit_bulk(&self, commands: impl IntoIterator<Item = (T, C)>) -> Result<(), NotQueued> {
        self.queues.bulk(commands)
    }

    /// Takes no more commands, finishes those queued, and ends both threads.
    pub fn stop(&self) {
        self.queues.stop();
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

impl<C: Command, T> Drop for GroupCommit<C, T> {
    fn drop(&mut self) {
        self.queues.stop();
    }
}

fn write<C: Command, T>(
    mut store: SqliteStore<C::Terms>,
    queues: &TwoLanes<(T, C)>,
    clock: &Clock,
    deliver: &Deliver<T, C::Refusal>,
) {
    while let Some(taken) = queues.next() {
        let (tickets, batch): (Vec<T>, Vec<C>) = taken.into_iter().unzip();
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
            // A stream goes on behind the one item that nobody can decide.
            let passed = batch.iter().filter_map(Command::place).try_for_each(|place| match fault
                .may_be_one_commands()
            {
                true => store.pass(place, now),
                false => Ok(()),
            });
            let fault = Arc::new(passed.err().unwrap_or(fault));
            batch.iter().map(|_| Err(fault.clone())).collect()
        }
    }
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
