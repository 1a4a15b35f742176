//! From what a position takes to what it shall take, in steps that always fit when the whole fits.
//!
//! What comes back goes first and what grows goes last, so that no step needs what a later one
//! returns.

use std::collections::{BTreeMap, HashMap};

use descargo_ledger::command::{DrawRow, View};
use descargo_ledger::state::{DrawStep, LicenseState, Movement, Stage};
use descargo_model::decimal::AmountValue;

use crate::clock::instant;
use crate::command::Terms;
use crate::declaration::books::{Fault, Wanted};

/// A draw's place: line of the declaration, license, license line.
pub(crate) type Place = (u32, i64, u32);

/// A step on one license line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    pub place: Place,
    pub step: DrawStep,
}

/// The order in which steps always fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Return,
    Shrink,
    Settle,
    Grow,
    Take,
}

/// What equal amounts mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equal {
    /// Nothing is done.
    Stays,
    /// A rectification puts another declaration's draw into the place of one.
    IsReplaced,
}

pub(crate) fn place_of(draw: &DrawRow) -> Place {
    (draw.line_no, draw.license_id, draw.license_line_no)
}

pub(crate) fn place_wanted(wanted: &Wanted) -> Place {
    (wanted.line_no, wanted.license_id, wanted.license_line_no)
}

/// The steps from the draws on the books to those that are wanted, at `target`.
pub(crate) fn steps(
    before: &[&DrawRow],
    wanted: &[Wanted],
    target: Stage,
    equal: Equal,
) -> Vec<Planned> {
    let mut left: BTreeMap<Place, &DrawRow> =
        before.iter().map(|draw| (place_of(draw), *draw)).collect();
    let take = |amount| match target {
        Stage::Held => DrawStep::Reserve(amount),
        Stage::Exercised => DrawStep::Commit(amount),
    };
    let mut planned: Vec<(Phase, Planned)> = Vec::with_capacity(wanted.len());
    for want in wanted {
        let place = place_wanted(want);
        let mut plan = |phase, step| planned.push((phase, Planned { place, step }));
        let Some((draw, stage)) =
            left.remove(&place).and_then(|draw| Some((draw, draw.state.stage()?)))
        else {
            plan(Phase::Take, take(want.amount));
            continue;
        };
        let (old, new) = (draw.amount, want.amount);
        let replace = DrawStep::Replace { stage, before: old, after: new };
        match (stage == target, change(old, new)) {
            (true, Change::None) if equal == Equal::Stays => {}
            (true, Change::None | Change::Less) => plan(Phase::Shrink, replace),
            (true, Change::More) => plan(Phase::Grow, replace),
            (false, Change::None) if stage == Stage::Held => {
                plan(Phase::Settle, DrawStep::CommitHeld(old));
            }
            _ => {
                plan(Phase::Return, DrawStep::Release(stage, old));
                plan(Phase::Take, take(new));
            }
        }
    }
    let returned = left.into_iter().filter_map(|(place, draw)| {
        let step = DrawStep::Release(draw.state.stage()?, draw.amount);
        Some((Phase::Return, Planned { place, step }))
    });
    planned.extend(returned);
    planned.sort_by_key(|(phase, _)| *phase);
    planned.into_iter().map(|(_, step)| step).collect()
}

enum Change {
    None,
    Less,
    More,
    /// More in one dimension and less in the other.
    Both,
}

fn change(old: AmountValue, new: AmountValue) -> Change {
    let parts = |amount: AmountValue| {
        (amount.quantity.unwrap_or_default(), amount.value_usd.unwrap_or_default())
    };
    let (old, new) = (parts(old), parts(new));
    match (new.0 <= old.0 && new.1 <= old.1, new.0 >= old.0 && new.1 >= old.1) {
        (true, true) => Change::None,
        (true, false) => Change::Less,
        (false, true) => Change::More,
        (false, false) => Change::Both,
    }
}

/// Licenses after a plan, with its movements.
#[derive(Debug, Default)]
pub(crate) struct Made {
    pub licenses: Vec<LicenseState>,
    /// Each with its license's place in `licenses`.
    pub movements: Vec<(usize, Movement)>,
}

/// Makes the steps of a plan on the licenses as they are in the ledger.
pub(crate) fn make<'v>(
    planned: &[Planned],
    view: &View<'_, Terms>,
    row: impl Fn(i64) -> Result<&'v descargo_ledger::command::Loaded<Terms>, Fault>,
) -> Result<Made, Fault> {
    let at = instant(view.decided_at);
    let mut made = Made::default();
    let mut places: HashMap<i64, usize> = HashMap::new();
    for Planned { place: (line_no, license_id, license_line_no), step } in planned {
        let loaded = row(*license_id)?;
        let index = *places.entry(*license_id).or_insert_with(|| {
            made.licenses.push(loaded.state.clone());
            made.licenses.len().saturating_sub(1)
        });
        let state = made.licenses.get_mut(index).ok_or("a license is not open")?;
        let mut movement = state
            .step(*license_line_no, *line_no, step)
            .map_err(|_| "a draw without finding does not fit the balance")?;
        let terms = loaded.terms.as_deref().ok_or("a license without terms is drawn from")?;
        movement.status = state.status_at(at, terms.valid_to);
        made.movements.push((index, movement));
    }
    Ok(made)
}
