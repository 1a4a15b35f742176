//! Decides what names a position by its acuse: that it was paid, and that it gives back.

use std::collections::HashMap;

use descargo_evidence::codes_equal;
use descargo_ledger::command::{DrawState, PositionKey, PositionRow};
use descargo_ledger::state::{DrawStep, Stage};
use descargo_model::date::Day;
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb::{DeclarationState, ReleaseGround};
use descargo_rules::instruments::LegalMoment;

use crate::caller::Role;
use crate::declaration::books::{Fault, profile};
use crate::declaration::plan::{self, Planned, place_of};
use crate::declaration::present::{Present, acuse_at, is_acuse};
use crate::declaration::verdict::{Allowed, DrawRows};
use crate::declaration::{Decide, Judged, Reference, fault};
use crate::refusal::{Reason, Refusal};

/// What a reference names.
pub(super) enum Named<'v> {
    /// The declaration has no position at all.
    Nothing,
    /// It has, but none with this acuse.
    WrongAcuse(Finding),
    /// This one.
    Position(Present<'v>),
}

impl<'v> Decide<'_, 'v> {
    /// The position that a reference names, at the caller's own office.
    pub(super) fn named(self, reference: &Reference) -> Result<Named<'v>, Refusal> {
        let number = &reference.declaration_number;
        let mut any = false;
        for (shipment_no, row) in self.view.positions(number) {
            any = true;
            if is_acuse(&reference.acceptance_code, &row.acceptance_code) {
                self.at_own_office(reference, row)?;
                let key = PositionKey { declaration_number: number.clone(), shipment_no };
                return Ok(Named::Position(Present::of(self.view, &key)));
            }
        }
        if !any {
            return Ok(Named::Nothing);
        }
        let at = acuse_at(&format!("{}.acceptance_code", reference.field));
        let finding = Finding::new(Code::N443, at).declared(&reference.acceptance_code);
        Ok(Named::WrongAcuse(finding))
    }

    /// A lane acts at its own office only.
    fn at_own_office(self, reference: &Reference, row: &PositionRow) -> Result<(), Refusal> {
        let aduana = |office: &str| office.get(..2).map(str::to_owned).unwrap_or_default();
        let own = aduana(&self.caller.office);
        let is_own =
            row.clearance_office.is_empty() || codes_equal(&aduana(&row.clearance_office), &own);
        match self.caller.role != Role::Lane || is_own {
            true => Ok(()),
            false => Err(Refusal::of_field(
                Reason::RoleNotAllowed,
                reference.field,
                "the declaration is cleared at another office than this identity's",
            )),
        }
    }

    /// Takes note of a payment.
    pub(super) fn pay(self, reference: &Reference, paid_on: &str) -> Result<Judged<'v>, Refusal> {
        let at = || Locator { record: 506, record_field: 4, ..Locator::field("paid_on") };
        let number_at = || Locator::field(format!("{}.declaration_number", reference.field));
        let day = match self.paid_day(paid_on, at()) {
            Ok(day) => day,
            Err(finding) => return Ok(Judged::refused(vec![finding])),
        };
        let now = match self.named(reference)? {
            Named::Position(now) => now,
            Named::WrongAcuse(finding) => return Ok(Judged::refused(vec![finding])),
            Named::Nothing => {
                let finding = Finding::new(Code::E341, number_at());
                let finding = finding.declared(&reference.declaration_number);
                return Ok(Judged::refused(vec![finding]));
            }
        };
        let Some(row) = now.row.clone() else { return Err(fault("a position without row")) };
        match row.state {
            DeclarationState::Reserved => {}
            DeclarationState::Paid if row.paid_on == Some(day) => {
                return row.paid_verdict_no.map(Judged::Made).ok_or(fault("no payment"));
            }
            DeclarationState::Lapsed => {
                return Ok(Judged::refused(vec![Finding::new(Code::N448, number_at())]));
            }
            _ => return Ok(Judged::refused(vec![now.out_of_order(self.view, at())])),
        }
        let findings = self.not_in_force_on(&now, day).map_err(fault)?;
        if !findings.is_empty() {
            return Ok(Judged::refused(findings));
        }
        let row = PositionRow {
            state: DeclarationState::Paid,
            paid_on: Some(day),
            paid_verdict_no: Some(self.view.verdict_no),
            lease_until: self.longest_lease(&now, day).map_err(fault)?,
            ..row
        };
        let allowed = Allowed::new(Vec::new(), plan::Made::default(), 0, &now.key, row);
        Ok(Judged::Allowed(Box::new(allowed)))
    }

    fn paid_day(self, paid_on: &str, at: Locator) -> Result<Day, Finding> {
        let today = Day::of(crate::clock::instant(self.view.decided_at));
        let finding = Finding::new(Code::S104, at).declared(paid_on);
        match Day::parse(paid_on) {
            Ok(day) if day <= today => Ok(day),
            Ok(_) => Err(finding.granted(format!("<= {today}"))),
            Err(_) => Err(finding),
        }
    }

    /// Quotas must be in force on the day of payment.
    fn not_in_force_on(self, now: &Present<'v>, day: Day) -> Result<Vec<Finding>, Fault> {
        let mut findings = Vec::new();
        for draw in &now.draws {
            let row = self.view.license_of(draw).ok_or("a draw's license is unknown")?;
            let terms = row.terms.as_deref().ok_or("a license has no terms")?;
            if profile(self.desk, row)?.legal_moment != LegalMoment::Payment {
                continue;
            }
            if let Some(granted) = terms.nearest_day_in_force(day, row.state.status) {
                let at = Locator {
                    record: 506,
                    record_field: 4,
                    line_no: draw.line_no,
                    ..Locator::field("paid_on")
                };
                findings.push(Finding::new(Code::N418, at).declared(day).granted(granted));
            }
        }
        Ok(findings)
    }

    fn longest_lease(self, now: &Present<'v>, day: Day) -> Result<Option<i64>, Fault> {
        let mut longest = now.row.as_ref().and_then(|row| row.lease_until);
        for draw in &now.draws {
            let row = self.view.license_of(draw).ok_or("a draw's license is unknown")?;
            longest = longest.max(Some(self.paid_lease(row, day)?));
        }
        Ok(longest)
    }

    /// Gives back everything that is held.
    pub(super) fn release(
        self,
        reference: &Reference,
        ground: ReleaseGround,
    ) -> Result<Judged<'v>, Refusal> {
        let at = || Locator::field(format!("{}.declaration_number", reference.field));
        let now = match self.named(reference)? {
            Named::Position(now) => now,
            Named::WrongAcuse(finding) => return Ok(Judged::refused(vec![finding])),
            Named::Nothing => {
                let finding = Finding::new(Code::N444, at());
                let finding = finding.declared(&reference.declaration_number);
                return Ok(Judged::refused(vec![finding]));
            }
        };
        let Some(row) = now.row.clone() else { return Err(fault("a position without row")) };
        if let Some(finding) = not_releasable(&now, &row, ground) {
            return Ok(Judged::refused(vec![finding]));
        }
        let step = |draw: &&descargo_ledger::command::DrawRow| Planned {
            place: place_of(draw),
            step: DrawStep::Release(Stage::Held, draw.amount),
        };
        let planned: Vec<Planned> = now.draws.iter().map(step).collect();
        let licenses: HashMap<i64, _> = now
            .draws
            .iter()
            .filter_map(|draw| Some((draw.license_id, self.view.license_of(draw)?)))
            .collect();
        let row_of = |id: i64| licenses.get(&id).copied().ok_or("a draw's license is unknown");
        let made = plan::make(&planned, self.view, row_of).map_err(fault)?;
        let rows =
            DrawRows { key: &now.key, statement_sha256: [0; 32], verdict_no: self.view.verdict_no };
        let draws = rows.ended(&now.draws, DrawState::Released);
        let row = PositionRow { state: DeclarationState::Released, lease_until: None, ..row };
        let allowed = Allowed::new(Vec::new(), made, 0, &now.key, row);
        Ok(Judged::Allowed(Box::new(allowed.with_draws(draws))))
    }
}

/// Why a position gives nothing back on this ground.
fn not_releasable(now: &Present<'_>, row: &PositionRow, ground: ReleaseGround) -> Option<Finding> {
    let ground_code = match ground {
        ReleaseGround::Withdrawal => Code::N442,
        ReleaseGround::Elimination | ReleaseGround::Unspecified => Code::N441,
    };
    let at = Locator { record: 500, record_field: 2, ..Locator::field("ground") };
    let finding = |code| Some(Finding::new(code, at).declared(&now.key.declaration_number));
    match (row.state, ground) {
        (
            DeclarationState::Released | DeclarationState::Lapsed | DeclarationState::Rectified,
            _,
        ) => finding(Code::N444),
        (DeclarationState::Reserved, ReleaseGround::Elimination)
        | (DeclarationState::Paid, ReleaseGround::Withdrawal)
            if !now.is_activated() =>
        {
            None
        }
        _ => finding(ground_code),
    }
}
