//! Where the engine leaves outcomes until Python fetches them.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use descargo_engine::engine::Outcome;

/// Outcomes that Python has not fetched yet, and the pipe that tells it so.
pub(crate) struct Mailbox {
    pub outcomes: Mutex<Vec<(u64, Outcome)>>,
    pub bell: Mutex<std::io::PipeWriter>,
}

impl Mailbox {
    pub fn put(&self, outcomes: Vec<(u64, Outcome)>) {
        let was_empty = {
            let mut waiting = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            let was_empty = waiting.is_empty();
            waiting.extend(outcomes);
            was_empty
        };
        if was_empty {
            let mut bell = self.bell.lock().unwrap_or_else(PoisonError::into_inner);
            // The reading end closes only with the engine; then nobody is left to be told.
            let _ = bell.write_all(&[1]);
        }
    }
}
