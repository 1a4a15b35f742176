//! Lets holds lapse whose time is over and whose declarations nobody asks about.
//!
//! A hold lapses before anything is decided on its declaration, so a decision never waits for this;
//! it only brings back what others could draw. Looking costs a few microseconds when nothing is due.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use descargo_ledger::group::GroupCommit;
use descargo_ledger::reader::Reader;

use crate::clock::Clock;
use crate::command::{Command, Desk, Terms};
use crate::deliver::Tag;
use crate::limits::LAPSES_AT_A_TIME;

/// How often holds are looked for whose time is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The thread that looks.
pub(crate) struct Leases(Mutex<Option<(SyncSender<()>, JoinHandle<()>)>>);

impl Leases {
    /// Starts looking.
    pub fn start(
        desk: Arc<Desk>,
        clock: Clock,
        reader: Reader<Terms>,
        queue: Arc<GroupCommit<Command, Tag>>,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let thread =
            std::thread::Builder::new().name("descargo-leases".into()).spawn(move || {
                while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                    // What cannot be read now is read the next time.
                    let due = reader.due(clock.now(), LAPSES_AT_A_TIME).unwrap_or_default();
                    let lapses = due.iter().map(|(position, row)| {
                        (Tag::Nobody, Command::lapse_of(&desk, position, row))
                    });
                    if queue.submit_bulk(lapses).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self(Mutex::new(Some((stop, thread)))))
    }

    /// Looks no more.
    pub fn stop(&self) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = running {
            drop(stop);
            let _ = thread.join();
        }
    }
}
