//! The rows of one batch in memory: loaded once, changed by decisions in order, written back once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::appointed::Appointed;
use crate::command::{
    Decision, DrawRow, Effect, Keys, LicenseKey, LineKey, Loaded, Nanos, PositionRow, Record,
    RequestKey, Terms, VersionMark, View,
};
use crate::state::LicenseState;
use crate::streams::Turns;

/// The answer that a request got before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub request_sha256: [u8; 32],
    pub verdict_no: i64,
}

/// Counters of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counters {
    pub ledger_id: String,
    pub last_verdict_no: i64,
    pub last_decided_at: Nanos,
    pub last_license_id: i64,
}

/// The rows of a batch.
#[derive(Debug)]
pub(crate) struct WorkingSet<T> {
    pub counters: Counters,
    pub outcomes: HashMap<RequestKey, Outcome>,
    pub licenses: HashMap<LicenseKey, Vec<Loaded<T>>>,
    pub draws: HashMap<LineKey, Vec<DrawRow>>,
    pub positions: HashMap<(String, u32), PositionRow>,
    pub turns: Turns,
    pub appointed: Arc<Appointed>,
}

impl<T: Terms> WorkingSet<T> {
    pub fn new(counters: Counters) -> Self {
        Self {
            counters,
            outcomes: HashMap::new(),
            licenses: HashMap::new(),
            draws: HashMap::new(),
            positions: HashMap::new(),
            turns: Turns::default(),
            appointed: Arc::default(),
        }
    }

    /// What a command with these keys sees at `decided_at`.
    pub fn view(&self, keys: &Keys, decided_at: Nanos) -> View<'_, T> {
        let rows = |key: &LicenseKey| self.licenses.get(key).map_or(&[][..], Vec::as_slice);
        View {
            decided_at,
            verdict_no: self.counters.last_verdict_no.saturating_add(1),
            ledger_id: &self.counters.ledger_id,
            next_license_id: self.counters.last_license_id.saturating_add(1),
            licenses: keys.license.as_ref().map_or(&[][..], rows),
            draws: keys
                .line
                .as_ref()
                .and_then(|line| self.draws.get(line))
                .map_or(&[][..], Vec::as_slice),
            position: keys.line.as_ref().and_then(|line| {
                self.positions.get(&(line.declaration_number.clone(), line.shipment_no))
            }),
            appointed: &self.appointed,
        }
    }

    /// Whether the request was answered before: the same content, or another.
    pub fn earlier(&self, keys: &Keys) -> Option<Earlier> {
        let (key, sha256) = keys.request.as_ref()?;
        let outcome = self.outcomes.get(key)?;
        Some(match outcome.request_sha256 == *sha256 {
            true => Earlier::Same(outcome.verdict_no),
            false => Earlier::Other,
        })
    }

    /// Makes a decision visible to the commands after it. Returns the number of a new verdict.
    pub fn absorb<D, R>(
        &mut self,
        keys: &Keys,
        decided_at: Nanos,
        decision: &Decision<T, D, R>,
    ) -> Option<i64> {
        let verdict_no = match decision {
            Decision::Refuse(_) => return None,
            Decision::SameAs(verdict_no) => {
                self.remember(keys, *verdict_no);
                return None;
            }
            Decision::Record(_) => self.counters.last_verdict_no.saturating_add(1),
        };
        self.counters.last_verdict_no = verdict_no;
        self.counters.last_decided_at = decided_at;
        self.remember(keys, verdict_no);
        if let Decision::Record(record) = decision {
            self.absorb_effect(keys, record, verdict_no);
        }
        Some(verdict_no)
    }

    fn remember(&mut self, keys: &Keys, verdict_no: i64) {
        if let Some((key, request_sha256)) = &keys.request {
            let outcome = Outcome { request_sha256: *request_sha256, verdict_no };
            self.outcomes.entry(key.clone()).or_insert(outcome);
        }
    }

    fn rows_of(&mut self, keys: &Keys, license_id: i64) -> impl Iterator<Item = &mut Loaded<T>> {
        let rows = keys.license.as_ref().and_then(|key| self.licenses.get_mut(key));
        rows.into_iter().flatten().filter(move |row| row.state.license_id == license_id)
    }

    fn stands(&mut self, keys: &Keys, state: &LicenseState) {
        for row in self.rows_of(keys, state.license_id) {
            row.state = state.clone();
        }
    }

    fn absorb_effect<D>(&mut self, keys: &Keys, record: &Record<T, D>, verdict_no: i64) {
        match &record.effect {
            Effect::Nothing | Effect::EndQuarantine(_) => {}
            Effect::Hold(held) => self.stands(keys, &held.state),
            Effect::Resign(again) => {
                self.stands(keys, &again.state);
                for row in self.rows_of(keys, again.state.license_id) {
                    row.resigned.push((again.movement.version, verdict_no));
                }
            }
            Effect::Appoint(added) => {
                self.appointed = Arc::new(self.appointed.with(added, verdict_no));
            }
            Effect::Issue(issued) => {
                self.counters.last_license_id =
                    self.counters.last_license_id.max(issued.state.license_id);
                let Some(key) = &keys.license else { return };
                let rows = self.licenses.entry(key.clone()).or_default();
                rows.push(Loaded {
                    state: issued.state.clone(),
                    terms: Some(issued.terms.clone()),
                    content: Some(issued.content.clone()),
                    resigned: Vec::new(),
                    versions: vec![VersionMark {
                        version: issued.state.version,
                        change_sha256: issued.change_sha256,
                        verdict_no,
                    }],
                });
                rows.sort_by(|one, other| one.state.name.agency.cmp(&other.state.name.agency));
            }
            Effect::Change(changed) => {
                let rows = keys.license.as_ref().and_then(|key| self.licenses.get_mut(key));
                for row in rows.into_iter().flatten() {
                    if row.state.license_id == changed.state.license_id {
                        row.state = changed.state.clone();
                        row.terms = Some(changed.terms.clone());
                        row.content = Some(changed.content.clone());
                        row.versions.push(VersionMark {
                            version: changed.state.version,
                            change_sha256: changed.change_sha256,
                            verdict_no,
                        });
                    }
                }
            }
            Effect::Draw(drawn) => {
                let rows = keys.license.as_ref().and_then(|key| self.licenses.get_mut(key));
                for row in rows.into_iter().flatten() {
                    if row.state.license_id == drawn.state.license_id {
                        row.state = drawn.state.clone();
                    }
                }
                self.draws.entry(drawn.line.clone()).or_default().push(DrawRow {
                    license_id: drawn.state.license_id,
                    license_line_no: drawn.movement.balance_after.license_line_no,
                    statement_sha256: drawn.statement_sha256,
                    verdict_no,
                });
                self.positions.insert(
                    (drawn.line.declaration_number.clone(), drawn.line.shipment_no),
                    drawn.position.clone(),
                );
            }
        }
    }
}

/// How a request was answered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// With the same content: by this verdict.
    Same(i64),
    /// With other content.
    Other,
}
