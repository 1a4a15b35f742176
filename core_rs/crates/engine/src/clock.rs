//! The time, as an argument of the engine.

use std::path::PathBuf;
use std::sync::Arc;

use descargo_ledger::command::Nanos;
use jiff::Timestamp;

/// Where decisions get their time from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A file with one RFC 3339 instant, read anew for each decision: for tests of whole processes.
    File(Arc<PathBuf>),
}

impl Clock {
    /// Now, in nanoseconds since 1970.
    ///
    /// An unreadable test clock answers 1970: everything is then outside its validity, which no
    /// test can mistake for a firma.
    #[must_use]
    pub fn now(&self) -> Nanos {
        let instant = match self {
            Self::System => Timestamp::now(),
            Self::File(path) => std::fs::read_to_string(path.as_path())
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(Timestamp::UNIX_EPOCH),
        };
        i64::try_from(instant.as_nanosecond()).unwrap_or(i64::MAX)
    }
}

/// The instant of a decision.
#[must_use]
pub fn instant(nanos: Nanos) -> Timestamp {
    Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}
