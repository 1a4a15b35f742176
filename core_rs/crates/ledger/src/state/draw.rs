//! What a declaration does to a license's state: it holds, takes for good and gives back.
//!
//! Pure, as all of `state`. A step is made on one line; the checks come first, so a step that does
//! not fit is a fault. It is looked at once more after it was made, in release too.

use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::pb::{LicenseStatus, MovementKind};

use super::{Balance, LicenseState, Movement, StateError};

/// How far a draw has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Held for a declaration.
    Held,
    /// Taken for good.
    Exercised,
}

/// What is done with one line.
///
/// `taken` and `returned` of its movement always tell what became of the amount that is left: that a
/// hold is taken for good returns it and takes it, so that what is left is the sum of all that was
/// returned less all that was taken, whatever happened in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrawStep {
    /// Holds an amount.
    Reserve(AmountValue),
    /// Takes an amount for good that was not held.
    Commit(AmountValue),
    /// Takes a held amount for good.
    CommitHeld(AmountValue),
    /// Gives an amount back.
    Release(Stage, AmountValue),
    /// Gives a held amount back whose time is over.
    Expire(AmountValue),
    /// Puts another amount into the place of one, which stays if the other does not fit.
    Replace {
        /// How far the draw has come, before and after it.
        stage: Stage,
        /// The amount before.
        before: AmountValue,
        /// The amount from now on.
        after: AmountValue,
    },
}

impl DrawStep {
    /// What kind of movement it makes.
    #[must_use]
    pub fn kind(&self) -> MovementKind {
        match self {
            Self::Reserve(_) => MovementKind::Reserve,
            Self::Commit(_) | Self::CommitHeld(_) => MovementKind::Commit,
            Self::Release(..) => MovementKind::Release,
            Self::Expire(_) => MovementKind::Expire,
            Self::Replace { .. } => MovementKind::Replace,
        }
    }

    /// What is taken from what is left, and what is given back to it.
    #[must_use]
    pub fn amounts(&self) -> (AmountValue, AmountValue) {
        match *self {
            Self::Reserve(taken) | Self::Commit(taken) => (taken, AmountValue::default()),
            Self::CommitHeld(held) => (held, held),
            Self::Release(_, returned) | Self::Expire(returned) => {
                (AmountValue::default(), returned)
            }
            Self::Replace { before, after, .. } => (after, before),
        }
    }

    fn from(&self) -> Option<Stage> {
        match *self {
            Self::Reserve(_) | Self::Commit(_) => None,
            Self::CommitHeld(_) | Self::Expire(_) => Some(Stage::Held),
            Self::Release(stage, _) | Self::Replace { stage, .. } => Some(stage),
        }
    }

    fn to(&self) -> Option<Stage> {
        match *self {
            Self::Reserve(_) => Some(Stage::Held),
            Self::Commit(_) | Self::CommitHeld(_) => Some(Stage::Exercised),
            Self::Release(..) | Self::Expire(_) => None,
            Self::Replace { stage, .. } => Some(stage),
        }
    }
}

impl LicenseState {
    /// Makes a step on a line, for a line of a declaration. A step that fails changes nothing.
    ///
    /// # Errors
    /// When the line is unknown, has less left, holds less than is returned, or limits a dimension
    /// that the step does not state.
    pub fn step(
        &mut self,
        license_line_no: u32,
        line_no: u32,
        step: &DrawStep,
    ) -> Result<Movement, StateError> {
        let at = self
            .balances
            .iter()
            .position(|balance| balance.license_line_no == license_line_no)
            .ok_or(StateError::LineUnknown)?;
        let permit_seq = self.permit_seq.checked_add(1).ok_or(StateError::OutOfRange)?;
        let balance = self.balances.get_mut(at).ok_or(StateError::LineUnknown)?;
        let next = balance.stepped(step)?;
        next.assert_sound()?;
        *balance = next.clone();
        self.permit_seq = permit_seq;
        if matches!(self.status, LicenseStatus::Active | LicenseStatus::Exhausted) {
            self.status = self.by_balance();
        }
        let (taken, returned) = step.amounts();
        Ok(Movement {
            permit_seq,
            kind: step.kind(),
            version: self.version,
            status: self.status,
            line_no,
            taken,
            returned,
            balance_after: next,
        })
    }
}

impl Balance {
    fn stepped(&self, step: &DrawStep) -> Result<Self, StateError> {
        let (taken, returned) = step.amounts();
        let mut next = self.clone();
        match step.from() {
            None => {}
            Some(Stage::Held) => next.reserved = less(next.reserved, returned)?,
            Some(Stage::Exercised) => next.exercised = less(next.exercised, returned)?,
        }
        if let DrawStep::CommitHeld(held) = step {
            // Nothing of what is left moves, not even where the line became limited since.
            next.exercised = more(next.exercised, *held)?;
            return Ok(next);
        }
        next.available = next.available.plus(returned).ok_or(StateError::OutOfRange)?;
        if let Some(stage) = step.to() {
            let left = next.available;
            next.available = AmountValue {
                quantity: left_after(left.quantity, taken.quantity, Quantity::minus)?,
                value_usd: left_after(left.value_usd, taken.value_usd, Usd::minus)?,
            };
            match stage {
                Stage::Held => next.reserved = more(next.reserved, taken)?,
                Stage::Exercised => next.exercised = more(next.exercised, taken)?,
            }
        }
        Ok(next)
    }

