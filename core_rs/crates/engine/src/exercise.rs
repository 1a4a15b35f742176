//! Decides one draw of one license for one line: what `ValidateLicense` does and `CheckLicense`
//! shows.

use std::sync::Arc;

use descargo_evidence::{codes_equal, sha256};
use descargo_ledger::command::{
    Decision, Drawn, Effect, Keys, LicenseKey, LineKey, Loaded, PositionRow, Record, RequestKey,
    View,
};
use descargo_ledger::state::{self, LicenseState, Movement};
use descargo_model::finding::{Code, Finding, Locator, StatedBy};
use descargo_model::pb::{self, verdict::Outcome};
use descargo_model::text::lookup_number;
use descargo_rules::claim::Claim;
use descargo_rules::coverage::{self, LineAvailable, coverage};
use descargo_rules::declaration::{DeclarationContext, check_declaration};
use descargo_rules::terms::LicenseTerms;
use prost::Message;

use crate::answer::{Draft, Matter, movement_pb, standing_pb, verdict_id};
use crate::caller::Caller;
use crate::clock::instant;
use crate::command::{Desk, Terms};
use crate::limits::EXERCISE_BYTES_MAX;
use crate::refusal::{Reason, Refusal};
use crate::request;

/// A draw that somebody states.
#[derive(Debug)]
pub(crate) struct Exercise {
    caller: Arc<Caller>,
    request_id: String,
    request: Vec<u8>,
    request_sha256: [u8; 32],
    statement_sha256: [u8; 32],
    declaration: pb::Declaration,
    keys: Keys,
}

