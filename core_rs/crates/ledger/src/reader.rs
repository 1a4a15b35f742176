//! Reading beside the writer: snapshots that see every answer given before they began.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use descargo_model::pb::LicenseId;
use rusqlite::{Connection, TransactionBehavior};

use crate::activity::{self, Activity, Days};
use crate::appointed::{self, Enrolled};
use crate::cache::TermsCache;
use crate::command::{Keys, Nanos, PositionKey, PositionRow, RequestKey, Terms, View};
use crate::error::{OpenError, StoreFault};
use crate::feed::{self, FeedBounds, FeedPart, FeedPlace};
use crate::list::{self, ListBounds, ListPart, ListPlace, VersionRow, Wanted};
use crate::movements::{self, MovementBounds, MovementPart, MovementsOf};
use crate::quarantine::{self, Order, RestingPart, Search};
use crate::state::LicenseState;
use crate::working::WorkingSet;
use crate::{load, position_rows, rows, schema};

/// Idle connections kept; more readers at once open their own for a while.
const CONNECTIONS_KEPT: usize = 4;

/// The reading side of a ledger.
pub struct Reader<T> {
    path: PathBuf,
    cache: Arc<TermsCache<T>>,
    idle: Mutex<Vec<Connection>>,
}

/// A license with the content of one version.
#[derive(Debug)]
pub struct LicenseAt {
    /// Where it stands now.
    pub state: LicenseState,
    /// Serialised `License` of the version asked for.
    pub content: Vec<u8>,
    /// Serialised `License` of the present version, when another one was asked for.
    pub present_content: Option<Vec<u8>>,
}

impl<T: Terms> Reader<T> {
    /// Reads the ledger at `path`.
    ///
    /// # Errors
    /// [`OpenError`], with the remedy.
    pub fn open(path: &Path, cache: Arc<TermsCache<T>>) -> Result<Self, OpenError> {
        let first = schema::open_reader(path)?;
        Ok(Self { path: path.to_owned(), cache, idle: Mutex::new(vec![first]) })
    }

    /// Shows `look` what a command with these keys would see now, and the last verdict's number.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn view<R>(
        &self,
        keys: &Keys,
        now: Nanos,
        look: impl FnOnce(&View<'_, T>, i64) -> R,
    ) -> Result<R, StoreFault> {
        self.snapshot(|connection| {
            let mut set = WorkingSet::new(rows::counters(connection)?);
            load::rows_of(connection, &self.cache, &mut set, keys)?;
            let decided_at = now.max(set.counters.last_decided_at);
            Ok(look(&set.view(decided_at), set.counters.last_verdict_no))
        })
    }

