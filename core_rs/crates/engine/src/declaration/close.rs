//! Consolidated declarations: shipments (remesas) draw, and the declaration that closes them states
//! the same once more and moves nothing.

use std::collections::BTreeMap;

use descargo_ledger::command::PositionRow;
use descargo_ledger::state::Stage;
use descargo_model::decimal::AmountValue;
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb::DeclarationState;
use descargo_rules::coverage::Purpose;

use crate::declaration::books::Wanted;
use crate::declaration::plan::Made;
use crate::declaration::present::Present;
use crate::declaration::verdict::Allowed;
use crate::declaration::{Decide, Judged, Stated, fault};
use crate::refusal::Refusal;

/// A license line.
type Line = (i64, u32);

impl<'v> Decide<'_, 'v> {
    /// Whether the statement closes shipments.
    pub(super) fn closes(self, stated: &Stated) -> bool {
        stated.position.shipment_no == 0 && self.has_shipments(stated)
    }

    fn has_shipments(self, stated: &Stated) -> bool {
        self.view
            .positions(&stated.position.declaration_number)
            .any(|(shipment_no, row)| shipment_no > 0 && takes(row))
    }

    /// Whether other positions of the declaration leave no room for this one: what its shipments took
    /// must not be taken once more, and after the closing there are no more shipments.
    pub(super) fn other_shipments_forbid(self, stated: &Stated) -> bool {
        match stated.position.shipment_no {
            0 => self.has_shipments(stated),
            _ => self
                .view
                .positions(&stated.position.declaration_number)
                .any(|(shipment_no, row)| shipment_no == 0 && takes(row)),
        }
    }

    /// Closes the shipments: what is stated must be what they took.
    pub(super) fn close(self, stated: &Stated, now: &Present<'v>) -> Result<Judged<'v>, Refusal> {
        let mut all =
            Present { key: now.key.clone(), row: None, draws: Vec::new(), lapsing: Vec::new() };
        let (mut selected_at, mut open) = (None, false);
        for (shipment_no, row) in self.view.positions(&now.key.declaration_number) {
            let key = descargo_ledger::command::PositionKey { shipment_no, ..now.key.clone() };
            open |= takes(row) && row.state != DeclarationState::Exercised;
            selected_at = selected_at.max(row.selected_at);
            all.draws.extend(self.view.draws(&key));
        }
        // Each shipment was judged when it came; the closing looks at the last of them.
        let at = selected_at.unwrap_or(self.view.decided_at);
        let (checked, scales) = self.checked(stated, Stage::Exercised, Purpose::Exercise, at);
        let mut weighing = self.weigh(&scales, &checked, &all).map_err(fault)?;
        let acuse = &stated.declaration.acceptance_code;
        if open {
            let at = Locator::field("declaration_number");
            weighing.findings.push(now.out_of_order(self.view, at));
        }
        weighing.findings.extend(now.wrong_acuse(acuse, true));
        if !weighing.refuses() {
            let taken = all.draws.iter();
            let taken = taken.map(|draw| ((draw.license_id, draw.license_line_no), draw.amount));
            weighing.findings.extend(differences(&sums(taken), &weighing.wanted));
        }
        if weighing.refuses() {
            return Ok(weighing.refused());
        }
        let row = PositionRow {
            paid_on: checked.header.paid_on,
            selected_at: Some(self.view.decided_at),
            ..self.stated_row(now, stated, DeclarationState::Exercised, true)
        };
        let allowed = Allowed::new(weighing.findings, Made::default(), 0, &now.key, row);
        Ok(Judged::Allowed(Box::new(allowed)))
    }
}

pub(super) fn takes(row: &PositionRow) -> bool {
    matches!(
        row.state,
        DeclarationState::Reserved | DeclarationState::Paid | DeclarationState::Exercised
    )
}

/// Quantity and value that were taken of each license line, scaled.
fn sums(amounts: impl Iterator<Item = (Line, AmountValue)>) -> BTreeMap<Line, (i128, i128)> {
    let mut sums: BTreeMap<Line, (i128, i128)> = BTreeMap::new();
    for (line, amount) in amounts {
        let quantity = i128::from(amount.quantity.unwrap_or_default().scaled());
        let usd = i128::from(amount.value_usd.unwrap_or_default().scaled());
        let sum = sums.entry(line).or_default();
        *sum = (sum.0.saturating_add(quantity), sum.1.saturating_add(usd));
    }
    sums
}

/// License lines of which the closing states another sum than the shipments took, each at the line
/// that states it first; what no line states, at the lines.
fn differences(taken: &BTreeMap<Line, (i128, i128)>, wanted: &[Wanted]) -> Vec<Finding> {
    let line_of = |want: &Wanted| (want.license_id, want.license_line_no);
    let stated = sums(wanted.iter().map(|want| (line_of(want), want.amount)));
    let mut lines: Vec<Line> = taken.keys().chain(stated.keys()).copied().collect();
    lines.sort_unstable();
    lines.dedup();
    let differing = lines.into_iter().filter(|line| taken.get(line) != stated.get(line));
    let finding = |line: Line| {
        let line_no = wanted.iter().find(|want| line_of(want) == line).map(|want| want.line_no);
        let record = if line_no.is_some() { 551 } else { 0 };
        let at = Locator { line_no: line_no.unwrap_or(0), record, ..Locator::field("lines") };
        let told = |sums: &BTreeMap<Line, (i128, i128)>| {
            let (quantity, usd) = sums.get(&line).copied().unwrap_or_default();
            format!("{} / {} USD", decimal(quantity, 5), decimal(usd, 2))
        };
        Finding::new(Code::N447, at).declared(told(&stated)).granted(told(taken))
    };
    differing.map(finding).collect()
}

fn decimal(scaled: i128, places: u32) -> String {
    let unit = 10_i128.pow(places);
    let (whole, rest) = (scaled.div_euclid(unit), scaled.rem_euclid(unit));
    let width = usize::try_from(places).unwrap_or(0);
    let text = format!("{whole}.{rest:0width$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