/// What the rules and the ledger say of a draw.
enum Judged<'a> {
    /// It was made before, by this verdict.
    Made(i64),
    /// No.
    Refused { findings: Vec<Finding>, license: Option<&'a Loaded<Terms>> },
    /// Yes, with this movement.
    Allowed { findings: Vec<Finding>, state: Box<LicenseState>, movement: Box<Movement> },
    /// Ours.
    Fault(&'static str),
}

impl Exercise {
    /// Reads a `ValidateLicenseRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_validation(caller: Arc<Caller>, bytes: &[u8]) -> Result<Self, Refusal> {
        let message: pb::ValidateLicenseRequest =
            request::read("ValidateLicenseRequest", bytes, EXERCISE_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let mut exercise = Self::of_declaration(caller, bytes, message.declaration)?;
        let key =
            RequestKey { caller: exercise.caller.name.clone(), request_id: request_id.clone() };
        exercise.keys.request = Some((key, exercise.request_sha256));
        exercise.request_id = request_id;
        Ok(exercise)
    }

    /// Reads a `CheckLicenseRequest`; also tells the revision that the answer must have seen.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_check(caller: Arc<Caller>, bytes: &[u8]) -> Result<(Self, String), Refusal> {
        let message: pb::CheckLicenseRequest =
            request::read("CheckLicenseRequest", bytes, EXERCISE_BYTES_MAX)?;
        Ok((Self::of_declaration(caller, bytes, message.declaration)?, message.min_revision))
    }

    fn of_declaration(
        caller: Arc<Caller>,
        bytes: &[u8],
        declaration: Option<pb::Declaration>,
    ) -> Result<Self, Refusal> {
        let declaration = request::required("declaration", declaration)?;
        let (line, draw) = only_draw(&declaration)?;
        caller.may_state(&declaration)?;
        let license = draw.license.clone().unwrap_or_default();
        let keys = Keys {
            request: None,
            license: Some(LicenseKey {
                permit_key: license.permit_key,
                lookup_number: lookup_number(&license.permit_number),
            }),
            line: Some(LineKey {
                declaration_number: declaration.declaration_number.clone(),
                shipment_no: 0,
                line_no: line.line_no,
            }),
            version: None,
            terms: true,
            content: false,
            resigned: false,
        };
        Ok(Self {
            caller,
            request_id: String::new(),
            request: bytes.to_vec(),
            request_sha256: sha256(bytes),
            statement_sha256: sha256(&declaration.encode_to_vec()),
            declaration,
            keys,
        })
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Decides, for the ledger to record.
    pub fn decide(&self, desk: &Desk, view: &View<'_, Terms>) -> Decision<Terms, Draft, Refusal> {
        if let Err(held) = desk.hold_back_guesses(&self.caller, &self.keys, view.decided_at) {
            return Decision::Refuse(held);
        }
        let (findings, state, movement) = match self.judge(desk, view) {
            Judged::Made(verdict_no) => return Decision::SameAs(verdict_no),
            Judged::Fault(what) => return Decision::Refuse(Refusal::new(Reason::Fault, what)),
            Judged::Refused { findings, license } => {
                let outcome = Outcome::Error(refusal(view, license));
                let draft =
                    desk.letterhead.recorded(&self.matter(), view, &findings, None, outcome);
                let effect = Effect::Nothing;
                return Decision::Record(Box::new(Record { refused: true, draft, effect }));
            }
            Judged::Allowed { findings, state, movement } => (findings, *state, *movement),
        };
        let position = self.next_position(desk, view);
        let outcome = Outcome::Firma(pb::Firma {
            acceptance_code: position.acceptance_code.clone(),
            discharge_signature: String::new(),
            movements: vec![movement_pb(&state, &movement)],
        });
        let position_told = pb::Position {
            declaration_number: self.declaration.declaration_number.clone(),
            position_no: position.position_no,
            state: position.state,
            lease_until: None,
        };
        let draft =
            desk.letterhead.recorded(&self.matter(), view, &findings, Some(position_told), outcome);
        let line = self.keys.line.clone().unwrap_or_else(LineKey::none);
        let drawn =
            Drawn { state, movement, line, statement_sha256: self.statement_sha256, position };
        Decision::Record(Box::new(Record { refused: false, draft, effect: Effect::Draw(drawn) }))
    }

    /// Tells what would be decided; changes nothing.
    pub fn preview(&self, desk: &Desk, view: &View<'_, Terms>) -> Result<Draft, Refusal> {
        desk.hold_back_guesses(&self.caller, &self.keys, view.decided_at)?;
        let (findings, outcome) = match self.judge(desk, view) {
            Judged::Fault(what) => return Err(Refusal::new(Reason::Fault, what)),
            // Stated again, it would move nothing.
            Judged::Made(_) => (Vec::new(), Outcome::Preview(pb::Preview::default())),
            Judged::Refused { findings, license } => {
                let refusal = refusal(view, license);
                (findings, Outcome::Error(refusal))
            }
            Judged::Allowed { findings, state, movement } => {
                let movements = vec![movement_pb(&state, &movement)];
                (findings, Outcome::Preview(pb::Preview { movements }))
            }
        };
        Ok(desk.letterhead.unrecorded(&self.matter(), view.decided_at, &findings, outcome))
    }

    fn judge<'a>(&self, desk: &Desk, view: &'a View<'_, Terms>) -> Judged<'a> {
        let context = DeclarationContext { rules: &desk.rules, at: instant(view.decided_at) };
        let checked = check_declaration(&self.declaration, &context);
        let (claim, mut findings) = (checked.claim, checked.findings);
        let Some(claim) = claim else {
            return Judged::Refused { findings, license: None };
        };
        let found = self.license(view).and_then(|row| Some((row, row.terms.as_deref()?)));
        let Some((row, terms)) = found.filter(|(_, terms)| self.may_know(terms, &claim)) else {
            findings.push(coverage::unknown_license(&claim));
            return Judged::Refused { findings, license: None };
        };
        if let Some(made) = view.draws.iter().find(|d| d.license_id == row.state.license_id) {
            if made.statement_sha256 == self.statement_sha256 {
                return Judged::Made(made.verdict_no);
            }
            findings.push(self.other_statement(view, made.verdict_no));
            return Judged::Refused { findings, license: Some(row) };
        }
        self.weigh(desk, view, &claim, row, terms, findings)
    }

    fn weigh<'a>(
        &self,
        desk: &Desk,
        view: &View<'_, Terms>,
        claim: &Claim,
        row: &'a Loaded<Terms>,
        terms: &LicenseTerms,
        mut findings: Vec<Finding>,
    ) -> Judged<'a> {
        let name = &row.state.name;
        let Some(profile) = desk.rules.instruments.profile(&name.permit_key, &name.agency) else {
            return Judged::Fault("a license's instrument is no longer in the instrument profiles");
        };
        let context = DeclarationContext { rules: &desk.rules, at: instant(view.decided_at) };
        let available = lines_available(&row.state);
        let standing = coverage::LicenseState {
            status: row.state.status,
            stops: &row.state.stops,
            available: &available,
            discharge_signature: &row.state.discharge_signature,
        };
        let covered = coverage(claim, terms, profile, &standing, &context);
        let wrong_signature =
            covered.findings.iter().find(|finding| finding.code == Code::N412).cloned();
        if let Some(wrong_signature) = wrong_signature {
            desk.note_wrong_signature(&self.caller, &self.keys, view.decided_at);
            if !self.caller.role.sees_others_licenses() {
                // Who has not the signature is told nothing of the license: whether an amount is too
                // much would already let him search for the balance.
                findings.push(wrong_signature);
                return Judged::Refused { findings, license: None };
            }
        }
        findings.extend(covered.findings);
        if findings.iter().any(Finding::refuses) {
            return Judged::Refused { findings, license: Some(row) };
        }
        let Some(license_line_no) = covered.line_no else {
            return Judged::Fault("a draw without finding has no license line");
        };
        match state::commit(&row.state, license_line_no, claim.line_no(), claim.amount()) {
            Ok((state, mut movement)) => {
                movement.status = state.status_at(context.at, terms.valid_to);
                Judged::Allowed { findings, state: Box::new(state), movement: Box::new(movement) }
            }
            Err(state::StateError::OutOfRange) => {
                let place = self.draw_place("lines[0].draws[0].amount");
                findings.push(Finding::new(Code::S103, place));
                Judged::Refused { findings, license: Some(row) }
            }
            Err(_) => Judged::Fault("a draw without finding does not fit the balance"),
        }
    }

    /// The license that the draw names. Record 553 names no agency, so among several with the same
    /// key and number it is the one whose discharge signature is stated.
    fn license<'a>(&self, view: &'a View<'_, Terms>) -> Option<&'a Loaded<Terms>> {
        let draw = self.declaration.lines.first()?.draws.first()?;
        let agency = draw.license.as_ref().map_or("", |license| &license.agency);
        let named = || {
            view.licenses.iter().filter(|row| agency.is_empty() || row.state.name.agency == agency)
        };
        named()
            .find(|row| codes_equal(&row.state.discharge_signature, &draw.discharge_signature))
            .or_else(|| named().next())
    }

    fn may_know(&self, terms: &LicenseTerms, claim: &Claim) -> bool {
        self.caller.role.sees_others_licenses() || claim.is_traded_by(&terms.holder)
    }

    /// Where the one draw is: the first record 553 of its line.
    fn draw_place(&self, path: &str) -> Locator {
        let line_no = self.keys.line.as_ref().map_or(0, |line| line.line_no);
        Locator { line_no, record: 553, ordinal: 1, ..Locator::field(path) }
    }

    fn other_statement(&self, view: &View<'_, Terms>, verdict_no: i64) -> Finding {
        Finding::new(Code::E341, self.draw_place("lines[0].draws[0]"))
            .declared(&self.declaration.declaration_number)
            .granted(verdict_id(view.ledger_id, verdict_no))
    }

    fn next_position(&self, desk: &Desk, view: &View<'_, Terms>) -> PositionRow {
        let position_no =
            view.position.map_or(1, |position| position.position_no.saturating_add(1));
        PositionRow {
            position_no,
            state: pb::DeclarationState::Exercised.into(),
            acceptance_code: desk.codes.acceptance_code(
                &verdict_id(view.ledger_id, view.verdict_no),
                &self.declaration.declaration_number,
                position_no,
            ),
        }
    }

    fn matter(&self) -> Matter<'_> {
        Matter {
            request_id: &self.request_id,
            request_sha256: self.request_sha256,
            caller: &self.caller.name,
            signer_sha256: Vec::new(),
            stated_by: StatedBy::Broker,
        }
    }
}

