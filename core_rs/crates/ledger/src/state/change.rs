//! What a change by its agency does to a license's state. Pure, as all of `state`.

use descargo_model::date::Day;
use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::life::{STOPS_MAX, Standstill, Step, Stop, StopKind, standstill, steps_from};
use descargo_model::pb::{LicenseStatus, MovementKind};
use jiff::Timestamp;

use super::{Balance, LicenseState, Movement, StateError};

/// A change of a license that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// What is authorized from now on, by line number; lines that are not named keep theirs.
    Amend(Vec<(u32, AmountValue)>),
    /// A later last day.
    Extend,
    /// A suspension, revocation or cancellation.
    Stop(Stop),
    /// The end of a suspension, by the version that it made.
    Reinstate(u32),
    /// The holder was notified.
    Notify,
}

impl Change {
    /// The step that it is.
    #[must_use]
    pub fn step(&self) -> Step {
        match self {
            Self::Amend(_) => Step::Amendment,
            Self::Extend => Step::Extension,
            Self::Stop(stop) => stop.kind.step(),
            Self::Reinstate(_) => Step::Reinstatement,
            Self::Notify => Step::Notification,
        }
    }
}

/// A license before and after its last day: the day of the decision is an argument too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When it is decided.
    pub at: Timestamp,
    /// Last day of the license, before the change.
    pub valid_to: Day,
}

impl LicenseState {
    /// The status to show at an instant. Suspension and expiry are no movements: they begin and end
    /// by themselves, so no stored status says them.
    #[must_use]
    pub fn status_at(&self, at: Timestamp, valid_to: Day) -> LicenseStatus {
        match self.status {
            LicenseStatus::Revoked | LicenseStatus::Cancelled | LicenseStatus::Quarantined => {
                return self.status;
            }
            _ => {}
        }
        let still = self.standstill(at);
        if let Standstill::ForGood(kind) = still {
            return withdrawn_by(kind);
        }
        match self.status {
            _ if Day::of(at) > valid_to => LicenseStatus::Expired,
            LicenseStatus::AwaitingNotification => LicenseStatus::AwaitingNotification,
            _ if still == Standstill::Suspended => LicenseStatus::Suspended,
            status => status,
        }
    }

    pub(super) fn standstill(&self, at: Timestamp) -> Standstill {
        standstill(&self.stops, self.balances.iter().map(|balance| balance.license_line_no), at)
    }

    /// Active, or exhausted when no line has anything left.
    pub(super) fn by_balance(&self) -> LicenseStatus {
        match self.balances.iter().all(Balance::is_exhausted) {
            true => LicenseStatus::Exhausted,
            false => LicenseStatus::Active,
        }
    }
}

/// Makes a change: the next version, with a movement for each line whose balance changes, or one
/// for the whole license when none does.
///
/// # Errors
/// When the status does not allow the step, or an amount does not fit what was taken.
pub fn change(
    state: &LicenseState,
    change: &Change,
    moment: Moment,
) -> Result<(LicenseState, Vec<Movement>), StateError> {
    let step = change.step();
    if !steps_from(state.status_at(moment.at, moment.valid_to)).contains(&step) {
        return Err(StateError::StepNotAllowed);
    }
    let mut next = state.clone();
    next.version = next.version.checked_add(1).ok_or(StateError::OutOfRange)?;
    let mut moved = Vec::new();
    match change {
        Change::Amend(lines) => {
            for (line_no, authorized) in lines {
                moved.extend(authorize(&mut next, *line_no, *authorized)?);
            }
            next.status = next.by_balance();
        }
        Change::Extend => {}
        Change::Stop(_) if next.stops.len() >= STOPS_MAX => return Err(StateError::TooManyStops),
        Change::Stop(stop) => {
            next.stops.push(Stop { version: next.version, ..stop.clone() });
            if let Standstill::ForGood(kind) = next.standstill(moment.at) {
                next.status = withdrawn_by(kind);
            }
        }
        Change::Reinstate(version) => {
            let ended = |stop: &Stop| stop.version == *version && stop.can_be_ended(moment.at);
            let before = next.stops.len();
            next.stops.retain(|stop| !ended(stop));
            if next.stops.len() == before {
                return Err(StateError::StepNotAllowed);
            }
        }
        Change::Notify => next.status = next.by_balance(),
    }
    let movements = movements(&mut next, step.movement(), moved)?;
    Ok((next, movements))
}

pub(super) fn withdrawn_by(kind: StopKind) -> LicenseStatus {
    match kind {
        StopKind::Cancellation => LicenseStatus::Cancelled,
        StopKind::Revocation | StopKind::Suspension => LicenseStatus::Revoked,
    }
}

/// What was taken and given back on a line, with its balance after it.
type Moved = (AmountValue, AmountValue, Balance);

/// Sets what a line authorizes; `None` when that changes nothing.
fn authorize(
    state: &mut LicenseState,
    line_no: u32,
    authorized: AmountValue,
) -> Result<Option<Moved>, StateError> {
    let balance = state
        .balances
        .iter_mut()
        .find(|balance| balance.license_line_no == line_no)
        .ok_or(StateError::LineUnknown)?;
    if balance.authorized == authorized {
        return Ok(None);
    }
    let (before, used) = (balance.available, balance.used()?);
    balance.authorized = authorized;
    balance.available = AmountValue {
        quantity: left_of(authorized.quantity, used.quantity, Quantity::minus)?,
        value_usd: left_of(authorized.value_usd, used.value_usd, Usd::minus)?,
    };
    let after = balance.available;
    let fall = AmountValue {
        quantity: grown(after.quantity, before.quantity, Quantity::minus),
        value_usd: grown(after.value_usd, before.value_usd, Usd::minus),
    };
    let rise = AmountValue {
        quantity: grown(before.quantity, after.quantity, Quantity::minus),
        value_usd: grown(before.value_usd, after.value_usd, Usd::minus),
    };
    Ok(Some((fall, rise, balance.clone())))
}

/// What is left of a new authorization; a dimension that is not limited has no rest.
fn left_of<T: Copy>(
    authorized: Option<T>,
    used: Option<T>,
    minus: fn(T, T) -> Option<T>,
) -> Result<Option<T>, StateError> {
    match (authorized, used) {
        (None, _) => Ok(None),
        (Some(granted), None) => Ok(Some(granted)),
        (Some(granted), Some(used)) => minus(granted, used).map(Some).ok_or(StateError::Overdrawn),
    }
}

/// By how much a dimension grew, if it did. One that becomes limited had nothing before.
fn grown<T: Copy + PartialOrd>(
    before: Option<T>,
    after: Option<T>,
    minus: fn(T, T) -> Option<T>,
) -> Option<T> {
    match (before, after) {
        (Some(before), Some(after)) if after > before => minus(after, before),
        (None, Some(after)) => Some(after),
        _ => None,
    }
}

fn movements(
    next: &mut LicenseState,
    kind: MovementKind,
    mut moved: Vec<Moved>,
) -> Result<Vec<Movement>, StateError> {
    if moved.is_empty() {
        moved.push((AmountValue::default(), AmountValue::default(), Balance::none()));
    }
    let mut made = Vec::with_capacity(moved.len());
    for (taken, returned, balance_after) in moved {
        next.permit_seq = next.permit_seq.checked_add(1).ok_or(StateError::OutOfRange)?;
        made.push(Movement {
            permit_seq: next.permit_seq,
            kind,
            version: next.version,
            status: next.status,
            line_no: 0,
            taken,
            returned,
            balance_after,
        });
    }
    Ok(made)
}
