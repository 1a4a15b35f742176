//! The SQLite store: one transaction for each batch, one fsync for each transaction.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use crate::appointed::{self, Appointed};
use crate::cache::TermsCache;
use crate::command::{Command, Nanos, Terms};
use crate::decide::{self, Decided};
use crate::error::{OpenError, StoreFault};
use crate::load;
use crate::streams::{Place, Step, Turns};
use crate::tally::{self, Counted};
use crate::working::WorkingSet;
use crate::writes::{self, VerdictRow};
use crate::{rows, schema};

/// Refusals of one caller that come in between two looks at their bound.
const REFUSALS_BETWEEN_PRUNINGS: u32 = 256;

/// What a command gets back: the answer's bytes, or why there is none.
pub type Reply<R> = Result<Arc<[u8]>, R>;

/// The writing side of a ledger.
pub struct SqliteStore<T: Terms> {
    connection: Connection,
    lock: File,
    cache: Arc<TermsCache<T>>,
    /// As it was when the last batch began; only what is committed is ever kept here.
    appointed: Arc<Appointed>,
    refusals_kept_per_caller: u32,
    refusals_since_pruning: HashMap<String, u32>,
}

impl<T: Terms> SqliteStore<T> {
    /// Opens or creates the ledger at `path`; a new one gets the identity `new_ledger_id`.
    ///
    /// # Errors
    /// [`OpenError`], with the remedy.
    pub fn open(
        path: &Path,
        new_ledger_id: &str,
        refusals_kept_per_caller: u32,
    ) -> Result<Self, OpenError> {
        let lock_path = PathBuf::from(format!("{}.lock", path.display()));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|source| OpenError::Lock { path: lock_path, source })?;
        Ok(Self {
            connection: schema::open_writer(path, new_ledger_id)?,
            lock,
            cache: Arc::new(TermsCache::default()),
            appointed: Arc::default(),
            refusals_kept_per_caller,
            refusals_since_pruning: HashMap::new(),
        })
    }

    /// The cache of immutable license contents, to share with readers.
    #[must_use]
    pub fn cache(&self) -> Arc<TermsCache<T>> {
        self.cache.clone()
    }

    /// Decides a batch and makes it durable. The replies are in the batch's order.
    ///
    /// # Errors
    /// [`StoreFault`]: nothing of the batch was done, unless it is [`StoreFault::Uncertain`].
    pub fn commit<C: Command<Terms = T>>(
        &mut self,
        batch: &[C],
        now: Nanos,
    ) -> Result<Vec<Reply<C::Refusal>>, StoreFault> {
        // Processes that share the file take turns here: SQLite's own back-off sleeps far longer.
        self.lock.lock()?;
        // A decision that panics must not leave the other processes waiting.
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| self.commit_locked(batch, now)));
        self.lock.unlock()?;
        outcome.unwrap_or(Err(StoreFault::Panicked))
    }

    /// Moves a stream past an item that cannot be decided, so that those behind it can be.
    ///
    /// # Errors
    /// [`StoreFault`]: it stands where it stood.
    pub(crate) fn pass(&mut self, place: &Place, now: Nanos) -> Result<(), StoreFault> {
        let Step::Item { epoch, sequence } = place.step else { return Ok(()) };
        self.lock.lock()?;
        let passed = self.pass_locked(place, epoch, sequence, now);
        self.lock.unlock()?;
        passed
    }

    fn pass_locked(
        &mut self,
        place: &Place,
        epoch: u64,
        sequence: u64,
        now: Nanos,
    ) -> Result<(), StoreFault> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut turns = Turns::default();
        turns.load(&transaction, place)?;
        if turns.check(&place.key, epoch, sequence).is_ok() {
            turns.advance(&place.key, sequence);
            turns.save(&transaction, now)?;
        }
        transaction.commit().map_err(StoreFault::Uncertain)
    }

    fn commit_locked<C: Command<Terms = T>>(
        &mut self,
        batch: &[C],
        now: Nanos,
    ) -> Result<Vec<Reply<C::Refusal>>, StoreFault> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut set = WorkingSet::new(rows::counters(&transaction)?);
        self.appointed = appointed::load(&transaction, &self.appointed)?;
        set.appointed = self.appointed.clone();
        for command in batch {
            load::rows_of(&transaction, &self.cache, &mut set, command.keys())?;
            if let Some(place) = command.place() {
                set.turns.load(&transaction, place)?;
            }
        }
        let decided_at = now.max(set.counters.last_decided_at);
        // A hold whose time is over lapses before anything is decided on its declaration, so that
        // its end and a late exercise have one winner, whichever comes first.
        let lapses = lapses(&set, batch, decided_at);
        for lapse in &lapses {
            load::rows_of(&transaction, &self.cache, &mut set, lapse.keys())?;
        }
        let batch: Vec<&C> = lapses.iter().chain(batch).collect();
        let batch = batch.as_slice();
        let decided = decide::in_order(&mut set, batch, decided_at);
        let answers = decide::seal(batch, &decided).map_err(StoreFault::Seal)?;
        write(&transaction, batch, &decided, &answers, decided_at)?;
        set.turns.save(&transaction, now)?;
        if answers.iter().any(Option::is_some) {
            writes::save_counters(&transaction, &set.counters)?;
        }
        let refusing = decide::refusing_callers(batch, &decided);
        let replies = replies(&transaction, decided, answers)?.split_off(lapses.len());
        for caller in refusing {
            let since = self.refusals_since_pruning.entry(caller.to_owned()).or_default();
            *since = since.saturating_add(1);
            if *since >= REFUSALS_BETWEEN_PRUNINGS {
                *since = 0;
                writes::prune_refusals(&transaction, caller, self.refusals_kept_per_caller.into())?;
            }
        }
        transaction.commit().map_err(StoreFault::Uncertain)?;
        Ok(replies)
    }
}

