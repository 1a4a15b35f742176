//! Where a declaration stands now, or one of its shipments.

use descargo_evidence::codes_equal;
use descargo_ledger::command::{DrawRow, PositionKey, PositionRow, View};
use descargo_ledger::state::Stage;
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb::DeclarationState;

use crate::answer::verdict_id;
use crate::command::Terms;

/// A position with its draws.
#[derive(Debug)]
pub(crate) struct Present<'v> {
    pub key: PositionKey,
    /// Its row; none when nothing was stated yet.
    pub row: Option<PositionRow>,
    /// What it holds and has taken.
    pub draws: Vec<&'v DrawRow>,
    /// What it holds no longer, though the ledger has not taken note yet. Only a check meets that:
    /// before a decision the ledger lets such holds lapse.
    pub lapsing: Vec<&'v DrawRow>,
}

impl<'v> Present<'v> {
    pub fn of(view: &'v View<'v, Terms>, key: &PositionKey) -> Self {
        let mut row = view.position(key).cloned();
        let is_due = row.as_ref().is_some_and(|row| row.is_due(view.decided_at));
        let is_lapsing = |draw: &&DrawRow| is_due && draw.state.stage() == Some(Stage::Held);
        let (lapsing, draws): (Vec<_>, Vec<_>) = view.draws(key).partition(is_lapsing);
        if let Some(row) = row.as_mut().filter(|_| is_due) {
            lapse(row, !draws.is_empty());
        }
        Self { key: key.clone(), row, draws, lapsing }
    }

    pub fn state(&self) -> Option<DeclarationState> {
        self.row.as_ref().map(|row| row.state)
    }

    /// Whether something of it was exercised.
    pub fn is_activated(&self) -> bool {
        self.state() == Some(DeclarationState::Exercised)
            || self.draws.iter().any(|draw| draw.state.stage() == Some(Stage::Exercised))
    }

    /// The finding that it stands where this step cannot follow, with the verdict that it rests on.
    pub fn out_of_order(&self, view: &View<'_, Terms>, at: Locator) -> Finding {
        let finding = Finding::new(Code::E341, at).declared(&self.key.declaration_number);
        match self.row.as_ref().and_then(|row| row.statement) {
            Some(statement) => finding.granted(verdict_id(view.ledger_id, statement.verdict_no)),
            None => finding,
        }
    }

    /// The finding about an acuse, unless it is the position's. `absent_passes`: where the position
    /// holds nothing, none need be stated.
    pub fn wrong_acuse(&self, stated: &str, absent_passes: bool) -> Option<Finding> {
        let right = match &self.row {
            Some(row) => is_acuse(stated, &row.acceptance_code),
            None => stated.is_empty(),
        };
        let passes = right || (absent_passes && stated.is_empty());
        (!passes).then(|| Finding::new(Code::N443, acuse_at("acceptance_code")).declared(stated))
    }
}

/// Where an acuse is: record 500.
pub(crate) fn acuse_at(path: &str) -> Locator {
    Locator { record: 500, record_field: 6, ..Locator::field(path) }
}

/// Whether an acuse is the one that was issued. None was ever issued that is empty or zero.
pub(crate) fn is_acuse(stated: &str, issued: &str) -> bool {
    !stated.is_empty() && stated != "00000000" && codes_equal(stated, issued)
}

/// Ends a position's holds. What was exercised already stays so.
pub(crate) fn lapse(row: &mut PositionRow, has_exercised: bool) {
    row.lease_until = None;
    row.state = match has_exercised {
        true => DeclarationState::Exercised,
        false => DeclarationState::Lapsed,
    };
}