    /// `authorized = available + reserved + exercised` in each limited dimension. None is negative,
    /// since no amount can be.
    ///
    /// # Errors
    /// [`StateError::Unsound`]: a rule of this module is wrong, so nothing may be stored.
    pub fn assert_sound(&self) -> Result<(), StateError> {
        let quantity = |amount: AmountValue| amount.quantity.map(Quantity::scaled);
        let usd = |amount: AmountValue| amount.value_usd.map(Usd::scaled);
        match self.is_sound_in(quantity) && self.is_sound_in(usd) {
            true => Ok(()),
            false => Err(StateError::Unsound),
        }
    }

    fn is_sound_in(&self, dimension: impl Fn(AmountValue) -> Option<i64>) -> bool {
        let used = |amount| i128::from(dimension(amount).unwrap_or(0));
        match (dimension(self.authorized), dimension(self.available)) {
            (None, None) => true,
            (Some(granted), Some(left)) => {
                let parts = used(self.reserved).checked_add(used(self.exercised));
                parts.and_then(|parts| parts.checked_add(left.into())) == Some(granted.into())
            }
            _ => false,
        }
    }
}

/// What is left of a dimension; one that is not limited stays so.
fn left_after<T: Copy>(
    available: Option<T>,
    taken: Option<T>,
    minus: fn(T, T) -> Option<T>,
) -> Result<Option<T>, StateError> {
    match (available, taken) {
        (None, _) => Ok(None),
        (Some(have), Some(take)) => minus(have, take).map(Some).ok_or(StateError::Overdrawn),
        (Some(_), None) => Err(StateError::DimensionsDiffer),
    }
}

/// A dimension that is not stated takes nothing away, even from one that became limited since.
fn less(before: AmountValue, returned: AmountValue) -> Result<AmountValue, StateError> {
    let zero = AmountValue { quantity: Some(Quantity::ZERO), value_usd: Some(Usd::ZERO) };
    zero.plus(before).and_then(|all| all.minus(returned)).ok_or(StateError::ReturnsTooMuch)
}

fn more(before: AmountValue, taken: AmountValue) -> Result<AmountValue, StateError> {
    let zero = AmountValue { quantity: Some(Quantity::ZERO), value_usd: Some(Usd::ZERO) };
    zero.plus(before).and_then(|all| all.plus(taken)).ok_or(StateError::OutOfRange)
}

/// Makes a step on a copy.
///
/// # Errors
/// As [`LicenseState::step`].
pub fn draw(
    state: &LicenseState,
    license_line_no: u32,
    line_no: u32,
    step: &DrawStep,
) -> Result<(LicenseState, Movement), StateError> {
    let mut next = state.clone();
    let movement = next.step(license_line_no, line_no, step)?;
    Ok((next, movement))
}

/// Takes `taken` from a line, for good.
///
/// # Errors
/// As [`LicenseState::step`].
pub fn commit(
    state: &LicenseState,
    license_line_no: u32,
    line_no: u32,
    taken: AmountValue,
) -> Result<(LicenseState, Movement), StateError> {
    draw(state, license_line_no, line_no, &DrawStep::Commit(taken))
}

/// Holds `taken` of a line.
///
/// # Errors
/// As [`LicenseState::step`].
pub fn reserve(
    state: &LicenseState,
    license_line_no: u32,
    line_no: u32,
    taken: AmountValue,
) -> Result<(LicenseState, Movement), StateError> {
    draw(state, license_line_no, line_no, &DrawStep::Reserve(taken))
}

/// Takes for good what is held.
///
/// # Errors
/// As [`LicenseState::step`].
pub fn commit_held(
    state: &LicenseState,
    license_line_no: u32,
    line_no: u32,
    held: AmountValue,
) -> Result<(LicenseState, Movement), StateError> {
    draw(state, license_line_no, line_no, &DrawStep::CommitHeld(held))
}

/// Gives back what is held or was taken.
///
/// # Errors
/// As [`LicenseState::step`].
pub fn release(
    state: &LicenseState,
    license_line_no: u32,
    line_no: u32,
    stage: Stage,
    returned: AmountValue,
) -> Result<(LicenseState, Movement), StateError> {
    draw(state, license_line_no, line_no, &DrawStep::Release(stage, returned))
}

/// Gives back what is held and was not exercised in its time.
///
/// # Errors
/// As [`LicenseState::step`].
pub fn expire(
    state: &LicenseState,
    license_line_no: u32,
    line_no: u32,
    held: AmountValue,
) -> Result<(LicenseState, Movement), StateError> {
    draw(state, license_line_no, line_no, &DrawStep::Expire(held))
}

/// Puts `after` into the place of `before`.
///
/// # Errors
/// As [`LicenseState::step`].
pub fn replace(
    state: &LicenseState,
    license_line_no: u32,
    line_no: u32,
    stage: Stage,
    before: AmountValue,
    after: AmountValue,
) -> Result<(LicenseState, Movement), StateError> {
    draw(state, license_line_no, line_no, &DrawStep::Replace { stage, before, after })
}
