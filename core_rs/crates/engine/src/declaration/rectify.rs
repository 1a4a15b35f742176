//! Decides a rectification: another declaration takes the place of one, at the stage that it has come
//! to. What the one took is given back in the same step.

use descargo_ledger::command::{DrawState, PositionRow};
use descargo_ledger::state::Stage;
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb::DeclarationState;
use descargo_rules::coverage::Purpose;

use crate::declaration::plan::{self, Equal};
use crate::declaration::present::Present;
use crate::declaration::refer::Named;
use crate::declaration::state::made_before;
use crate::declaration::verdict::{Allowed, DrawRows};
use crate::declaration::{Decide, Judged, Reference, Stated, fault};
use crate::refusal::Refusal;

impl<'v> Decide<'_, 'v> {
    /// Puts a declaration into the place of another.
    pub(super) fn rectify(
        self,
        stated: &Stated,
        rectified: &Reference,
    ) -> Result<Judged<'v>, Refusal> {
        let now = Present::of(self.view, &stated.position);
        if let Some(made) = made_before(&now, stated) {
            return Ok(Judged::Made(made));
        }
        let before = match self.named(rectified)? {
            Named::Position(before) => before,
            Named::WrongAcuse(finding) => return Ok(Judged::refused(vec![finding])),
            Named::Nothing => {
                let at = Locator::field("rectified.declaration_number");
                let finding = Finding::new(Code::E341, at).declared(&rectified.declaration_number);
                return Ok(Judged::refused(vec![finding]));
            }
        };
        let Some(old) = before.row.clone() else { return Err(fault("a position without row")) };
        let (stage, purpose) = match old.state {
            DeclarationState::Exercised => (Stage::Exercised, Purpose::Exercise),
            _ => (Stage::Held, Purpose::Hold),
        };
        // What was exercised is judged as on the day on which its selection was activated.
        let at = old.selected_at.filter(|_| stage == Stage::Exercised);
        let at = at.unwrap_or(self.view.decided_at);
        let (mut checked, scales) = self.checked(stated, stage, purpose, at);
        if !checked.header.paid_on_stated && old.paid_on.is_some() {
            (checked.header.paid_on, checked.header.paid_on_stated) = (old.paid_on, true);
        }
        if let Some(finding) = self.not_rectifiable(stated, &now, &before, &old, stage) {
            // Whether it would fit says nothing where it cannot be.
            return Ok(Judged::refused([checked.findings, vec![finding]].concat()));
        }
        let mut weighing = self.weigh(&scales, &checked, &before).map_err(fault)?;
        for finding in &mut weighing.findings {
            if matches!(finding.code, Code::N421 | Code::N424 | Code::N425) {
                finding.code = Code::N446;
            }
        }
        if weighing.refuses() {
            return Ok(weighing.refused());
        }
        let steps = plan::steps(&before.draws, &weighing.wanted, stage, Equal::IsReplaced);
        let made = plan::make(&steps, self.view, |id| weighing.books.row(id)).map_err(fault)?;
        let verdict_no = self.view.verdict_no;
        let statement_sha256 = stated.statement_sha256;
        let rows = |key| DrawRows { key, statement_sha256, verdict_no };
        let mut draws = rows(&before.key).ended(&before.draws, DrawState::Rectified);
        draws.extend(rows(&now.key).wanted(&[], &weighing.wanted, stage, &made));
        let row = PositionRow {
            // What was not paid is not paid by a rectification.
            paid_on: checked.header.paid_on.filter(|_| old.state != DeclarationState::Reserved),
            paid_verdict_no: old.paid_verdict_no,
            lease_until: old.lease_until,
            selected_at: old.selected_at,
            rectifies: before.key.declaration_number.clone(),
            ..self.stated_row(&now, stated, old.state, true)
        };
        let ended = PositionRow {
            state: DeclarationState::Rectified,
            lease_until: None,
            rectified_by: now.key.declaration_number.clone(),
            ..old
        };
        let mut allowed = Allowed::new(weighing.findings, made, 0, &now.key, row).with_draws(draws);
        allowed.positioned.positions.insert(0, (before.key.clone(), ended));
        Ok(Judged::Allowed(Box::new(allowed)))
    }

    /// Why the one cannot take the place of the other.
    fn not_rectifiable(
        self,
        stated: &Stated,
        now: &Present<'v>,
        before: &Present<'v>,
        old: &PositionRow,
        stage: Stage,
    ) -> Option<Finding> {
        let at = Locator { record: 701, ..Locator::field("rectified") };
        if old.state == DeclarationState::Rectified {
            let finding = Finding::new(Code::N445, at);
            let finding = finding.declared(&before.key.declaration_number);
            return Some(finding.granted(&old.rectified_by));
        }
        let stands = matches!(
            old.state,
            DeclarationState::Reserved | DeclarationState::Paid | DeclarationState::Exercised
        );
        let at_one_stage = before.draws.iter().all(|draw| draw.state.stage() == Some(stage));
        // Shipments and what closes them are rectified by officers.
        let number = &before.key.declaration_number;
        let has_shipments = self.view.positions(number).any(|(shipment_no, _)| shipment_no > 0);
        if !stands || !at_one_stage || has_shipments || before.draws.is_empty() {
            return Some(before.out_of_order(self.view, at));
        }
        let taken = now.row.is_some() || self.other_shipments_forbid(stated);
        if taken || now.key.shipment_no > 0 || now.key == before.key {
            return Some(now.out_of_order(self.view, Locator::field("declaration_number")));
        }
        None
    }
}
