//! The licenses that one request touches, on copies: what a position holds is given back first, then
//! each draw is checked against what those before it left. So two draws on one license line see each
//! other, and what a declaration holds already is never in its own way.

use std::collections::HashMap;

use descargo_evidence::codes_equal;
use descargo_ledger::command::{DrawRow, LicenseKey, Loaded, View};
use descargo_ledger::state::{DrawStep, LicenseState, Stage, StateError};
use descargo_model::decimal::AmountValue;
use descargo_model::finding::{Code, Finding};
use descargo_rules::claim::Claim;
use descargo_rules::coverage::{self, LineAvailable, Purpose, coverage_for};
use descargo_rules::declaration::DeclarationContext;
use descargo_rules::instruments::Profile;
use descargo_rules::terms::LicenseTerms;

use crate::caller::Caller;
use crate::command::{Desk, Terms};

/// Ours: it becomes a fault, never a firma.
pub(crate) type Fault = &'static str;

/// A draw that may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Line of the declaration.
    pub line_no: u32,
    /// The license's row.
    pub license_id: i64,
    /// Its line.
    pub license_line_no: u32,
    /// What is taken.
    pub amount: AmountValue,
}

/// What was found about one draw.
pub(crate) struct Weighed<'v> {
    /// The draw, unless something refuses it.
    pub wanted: Option<Wanted>,
    /// Everything that was found.
    pub findings: Vec<Finding>,
    /// The license, when the caller may know of it.
    pub license: Option<&'v Loaded<Terms>>,
}

/// Who asks, what for, and with which rules.
pub(crate) struct Scales<'a> {
    pub desk: &'a Desk,
    pub caller: &'a Caller,
    pub context: DeclarationContext<'a>,
    pub purpose: Purpose,
    /// How far the draws will have come.
    pub stage: Stage,
}

/// A license that is open.
struct Book<'v> {
    row: &'v Loaded<Terms>,
    scratch: LicenseState,
    available: Vec<LineAvailable>,
}

/// Open licenses, by their rows.
pub(crate) struct Books<'v> {
    open: HashMap<i64, Book<'v>>,
}

impl<'v> Books<'v> {
    pub fn new() -> Self {
        Self { open: HashMap::new() }
    }

    fn book(&mut self, row: &'v Loaded<Terms>) -> &mut Book<'v> {
        self.open.entry(row.state.license_id).or_insert_with(|| Book {
            row,
            scratch: row.state.clone(),
            available: lines_available(&row.state),
        })
    }

    /// Gives back what a draw takes.
    pub fn give_back(&mut self, view: &'v View<'v, Terms>, draw: &DrawRow) -> Result<(), Fault> {
        let row = view.license_of(draw).ok_or("a draw's license is not in the ledger")?;
        let stage = draw.state.stage().ok_or("a draw that takes nothing is given back")?;
        self.book(row)
            .step(draw.license_line_no, &DrawStep::Release(stage, draw.amount))
            .map_err(|_| "a draw does not fit its license's balance")
    }

    /// Checks a draw, and takes it if nothing speaks against it.
    pub fn weigh(
        &mut self,
        scales: &Scales<'_>,
        view: &'v View<'v, Terms>,
        claim: &Claim<'_>,
    ) -> Result<Weighed<'v>, Fault> {
        let found = license(view, claim).and_then(|row| Some((row, row.terms.as_deref()?)));
        let Some((row, terms)) = found.filter(|(_, terms)| may_know(scales.caller, terms, claim))
        else {
            let findings = vec![coverage::unknown_license(claim)];
            return Ok(Weighed { wanted: None, findings, license: None });
        };
        let profile = profile(scales.desk, row)?;
        let book = self.book(row);
        let standing = coverage::LicenseState {
            status: book.scratch.status,
            stops: &row.state.stops,
            available: &book.available,
            discharge_signature: &row.state.discharge_signature,
        };
        let covered =
            coverage_for(scales.purpose, claim, terms, profile, &standing, &scales.context);
        let mut findings = covered.findings;
        if let Some(wrong) = wrong_signature(scales, view, claim, &findings)
            && !scales.caller.role.sees_others_licenses()
        {
            // Who has not the signature is told nothing of the license: whether an amount is too
            // much would already let him search for the balance.
            return Ok(Weighed { wanted: None, findings: vec![wrong], license: None });
        }
        let mut wanted = None;
        if let Some(license_line_no) = covered.line_no
            && !findings.iter().any(Finding::refuses)
        {
            let amount = claim.amount();
            let step = match scales.stage {
                Stage::Held => DrawStep::Reserve(amount),
                Stage::Exercised => DrawStep::Commit(amount),
            };
            match book.step(license_line_no, &step) {
                Ok(()) => {
                    let license_id = row.state.license_id;
                    let line_no = claim.line_no();
                    wanted = Some(Wanted { line_no, license_id, license_line_no, amount });
                }
                Err(StateError::OutOfRange) => {
                    let at = claim.draw_field("amount", 0);
                    findings.push(Finding::new(Code::S103, at));
                }
                // Then the declaration itself has a finding; if not, the draw is missed at the end.
                Err(_) => {}
            }
        }
        Ok(Weighed { wanted, findings, license: Some(row) })
    }

