//! Ends a hold whose time is over. The ledger asks for it before it decides anything on the
//! declaration, and the engine from time to time.

use descargo_evidence::sha256;
use descargo_ledger::command::{
    Decision, DrawState, Effect, Keys, PositionKey, PositionRow, Record, RequestKey, View,
};
use descargo_ledger::state::{DrawStep, Stage};
use descargo_model::finding::StatedBy;
use descargo_model::pb::verdict::Outcome;

use crate::answer::{Draft, Matter};
use crate::command::{Desk, Terms};
use crate::declaration::fault;
use crate::declaration::plan::{self, Planned, place_of};
use crate::declaration::present::{Present, lapse};
use crate::declaration::verdict::{Allowed, DrawRows};
use crate::refusal::{Reason, Refusal};

/// A hold that has had its time.
#[derive(Debug)]
pub(crate) struct Lapse {
    position: PositionKey,
    request: Vec<u8>,
    request_sha256: [u8; 32],
    key: RequestKey,
    keys: Keys,
}

impl Lapse {
    /// Of a position as it stands. Its name depends on nothing else, so that whoever notices it, and
    /// however often, it is one request.
    pub fn of(validator: &str, position: &PositionKey, row: &PositionRow) -> Self {
        let request = format!(
            "lapse {} {} {} {}",
            position.declaration_number,
            position.shipment_no,
            row.position_no,
            row.lease_until.unwrap_or_default()
        )
        .into_bytes();
        let request_sha256 = sha256(&request);
        let hex = crate::hex(&request_sha256);
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        let request_id = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
        let key = RequestKey { caller: validator.to_owned(), request_id: request_id.join("-") };
        let keys = Keys {
            request: Some((key.clone(), request_sha256)),
            declarations: vec![position.declaration_number.clone()],
            terms: true,
            ..Keys::default()
        };
        Self { position: position.clone(), request, request_sha256, key, keys }
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Gives back what is held, unless it was renewed or exercised in the meantime.
    pub fn decide(&self, desk: &Desk, view: &View<'_, Terms>) -> Decision<Terms, Draft, Refusal> {
        match self.allowed(view) {
            Err(refusal) => Decision::Refuse(refusal),
            Ok(None) => {
                Decision::Refuse(Refusal::new(Reason::NotDecided, "the hold has time left"))
            }
            Ok(Some(allowed)) => {
                let Allowed { firma, position, positioned, .. } = allowed;
                let matter = Matter {
                    request_id: &self.key.request_id,
                    request_sha256: self.request_sha256,
                    caller: &self.key.caller,
                    signer_sha256: Vec::new(),
                    stated_by: StatedBy::Broker,
                };
                let outcome = Outcome::Firma(firma);
                let draft = desk.letterhead.recorded(&matter, view, &[], Some(position), outcome);
                let effect = Effect::Position(positioned);
                Decision::Record(Box::new(Record { refused: false, draft, effect }))
            }
        }
    }

    fn allowed(&self, view: &View<'_, Terms>) -> Result<Option<Allowed>, Refusal> {
        let Some(row) = view.position(&self.position).filter(|row| row.is_due(view.decided_at))
        else {
            return Ok(None);
        };
        let now = Present::of(view, &self.position);
        let step = |draw: &&descargo_ledger::command::DrawRow| Planned {
            place: place_of(draw),
            step: DrawStep::Expire(draw.amount),
        };
        let planned: Vec<Planned> = now.lapsing.iter().map(step).collect();
        let licenses: std::collections::HashMap<i64, _> = now
            .lapsing
            .iter()
            .filter_map(|draw| Some((draw.license_id, view.license_of(draw)?)))
            .collect();
        let row_of = |id: i64| licenses.get(&id).copied().ok_or("a draw's license is unknown");
        let made = plan::make(&planned, view, row_of).map_err(fault)?;
        let mut after = row.clone();
        let has_exercised =
            now.draws.iter().any(|draw| draw.state.stage() == Some(Stage::Exercised));
        lapse(&mut after, has_exercised);
        let rows = DrawRows {
            key: &self.position,
            statement_sha256: [0; 32],
            verdict_no: view.verdict_no,
        };
        let draws = rows.ended(&now.lapsing, DrawState::Lapsed);
        let mut allowed = Allowed::new(Vec::new(), made, 0, &self.position, after);
        // Nobody asked, so nobody is given an acuse.
        allowed.firma.acceptance_code.clear();
        Ok(Some(allowed.with_draws(draws)))
    }
}
