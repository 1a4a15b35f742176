//! The rows of one batch in memory: loaded once, changed by decisions in order, written back once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::appointed::Appointed;
use crate::command::{
    Decision, DrawRow, Effect, Keys, LicenseKey, Loaded, Nanos, PositionKey, PositionRow,
    Positioned, Record, RequestKey, Terms, VersionMark, View,
};
use crate::state::LicenseState;
use crate::streams::Turns;
use crate::view::key_of;

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

/// The live draws of one declaration, as far as they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Draws {
    /// Whether they are all here.
    pub whole: bool,
    /// By shipment and line; a line that was looked at and has none is here too.
    pub by_line: BTreeMap<(u32, u32), Vec<DrawRow>>,
}

/// The rows of a batch.
#[derive(Debug)]
pub(crate) struct WorkingSet<T> {
    pub counters: Counters,
    pub outcomes: HashMap<RequestKey, Outcome>,
    pub licenses: HashMap<LicenseKey, Vec<Loaded<T>>>,
    pub draws: HashMap<String, Draws>,
    pub positions: HashMap<String, BTreeMap<u32, PositionRow>>,
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

    /// What a command sees at `decided_at`.
    pub fn view(&self, decided_at: Nanos) -> View<'_, T> {
        View {
            decided_at,
            verdict_no: self.counters.last_verdict_no.saturating_add(1),
            ledger_id: &self.counters.ledger_id,
            next_license_id: self.counters.last_license_id.saturating_add(1),
            rows: self,
            appointed: &self.appointed,
        }
    }

    /// Positions that the keys name and whose holds have had their time.
    pub fn due(&self, keys: &Keys, at: Nanos) -> Vec<(PositionKey, PositionRow)> {
        let named =
            keys.declarations.iter().chain(keys.line.as_ref().map(|l| &l.declaration_number));
        named
            .filter_map(|number| Some((number, self.positions.get(number)?)))
            .flat_map(|(number, rows)| {
                rows.iter().map(move |(shipment, row)| (number, shipment, row))
            })
            .filter(|(_, _, row)| row.is_due(at))
            .map(|(number, shipment_no, row)| {
                let key =
                    PositionKey { declaration_number: number.clone(), shipment_no: *shipment_no };
                (key, row.clone())
            })
            .collect()
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
            self.absorb_effect(record, verdict_no);
        }
        Some(verdict_no)
    }

    fn remember(&mut self, keys: &Keys, verdict_no: i64) {
        if let Some((key, request_sha256)) = &keys.request {
            let outcome = Outcome { request_sha256: *request_sha256, verdict_no };
            self.outcomes.entry(key.clone()).or_insert(outcome);
        }
    }

    fn absorb_effect<D>(&mut self, record: &Record<T, D>, verdict_no: i64) {
        match &record.effect {
            Effect::Nothing | Effect::EndQuarantine(_) => {}
            Effect::Hold(held) => self.stands(&held.state),
            Effect::Resign(again) => {
                if let Some(row) = self.license_mut(&again.state) {
                    row.state = again.state.clone();
                    row.resigned.push((again.movement.version, verdict_no));
                }
            }
            Effect::Appoint(added) => {
                self.appointed = Arc::new(self.appointed.with(added, verdict_no));
            }
            Effect::Issue(issued) => {
                self.counters.last_license_id =
                    self.counters.last_license_id.max(issued.state.license_id);
                let rows = self.licenses.entry(key_of(&issued.state)).or_default();
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
                if let Some(row) = self.license_mut(&changed.state) {
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
            Effect::Position(positioned) => self.absorb_positions(positioned),
        }
    }

    fn license_mut(&mut self, state: &LicenseState) -> Option<&mut Loaded<T>> {
        let rows = self.licenses.get_mut(&key_of(state))?;
        rows.iter_mut().find(|row| row.state.license_id == state.license_id)
    }

    fn stands(&mut self, state: &LicenseState) {
        if let Some(row) = self.license_mut(state) {
            row.state = state.clone();
        }
    }

    fn absorb_positions(&mut self, positioned: &Positioned) {
        for state in &positioned.licenses {
            self.stands(state);
        }
        for (line, draw) in &positioned.draws {
            let draws = self.draws.entry(line.declaration_number.clone()).or_default();
            let rows = draws.by_line.entry((line.shipment_no, line.line_no)).or_default();
            rows.retain(|row| {
                (row.license_id, row.license_line_no) != (draw.license_id, draw.license_line_no)
            });
            if draw.state.stage().is_some() {
                rows.push(draw.clone());
            }
        }
        for (key, row) in &positioned.positions {
            let rows = self.positions.entry(key.declaration_number.clone()).or_default();
            rows.insert(key.shipment_no, row.clone());
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
