//! What can go wrong between a decision and the disk.

use std::path::PathBuf;

use thiserror::Error;

/// The ledger's file cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file cannot be opened or created.
    #[error("ledger `{path}`: {source}; check that its directory exists and can be written")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The lock file beside it cannot be opened.
    #[error("lock file `{path}`: {source}; check that its directory can be written")]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Pages of the file are not what was written.
    #[error(
        "ledger `{path}` is damaged: {source}; keep it with its `-wal` as evidence and restore the last good copy of both"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Another program's file.
    #[error("`{path}` is not a Descargo ledger; name another file in `data_dir`")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer version.
    #[error(
        "ledger `{path}` has schema {found}, this version knows {known}; run the version that wrote \
         it or a newer one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Schema of the file.
        found: i64,
        /// Newest schema known here.
        known: i64,
    },
}

/// A batch was not made durable.
#[derive(Debug, Error)]
pub enum StoreFault {
    /// Nothing of it was done.
    #[error("store: {0}")]
    NotDone(#[from] rusqlite::Error),
    /// Nothing of it was done: the lock file could not be locked.
    #[error("lock: {0}")]
    Lock(#[from] std::io::Error),
    /// A stored row is not what it was.
    #[error("row {row} of {place} is damaged")]
    Damaged {
        /// Table or column.
        place: &'static str,
        /// Row.
        row: i64,
    },
    /// A verdict could not be signed.
    #[error("seal: {0}")]
    Seal(String),
    /// A decision panicked; the transaction was rolled back.
    #[error("a decision panicked")]
    Panicked,
    /// The commit itself failed: it may be durable or not.
    #[error("commit: {0}")]
    Uncertain(rusqlite::Error),
}

impl StoreFault {
    /// Whether one command of the batch may be to blame, so that the others can still be done.
    #[must_use]
    pub fn may_be_one_commands(&self) -> bool {
        matches!(self, Self::Panicked | Self::Seal(_) | Self::Damaged { .. })
    }

    pub(crate) fn damaged(place: &'static str, row: i64) -> Self {
        Self::Damaged { place, row }
    }
}
