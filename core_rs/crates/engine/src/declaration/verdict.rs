//! Makes the answer to a request about a declaration, and the rows that it changes.

use std::collections::HashMap;

use descargo_ledger::command::{
    DrawRow, DrawState, LineKey, Loaded, PositionKey, PositionRow, Positioned, View,
};
use descargo_ledger::state::Stage;
use descargo_model::date::timestamp_of;
use descargo_model::finding::Finding;
use descargo_model::pb;

use crate::answer::{movement_pb, standing_pb};
use crate::clock::instant;
use crate::command::Terms;
use crate::declaration::books::Wanted;
use crate::declaration::plan::{Made, Place, place_of, place_wanted};
use crate::limits::REFUSAL_BALANCES_MAX;

/// A yes, with what it changes.
#[derive(Debug)]
pub(crate) struct Allowed {
    /// Warnings.
    pub findings: Vec<Finding>,
    pub firma: pb::Firma,
    pub position: pb::Position,
    pub positioned: Positioned,
}

impl Allowed {
    /// A yes about a position. `skipped` movements at the beginning are not this verdict's own.
    pub fn new(
        findings: Vec<Finding>,
        made: Made,
        skipped: usize,
        key: &PositionKey,
        row: PositionRow,
    ) -> Self {
        let Made { licenses, movements } = made;
        let told = movements
            .iter()
            .skip(skipped)
            .filter_map(|(index, movement)| Some(movement_pb(licenses.get(*index)?, movement)));
        let firma = pb::Firma {
            acceptance_code: row.acceptance_code.clone(),
            discharge_signature: String::new(),
            movements: told.collect(),
        };
        let by_license = |(index, movement): (usize, _)| {
            Some((licenses.get(index).map(|state| state.license_id)?, movement))
        };
        let movements = movements.into_iter().filter_map(by_license).collect();
        let position = position_pb(key, &row);
        let positions = vec![(key.clone(), row)];
        let positioned = Positioned { movements, licenses, draws: Vec::new(), positions };
        Self { findings, firma, position, positioned }
    }

    /// With the draws as they are from now on.
    pub fn with_draws(mut self, draws: Vec<(LineKey, DrawRow)>) -> Self {
        self.positioned.draws = draws;
        self
    }
}

/// Where a declaration stands, as it is told.
pub(crate) fn position_pb(key: &PositionKey, row: &PositionRow) -> pb::Position {
    pb::Position {
        declaration_number: key.declaration_number.clone(),
        shipment_no: (key.shipment_no > 0).then_some(key.shipment_no),
        position_no: row.position_no,
        state: row.state.into(),
        lease_until: row.lease_until.map(|until| timestamp_of(instant(until))),
        rectified_number: row.rectifies.clone(),
    }
}

/// A no, with where the licenses stand that the caller may know. Very many are not all told.
pub(crate) fn refusal(view: &View<'_, Terms>, licenses: &[&Loaded<Terms>]) -> pb::Refusal {
    let at = instant(view.decided_at);
    let mut told = 0_usize;
    let mut standings = Vec::new();
    for row in licenses {
        let Some(terms) = row.terms.as_deref() else { continue };
        told = told.saturating_add(row.state.balances.len());
        if told > REFUSAL_BALANCES_MAX && !standings.is_empty() {
            break;
        }
        standings.push(standing_pb(&row.state, row.state.status_at(at, terms.valid_to)));
    }
    pb::Refusal { standings }
}

/// Draws of a position, as rows.
pub(crate) struct DrawRows<'a> {
    pub key: &'a PositionKey,
    pub statement_sha256: [u8; 32],
    pub verdict_no: i64,
}

impl DrawRows<'_> {
    fn line(&self, line_no: u32) -> LineKey {
        LineKey {
            declaration_number: self.key.declaration_number.clone(),
            shipment_no: self.key.shipment_no,
            line_no,
        }
    }

    /// The rows of draws that are wanted, at a stage. Those that stay as they are stay unwritten.
    pub fn wanted(
        &self,
        before: &[&DrawRow],
        wanted: &[Wanted],
        stage: Stage,
        made: &Made,
    ) -> Vec<(LineKey, DrawRow)> {
        let state = match stage {
            Stage::Held => DrawState::Held,
            Stage::Exercised => DrawState::Exercised,
        };
        let before: HashMap<Place, &&DrawRow> =
            before.iter().map(|draw| (place_of(draw), draw)).collect();
        let stays = |want: &Wanted| {
            let draw = before.get(&place_wanted(want));
            draw.is_some_and(|draw| draw.amount == want.amount && draw.state == state)
        };
        let names: HashMap<i64, _> =
            made.licenses.iter().map(|license| (license.license_id, license)).collect();
        let mut rows = Vec::with_capacity(wanted.len());
        for want in wanted {
            let Some(license) = names.get(&want.license_id).filter(|_| !stays(want)) else {
                continue;
            };
            let row = DrawRow {
                line_no: want.line_no,
                license: descargo_ledger::view::key_of(license),
                license_id: want.license_id,
                license_line_no: want.license_line_no,
                amount: want.amount,
                state,
                statement_sha256: self.statement_sha256,
                verdict_no: self.verdict_no,
            };
            rows.push((self.line(want.line_no), row));
        }
        rows
    }

    /// The rows of draws that take nothing any more.
    pub fn ended(&self, draws: &[&DrawRow], state: DrawState) -> Vec<(LineKey, DrawRow)> {
        let ended = |draw: &&DrawRow| {
            let row = DrawRow { state, verdict_no: self.verdict_no, ..(*draw).clone() };
            (self.line(draw.line_no), row)
        };
        draws.iter().map(ended).collect()
    }
}