    /// An open license.
    pub fn row(&self, license_id: i64) -> Result<&'v Loaded<Terms>, Fault> {
        self.open.get(&license_id).map(|book| book.row).ok_or("a license is not open")
    }
}

impl Book<'_> {
    fn step(&mut self, license_line_no: u32, step: &DrawStep) -> Result<(), StateError> {
        let movement = self.scratch.step(license_line_no, 0, step)?;
        let line = self.available.iter_mut().find(|line| line.line_no == license_line_no);
        if let Some(line) = line {
            line.available = movement.balance_after.available;
        }
        Ok(())
    }
}

/// The license's instrument.
pub(crate) fn profile<'a>(desk: &'a Desk, row: &Loaded<Terms>) -> Result<&'a Profile, Fault> {
    let name = &row.state.name;
    desk.rules
        .instruments
        .profile(&name.permit_key, &name.agency)
        .ok_or("a license's instrument is no longer in the instrument profiles")
}

/// The license that a draw names. Record 553 names no agency, so among several with the same key and
/// number it is the one whose discharge signature is stated.
pub(crate) fn license<'v>(
    view: &'v View<'v, Terms>,
    claim: &Claim<'_>,
) -> Option<&'v Loaded<Terms>> {
    let name = claim.draw.license.as_ref()?;
    let rows = view.licenses(&key(claim)?);
    let named =
        || rows.iter().filter(|row| name.agency.is_empty() || row.state.name.agency == name.agency);
    named()
        .find(|row| codes_equal(&row.state.discharge_signature, &claim.draw.discharge_signature))
        .or_else(|| named().next())
}

/// Whether the caller may know that a license exists.
pub(crate) fn may_know(caller: &Caller, terms: &LicenseTerms, claim: &Claim<'_>) -> bool {
    caller.role.sees_others_licenses() || claim.is_traded_by(&terms.holder)
}

fn key(claim: &Claim<'_>) -> Option<LicenseKey> {
    let name = claim.draw.license.as_ref()?;
    Some(LicenseKey {
        permit_key: name.permit_key.clone(),
        lookup_number: name.lookup_number.clone(),
    })
}

/// The finding about a wrong discharge signature; it counts against the caller.
fn wrong_signature(
    scales: &Scales<'_>,
    view: &View<'_, Terms>,
    claim: &Claim<'_>,
    findings: &[Finding],
) -> Option<Finding> {
    let wrong = findings.iter().find(|finding| finding.code == Code::N412)?.clone();
    if let Some(key) = key(claim) {
        scales.desk.note_wrong_signature(scales.caller, &key, view.decided_at);
    }
    Some(wrong)
}

fn lines_available(state: &LicenseState) -> Vec<LineAvailable> {
    let line = |balance: &descargo_ledger::state::Balance| LineAvailable {
        line_no: balance.license_line_no,
        available: balance.available,
    };
    state.balances.iter().map(line).collect()
}