/// A no, with where the license stands when the caller may know it.
fn refusal(view: &View<'_, Terms>, license: Option<&Loaded<Terms>>) -> pb::Refusal {
    let at = instant(view.decided_at);
    let standing = |row: &Loaded<Terms>| {
        let valid_to = row.terms.as_deref()?.valid_to;
        Some(standing_pb(&row.state, row.state.status_at(at, valid_to)))
    };
    pb::Refusal { standings: license.and_then(standing).into_iter().collect() }
}

fn lines_available(state: &LicenseState) -> Vec<LineAvailable> {
    state
        .balances
        .iter()
        .map(|balance| LineAvailable {
            line_no: balance.license_line_no,
            available: balance.available,
        })
        .collect()
}

/// The one draw of the one line that these calls take.
fn only_draw(declaration: &pb::Declaration) -> Result<(&pb::DeclarationLine, &pb::Draw), Refusal> {
    let one = |field: &str, count: usize| {
        Refusal::of_field(
            Reason::FieldInvalid,
            field,
            format!("`{field}` has {count} items, this call takes exactly one"),
        )
    };
    let [line] = declaration.lines.as_slice() else {
        return Err(one("declaration.lines", declaration.lines.len()));
    };
    match line.draws.as_slice() {
        [draw] => Ok((line, draw)),
        draws => Err(one("declaration.lines[0].draws", draws.len())),
    }
}