    /// The answer that a request got.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn outcome(&self, key: &RequestKey) -> Result<Option<Vec<u8>>, StoreFault> {
        self.snapshot(|connection| match rows::outcome(connection, key)? {
            Some(outcome) => rows::answer(connection, outcome.verdict_no),
            None => Ok(None),
        })
    }

    /// The licenses with a key and number, each with the content of `version`, or of its last one.
    /// A license that lacks the version is left out.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn licenses(
        &self,
        key: &crate::command::LicenseKey,
        version: Option<u32>,
    ) -> Result<Vec<LicenseAt>, StoreFault> {
        self.snapshot(|connection| {
            let mut found = Vec::new();
            for state in rows::licenses(connection, key)? {
                let version = version.unwrap_or(state.version);
                let present_content = match version == state.version {
                    true => None,
                    false => rows::content(connection, state.license_id, state.version)?,
                };
                if let Some(content) = rows::content(connection, state.license_id, version)? {
                    found.push(LicenseAt { state, content, present_content });
                }
            }
            Ok(found)
        })
    }

    /// Positions whose holds have had their time at an instant, those due longest first.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn due(
        &self,
        at: Nanos,
        rows_max: u32,
    ) -> Result<Vec<(PositionKey, PositionRow)>, StoreFault> {
        self.snapshot(|connection| position_rows::due(connection, at, rows_max))
    }

    /// Number of the last verdict.
    ///
    /// # Errors
    /// [`StoreFault`] when the row cannot be read.
    pub fn last_verdict_no(&self) -> Result<i64, StoreFault> {
        self.snapshot(|connection| Ok(rows::counters(connection)?.last_verdict_no))
    }

    /// Identity of the ledger.
    ///
    /// # Errors
    /// [`StoreFault`] when the row cannot be read.
    pub fn ledger_id(&self) -> Result<String, StoreFault> {
        self.snapshot(|connection| Ok(rows::counters(connection)?.ledger_id))
    }

    /// Movements of the licenses that are `told` of, in the order of commits, at `from` and after.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn feed(
        &self,
        told: &dyn Fn(&LicenseId) -> bool,
        from: FeedPlace,
        bounds: FeedBounds,
    ) -> Result<FeedPart, StoreFault> {
        self.snapshot(|connection| feed::part(connection, told, from, bounds))
    }

    /// Licenses of one agency, or of all when `agency` is empty, in the order of lists.
    ///
    /// # Errors
    /// When the rows cannot be read, or when `wanted` cannot make a record.
    pub fn list<W: Wanted>(
        &self,
        agency: &str,
        after: Option<&ListPlace>,
        bounds: ListBounds,
        wanted: &W,
    ) -> Result<ListPart<W::Record>, W::Fault> {
        self.snapshot(|connection| list::part(connection, agency, after, bounds, wanted))
    }

    /// What happened on some days to what is `told` of, by agency and permit key. `None`: the days
    /// hold more than `scanned_max` movements and issues.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn activity(
        &self,
        told: &dyn Fn(&str, &str) -> bool,
        days: &Days,
        scanned_max: usize,
    ) -> Result<Option<Activity>, StoreFault> {
        self.snapshot(|connection| activity::of_days(connection, told, days, scanned_max))
    }

    /// Versions of a license after `after`, within bounds, and whether there are more.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn versions(
        &self,
        license_id: i64,
        after: u32,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<(Vec<VersionRow>, bool), StoreFault> {
        self.snapshot(|connection| {
            list::versions(connection, license_id, after, rows_max, bytes_max)
        })
    }

    /// The officials that operators enrolled, in that order.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn enrolled(&self) -> Result<Vec<Enrolled>, StoreFault> {
        self.snapshot(appointed::enrolled)
    }

    /// Orders of quarantine that are not carried out; or the one of a verdict.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn orders(&self, order_no: Option<i64>) -> Result<Vec<Order>, StoreFault> {
        self.snapshot(|connection| quarantine::orders(connection, order_no))
    }

    /// How many licenses an order put in doubt.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn count_held(&self, order_no: i64) -> Result<i64, StoreFault> {
        self.snapshot(|connection| quarantine::count_held(connection, order_no))
    }

    /// Licenses that rest on a certificate, from a verdict on, within bounds.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn resting(
        &self,
        search: &Search,
        from: i64,
        scanned_max: usize,
        rows_max: usize,
    ) -> Result<RestingPart, StoreFault> {
        self.snapshot(|connection| {
            quarantine::resting(connection, search, from, scanned_max, rows_max)
        })
    }

    /// Verdicts that moved a license from one on, and whether there are more than `rows_max`.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn verdicts_of(
        &self,
        license_id: i64,
        from: i64,
        rows_max: usize,
    ) -> Result<(Vec<i64>, bool), StoreFault> {
        self.snapshot(|connection| quarantine::verdicts(connection, license_id, from, rows_max))
    }

    /// Movements after a place, of one license or one declaration, of those that are `told` of.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn movements(
        &self,
        of: MovementsOf<'_>,
        told: &dyn Fn(&LicenseId) -> bool,
        after: FeedPlace,
        bounds: MovementBounds,
    ) -> Result<MovementPart, StoreFault> {
        self.snapshot(|connection| movements::part(connection, of, told, after, bounds))
    }

    /// The licenses that a declaration ever drew from and that are `told` of, by name.
    ///
    /// # Errors
    /// [`StoreFault`] when the rows cannot be read.
    pub fn licenses_of_declaration(
        &self,
        declaration_number: &str,
        told: &dyn Fn(&LicenseId) -> bool,
    ) -> Result<Vec<LicenseAt>, StoreFault> {
        self.snapshot(|connection| movements::licenses_of(connection, declaration_number, told))
    }

    fn snapshot<R, E: From<StoreFault>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<R, E>,
    ) -> Result<R, E> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.path).map_err(|_| {
                StoreFault::NotDone(rusqlite::Error::InvalidPath(self.path.clone()))
            })?,
        };
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(StoreFault::from)?;
        let outcome = read(&transaction)?;
        transaction.commit().map_err(StoreFault::from)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < CONNECTIONS_KEPT {
            idle.push(connection);
        }
        Ok(outcome)
    }
}
