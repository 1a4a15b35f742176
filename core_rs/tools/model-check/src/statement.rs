//! The least of a declaration's rules, as steps of the ledger's state functions.

use descargo_ledger::state::{DrawStep, Stage};

use crate::books::{Books, Draw, Standing, amount};

/// A rule that can be left out, to see whether the checker misses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// A request that was answered is not decided again.
    AnsweredOnce,
    /// A statement that does not fit in one line changes none.
    AllOrNothing,
    /// A process that dies leaves nothing of what it had not committed.
    CommitIsAtomic,
    /// A hold whose time is over lapses before anything is decided on its declaration.
    LapseFirst,
    /// What is given back is given back once.
    ReleasedOnce,
    /// Nothing is taken from a suspended license.
    NotSuspended,
    /// What a declaration exercised is given back when another rectifies it.
    RectifiedReturns,
    /// Holds lapse by themselves.
    HoldsLapse,
    /// A declaration that exercised does not exercise once more.
    ExercisedOnce,
}

/// What can be asked, once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Hold everything that a declaration states; units of each license in turn.
    Reserve(usize, [u8; 2]),
    /// Exercise it.
    Validate(usize, [u8; 2]),
    /// Give back what a declaration holds or took.
    Release(usize),
    /// The second declaration takes the place of the first.
    Rectify(usize, usize, [u8; 2]),
    /// Suspend a license.
    Suspend(usize),
    /// End that.
    Reinstate(usize),
}

/// A step on a license, for a declaration.
pub type Planned = (usize, usize, DrawStep);

/// A statement's steps, and what its declarations are after them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub after: Vec<(usize, Standing, Vec<Draw>)>,
}

/// A step that can be compared and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Reserve(usize, usize, u8),
    Commit(usize, usize, u8),
    CommitHeld(usize, usize, u8),
    Release(usize, usize, Stage, u8),
    Expire(usize, usize, u8),
    Replace(usize, usize, u8, u8),
}

impl Step {
    /// As the ledger takes it.
    pub fn planned(self) -> Planned {
        let stage = Stage::Held;
        match self {
            Self::Reserve(by, on, units) => (by, on, DrawStep::Reserve(amount(units))),
            Self::Commit(by, on, units) => (by, on, DrawStep::Commit(amount(units))),
            Self::CommitHeld(by, on, units) => (by, on, DrawStep::CommitHeld(amount(units))),
            Self::Release(by, on, stage, units) => {
                (by, on, DrawStep::Release(stage, amount(units)))
            }
            Self::Expire(by, on, units) => (by, on, DrawStep::Expire(amount(units))),
            Self::Replace(by, on, before, after) => {
                let (before, after) = (amount(before), amount(after));
                (by, on, DrawStep::Replace { stage, before, after })
            }
        }
    }
}

impl Plan {
    /// The steps of a request; `None` when a rule forbids it.
    pub fn of(ask: Ask, books: &Books, missing: Option<Guard>) -> Option<Self> {
        let has = |guard| missing != Some(guard);
        match ask {
            Ask::Reserve(by, units) => {
                let standing = books.positions[by].standing;
                let fits =
                    matches!(standing, Standing::Nothing | Standing::Reserved | Standing::Lapsed);
                (fits && may_take(books, units, missing)).then(|| hold(by, units, books))
            }
            Ask::Validate(by, units) => {
                let fits = match books.positions[by].standing {
                    Standing::Nothing | Standing::Reserved => true,
                    Standing::Exercised => !has(Guard::ExercisedOnce),
                    Standing::Released | Standing::Lapsed | Standing::Rectified => false,
                };
                (fits && may_take(books, units, missing)).then(|| exercise(by, units, books))
            }
            Ask::Release(by) => match books.positions[by].standing {
                Standing::Reserved | Standing::Exercised => {
                    let kept = match has(Guard::ReleasedOnce) {
                        true => Vec::new(),
                        false => books.positions[by].draws.clone(),
                    };
                    let standing = match has(Guard::ReleasedOnce) {
                        true => Standing::Released,
                        false => books.positions[by].standing,
                    };
                    let after = vec![(by, standing, kept)];
                    Some(Self { steps: returned(by, books), after })
                }
                _ => None,
            },
            Ask::Rectify(old, new, units) => {
                let before = books.positions[old].standing == Standing::Exercised;
                let fits = books.positions[new].standing == Standing::Nothing;
                (before && fits && may_take(books, units, missing)).then(|| {
                    let mut plan = exercise(new, units, books);
                    if has(Guard::RectifiedReturns) {
                        plan.steps.splice(0..0, returned(old, books));
                    }
                    plan.after.push((old, Standing::Rectified, Vec::new()));
                    plan
                })
            }
            Ask::Suspend(_) | Ask::Reinstate(_) => None,
        }
    }

    /// A hold whose time is over is given back.
    pub fn lapse(by: usize, books: &Books) -> Self {
        let steps = books.positions[by].draws.iter();
        let steps = steps.map(|draw| Step::Expire(by, draw.license, draw.units)).collect();
        Self { steps, after: vec![(by, Standing::Lapsed, Vec::new())] }
    }
}

fn may_take(books: &Books, units: [u8; 2], missing: Option<Guard>) -> bool {
    missing == Some(Guard::NotSuspended) || draws(units).all(|(on, _)| books.is_open(on))
}

fn draws(units: [u8; 2]) -> impl Iterator<Item = (usize, u8)> {
    units.into_iter().enumerate().filter(|(_, units)| *units > 0)
}

fn as_draws(units: [u8; 2], stage: Stage) -> Vec<Draw> {
    draws(units).map(|(license, units)| Draw { license, units, stage }).collect()
}

fn returned(by: usize, books: &Books) -> Vec<Step> {
    let draws = books.positions[by].draws.iter();
    draws.map(|draw| Step::Release(by, draw.license, draw.stage, draw.units)).collect()
}

fn held(by: usize, on: usize, books: &Books) -> Option<u8> {
    let draws = &books.positions[by].draws;
    draws.iter().find(|draw| draw.license == on && draw.stage == Stage::Held).map(|draw| draw.units)
}

fn hold(by: usize, units: [u8; 2], books: &Books) -> Plan {
    let step = |(on, units)| match held(by, on, books) {
        Some(before) => Step::Replace(by, on, before, units),
        None => Step::Reserve(by, on, units),
    };
    let after = vec![(by, Standing::Reserved, as_draws(units, Stage::Held))];
    Plan { steps: draws(units).map(step).collect(), after }
}

fn exercise(by: usize, units: [u8; 2], books: &Books) -> Plan {
    let mut steps = Vec::new();
    for (on, units) in draws(units) {
        match held(by, on, books) {
            Some(before) if before == units => steps.push(Step::CommitHeld(by, on, units)),
            Some(before) => {
                steps.push(Step::Release(by, on, Stage::Held, before));
                steps.push(Step::Commit(by, on, units));
            }
            None => steps.push(Step::Commit(by, on, units)),
        }
    }
    let after = vec![(by, Standing::Exercised, as_draws(units, Stage::Exercised))];
    Plan { steps, after }
}
