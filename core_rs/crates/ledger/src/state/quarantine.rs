//! What becomes of a license whose evidence is in doubt, and when it is signed again. Pure, as all of
//! `state`. Neither touches a balance, the discharge signature or a stop.

use descargo_model::decimal::AmountValue;
use descargo_model::life::Standstill;
use descargo_model::pb::{LicenseStatus, MovementKind};
use jiff::Timestamp;

use super::change::withdrawn_by;
use super::{Balance, LicenseState, Movement, StateError};

/// Puts versions in doubt: nothing can be exercised until each of them is signed again.
///
/// # Errors
/// When there are none that are not in doubt already.
pub fn quarantine(
    state: &LicenseState,
    versions: &[u32],
) -> Result<(LicenseState, Movement), StateError> {
    let mut next = state.clone();
    next.doubtful.extend(versions);
    next.doubtful.sort_unstable();
    next.doubtful.dedup();
    if next.doubtful.len() == state.doubtful.len() {
        return Err(StateError::StepNotAllowed);
    }
    next.status = LicenseStatus::Quarantined;
    let version = next.version;
    moved(next, MovementKind::Quarantine, version)
}

/// Takes the doubt from a version. With the last one the license stands as its balances, its stops
/// and its notification say.
///
/// # Errors
/// When the version is in no doubt.
pub fn sign_again(
    state: &LicenseState,
    version: u32,
    notified: bool,
    at: Timestamp,
) -> Result<(LicenseState, Movement), StateError> {
    let mut next = state.clone();
    next.doubtful.retain(|doubtful| *doubtful != version);
    if next.doubtful.len() == state.doubtful.len() {
        return Err(StateError::StepNotAllowed);
    }
    if next.doubtful.is_empty() {
        next.status = match next.standstill(at) {
            Standstill::ForGood(kind) => withdrawn_by(kind),
            _ if notified => next.by_balance(),
            _ => LicenseStatus::AwaitingNotification,
        };
    }
    moved(next, MovementKind::Reinstate, version)
}

fn moved(
    mut next: LicenseState,
    kind: MovementKind,
    version: u32,
) -> Result<(LicenseState, Movement), StateError> {
    next.permit_seq = next.permit_seq.checked_add(1).ok_or(StateError::OutOfRange)?;
    let movement = Movement {
        permit_seq: next.permit_seq,
        kind,
        version,
        status: next.status,
        line_no: 0,
        taken: AmountValue::default(),
        returned: AmountValue::default(),
        balance_after: Balance::none(),
    };
    Ok((next, movement))
}
