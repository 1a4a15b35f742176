//! Decides one draw of one line: what `ValidateLicense` does and `CheckLicense` shows.

use descargo_ledger::command::{DrawRow, DrawState, LineKey, Loaded, PositionRow};
use descargo_ledger::state::Stage;
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb::DeclarationState;
use descargo_rules::claim::Claim;
use descargo_rules::coverage::{self, Purpose};
use descargo_rules::declaration::{CheckedDeclaration, DeclarationContext, check_declaration};

use crate::answer::verdict_id;
use crate::clock::instant;
use crate::command::Terms;
use crate::declaration::books::{self, Books, Scales};
use crate::declaration::plan::{self, Equal};
use crate::declaration::present::{Present, lapse};
use crate::declaration::state::is_held;
use crate::declaration::verdict::{Allowed, DrawRows};
use crate::declaration::{Decide, Judged, Refused, Stated, fault};
use crate::refusal::Refusal;

impl<'v> Decide<'_, 'v> {
    /// Exercises one draw of one line, from the declaration's hold when there is one.
    pub(super) fn lone(
        self,
        stated: &Stated,
        line: Option<&LineKey>,
    ) -> Result<Judged<'v>, Refusal> {
        let (desk, caller) = (self.desk, self.caller);
        let context = DeclarationContext { rules: &desk.rules, at: instant(self.view.decided_at) };
        let mut checked = check_declaration(&stated.declaration, &context);
        let Some((claim, line)) = checked.claim().zip(line) else {
            return Ok(Judged::refused(checked.findings));
        };
        let found = books::license(self.view, &claim);
        let known = found.filter(|row| {
            row.terms.as_deref().is_some_and(|terms| books::may_know(caller, terms, &claim))
        });
        let Some(row) = known else {
            let unknown = coverage::unknown_license(&claim);
            checked.findings.push(unknown);
            return Ok(Judged::refused(checked.findings));
        };
        let now = self.present_line(stated, line);
        let draw = now.draws.iter().copied().find(|draw| draw.license_id == row.state.license_id);
        if let Some(made) = draw.filter(|draw| draw.state == DrawState::Exercised)
            && made.statement_sha256 == stated.statement_sha256
        {
            return Ok(Judged::Made(made.verdict_no));
        }
        let finding = self.line_findings(&now, stated, &claim, draw, checked.header.paid_on);
        if let Some(finding) = finding {
            let findings = [checked.findings, vec![finding]].concat();
            return Ok(Judged::Refused(Refused { findings, licenses: vec![row] }));
        }
        if let Some(day) = now.row.as_ref().and_then(|row| row.paid_on) {
            (checked.header.paid_on, checked.header.paid_on_stated) = (Some(day), true);
        }
        let scales =
            Scales { desk, caller, context, purpose: Purpose::Exercise, stage: Stage::Exercised };
        self.exercise_line(stated, line, &now, draw, &checked, &scales)
    }

    /// The position with the draws of one line, which are all that is loaded.
    fn present_line(self, stated: &Stated, line: &LineKey) -> Present<'v> {
        let mut row = self.view.position(&stated.position).cloned();
        let is_due = row.as_ref().is_some_and(|row| row.is_due(self.view.decided_at));
        let draws = self.view.line_draws(line).iter();
        let is_lapsing = |draw: &&DrawRow| is_due && draw.state == DrawState::Held;
        let (lapsing, draws) = draws.partition(is_lapsing);
        if let Some(row) = row.as_mut().filter(|_| is_due) {
            lapse(row, false);
        }
        Present { key: stated.position.clone(), row, draws, lapsing }
    }

    /// Why this draw cannot be made where the declaration stands.
    fn line_findings(
        self,
        now: &Present<'v>,
        stated: &Stated,
        claim: &Claim<'_>,
        draw: Option<&DrawRow>,
        paid_on: Option<descargo_model::date::Day>,
    ) -> Option<Finding> {
        let other = |draw: &DrawRow| self.held_otherwise(stated, claim.line_no(), draw);
        if let Some(made) = draw.filter(|draw| draw.state == DrawState::Exercised) {
            return Some(other(made));
        }
        if let Some(held) = draw {
            return self
                .exercisable(now, stated, paid_on)
                .or_else(|| (held.amount != claim.amount()).then(|| other(held)));
        }
        let place = || draw_place(claim.line_no());
        match &now.row {
            // Lines that draw alone, one after the other, make a position of their own.
            Some(row) if row.state == DeclarationState::Exercised && row.statement.is_none() => {
                self.other_shipments_forbid(stated).then(|| now.out_of_order(self.view, place()))
            }
            // What is held was stated whole, so a draw beside it belongs to no declaration.
            Some(row) if is_held(row.state) => Some(now.out_of_order(self.view, place())),
            _ => self.exercisable(now, stated, paid_on),
        }
    }

    /// This draw is on the books with other content.
    fn held_otherwise(self, stated: &Stated, line_no: u32, draw: &DrawRow) -> Finding {
        Finding::new(Code::E341, draw_place(line_no))
            .declared(&stated.declaration.declaration_number)
            .granted(verdict_id(self.view.ledger_id, draw.verdict_no))
    }

    fn exercise_line(
        self,
        stated: &Stated,
        line: &LineKey,
        now: &Present<'v>,
        draw: Option<&'v DrawRow>,
        checked: &CheckedDeclaration,
        scales: &Scales<'_>,
    ) -> Result<Judged<'v>, Refusal> {
        let mut books = Books::new();
        let held: Vec<&DrawRow> = draw.into_iter().collect();
        for draw in now.lapsing.iter().chain(&held) {
            books.give_back(self.view, draw).map_err(fault)?;
        }
        let Some(claim) = checked.claim() else {
            return Ok(Judged::refused(checked.findings.clone()));
        };
        let weighed = books.weigh(scales, self.view, &claim).map_err(fault)?;
        let findings = [checked.findings.clone(), weighed.findings].concat();
        if findings.iter().any(Finding::refuses) {
            let licenses: Vec<&Loaded<Terms>> = weighed.license.into_iter().collect();
            return Ok(Judged::Refused(Refused { findings, licenses }));
        }
        let wanted = [weighed
            .wanted
            .ok_or_else(|| fault("a draw without finding does not fit the balance"))?];
        // A code or country that falls on another license line is another draw than the one held.
        let elsewhere = |held: &&&DrawRow| {
            wanted.iter().any(|wanted| plan::place_of(held) != plan::place_wanted(wanted))
        };
        if let Some(held) = held.iter().find(elsewhere) {
            let finding = self.held_otherwise(stated, line.line_no, held);
            let findings = [findings, vec![finding]].concat();
            let licenses: Vec<&Loaded<Terms>> = weighed.license.into_iter().collect();
            return Ok(Judged::Refused(Refused { findings, licenses }));
        }
        let steps = plan::steps(&held, &wanted, Stage::Exercised, Equal::Stays);
        let lapsing = super::state::lapsing_steps(now);
        let planned: Vec<_> = lapsing.into_iter().chain(steps).collect();
        let made = plan::make(&planned, self.view, |id| books.row(id)).map_err(fault)?;
        let row = self.line_row(now, stated, line, draw);
        let rows = DrawRows {
            key: &now.key,
            statement_sha256: stated.statement_sha256,
            verdict_no: self.view.verdict_no,
        };
        let draws = rows.wanted(&held, &wanted, Stage::Exercised, &made);
        let allowed = Allowed::new(findings, made, now.lapsing.len(), &now.key, row);
        Ok(Judged::Allowed(Box::new(allowed.with_draws(draws))))
    }

    /// The position after the draw. One that holds stands as it stood, until this was its last hold.
    fn line_row(
        self,
        now: &Present<'v>,
        stated: &Stated,
        line: &LineKey,
        draw: Option<&DrawRow>,
    ) -> PositionRow {
        let exercised = DeclarationState::Exercised;
        if let Some((row, draw)) = now.row.as_ref().zip(draw) {
            // Where the declaration holds, all its draws are loaded.
            let others = self.view.draws(&now.key).any(|other| {
                other.state == DrawState::Held
                    && (other.line_no, other.license_id) != (line.line_no, draw.license_id)
            });
            let row = PositionRow { selected_at: Some(self.view.decided_at), ..row.clone() };
            let last = |row| PositionRow { state: exercised, lease_until: None, ..row };
            return if others { row } else { last(row) };
        }
        let position_no = now.row.as_ref().map_or(1, |row| row.position_no.saturating_add(1));
        PositionRow {
            position_no,
            acceptance_code: self.desk.codes.acceptance_code(
                &verdict_id(self.view.ledger_id, self.view.verdict_no),
                &stated.declaration.declaration_number,
                position_no,
            ),
            selected_at: Some(self.view.decided_at),
            clearance_office: stated.declaration.clearance_office.clone(),
            ..PositionRow::new(exercised)
        }
    }
}

/// Where the one draw is: the first record 553 of its line.
fn draw_place(line_no: u32) -> Locator {
    Locator { line_no, record: 553, ordinal: 1, ..Locator::field("lines[0].draws[0]") }
}