/// The commands by which holds lapse that a batch meets.
fn lapses<C: Command>(set: &WorkingSet<C::Terms>, batch: &[C], at: Nanos) -> Vec<C> {
    let mut seen = HashSet::new();
    let mut lapses = Vec::new();
    for command in batch {
        for (key, row) in set.due(command.keys(), at) {
            if seen.insert(key.clone()) {
                lapses.extend(command.lapse(&key, &row));
            }
        }
    }
    lapses
}

fn write<C: Command>(
    connection: &Connection,
    batch: &[&C],
    decided: &[Decided<C>],
    answers: &[Option<Arc<[u8]>>],
    decided_at: Nanos,
) -> Result<(), StoreFault> {
    for ((command, decided), answer) in batch.iter().zip(decided).zip(answers) {
        let request = command.keys().request.as_ref();
        match decided {
            Decided::Known(_) | Decided::Refused(_) | Decided::Opened(_) => {}
            Decided::SameAs(verdict_no) => {
                if let Some((key, sha256)) = request {
                    writes::insert_request(connection, key, sha256, *verdict_no)?;
                }
            }
            Decided::Recorded { verdict_no, record } => {
                let (Some((key, sha256)), Some(answer)) = (request, answer) else {
                    return Err(StoreFault::Seal("a verdict without request or answer".into()));
                };
                writes::insert_verdict(
                    connection,
                    &VerdictRow {
                        verdict_no: *verdict_no,
                        caller: &key.caller,
                        refused: record.refused,
                        decided_at,
                        request: command.request(),
                        answer,
                    },
                )?;
                writes::insert_request(connection, key, sha256, *verdict_no)?;
                writes::insert_effect(connection, &record.effect, *verdict_no)?;
                if let Some(tally) = command.tally(&record.draft) {
                    let by = Counted { verdict_no: *verdict_no, caller: &key.caller, decided_at };
                    tally::count(connection, &tally, record, &by)?;
                }
            }
        }
    }
    // A license that many draws of the batch share is written once.
    for (state, balances) in decide::last_standings(decided) {
        writes::update_standing(connection, state, &balances)?;
    }
    Ok(())
}

fn replies<C: Command>(
    connection: &Connection,
    decided: Vec<Decided<C>>,
    answers: Vec<Option<Arc<[u8]>>>,
) -> Result<Vec<Reply<C::Refusal>>, StoreFault> {
    let fresh: HashMap<i64, Arc<[u8]>> = decided
        .iter()
        .zip(&answers)
        .filter_map(|(decided, answer)| match decided {
            Decided::Recorded { verdict_no, .. } => Some((*verdict_no, answer.clone()?)),
            _ => None,
        })
        .collect();
    let stored = |verdict_no: i64| match fresh.get(&verdict_no) {
        Some(answer) => Ok(answer.clone()),
        None => rows::answer(connection, verdict_no)?
            .map(Arc::from)
            .ok_or(StoreFault::damaged("verdict", verdict_no)),
    };
    decided
        .into_iter()
        .map(|decided| {
            Ok(match decided {
                Decided::Refused(refusal) => Err(refusal),
                Decided::Opened(position) => Ok(Arc::from(position.to_bytes())),
                Decided::Known(verdict_no)
                | Decided::SameAs(verdict_no)
                | Decided::Recorded { verdict_no, .. } => Ok(stored(verdict_no)?),
            })
        })
        .collect()
}
