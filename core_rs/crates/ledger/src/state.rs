//! The rules of a balance: what an issue, a draw and a change do to a license's state.
//!
//! Pure: every store applies the same functions, so the rules exist once. The invariant is
//! `authorized = available + reserved + exercised` in each limited dimension, none negative, and
//! `permit_seq` without gaps; the schema checks it again.

use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::license_name::LicenseName;
use descargo_model::life::Stop;
use descargo_model::pb::{LicenseStatus, MovementKind};
use thiserror::Error;

mod change;
mod draw;
mod quarantine;

pub use change::{Change, Moment, change};
pub use draw::{DrawStep, Stage, commit, commit_held, draw, expire, release, replace, reserve};
pub use quarantine::{quarantine, sign_again};

/// One balance: a license line in two dimensions, each limited or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Number of the license line.
    pub license_line_no: u32,
    /// Unit of the quantities, key of Apendice 7.
    pub unit: u32,
    /// Granted; an absent dimension is not limited.
    pub authorized: AmountValue,
    /// Left; absent where authorized is.
    pub available: AmountValue,
    /// Held; zero where nothing is.
    pub reserved: AmountValue,
    /// Exercised; zero where nothing was.
    pub exercised: AmountValue,
}

impl Balance {
    /// The balance of a line of which `available` of `authorized` is left; the rest counts as
    /// exercised.
    ///
    /// # Errors
    /// When a dimension is limited in one amount only, or more is left than was granted.
    pub fn opened(line: &OpenedLine) -> Result<Self, StateError> {
        let exercised = AmountValue {
            quantity: Some(
                used(line.authorized.quantity, line.available.quantity, Quantity::minus)?
                    .unwrap_or(Quantity::ZERO),
            ),
            value_usd: Some(
                used(line.authorized.value_usd, line.available.value_usd, Usd::minus)?
                    .unwrap_or(Usd::ZERO),
            ),
        };
        let nothing = AmountValue { quantity: Some(Quantity::ZERO), value_usd: Some(Usd::ZERO) };
        Ok(Self {
            license_line_no: line.line_no,
            unit: line.unit,
            authorized: line.authorized,
            available: line.available,
            reserved: nothing,
            exercised,
        })
    }

    /// No balance at all: of a movement that moves none. Line numbers begin at 1.
    #[must_use]
    pub fn none() -> Self {
        let nothing = AmountValue { quantity: Some(Quantity::ZERO), value_usd: Some(Usd::ZERO) };
        Self {
            license_line_no: 0,
            unit: 0,
            authorized: AmountValue::default(),
            available: AmountValue::default(),
            reserved: nothing,
            exercised: nothing,
        }
    }

    /// Whether it is that of a movement that moves none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.license_line_no == 0
    }

    /// What is held or exercised, in each dimension.
    ///
    /// # Errors
    /// When the sum is out of range.
    pub fn used(&self) -> Result<AmountValue, StateError> {
        let (held, gone) = (self.reserved, self.exercised);
        Ok(AmountValue {
            quantity: sum(held.quantity, gone.quantity, Quantity::plus)?,
            value_usd: sum(held.value_usd, gone.value_usd, Usd::plus)?,
        })
    }

    /// Whether nothing can be drawn any more: a limited dimension has nothing left.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.available.is_exhausted()
    }
}

/// A line of a license that is issued or taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedLine {
    /// Number of the license line.
    pub line_no: u32,
    /// Unit of the quantities.
    pub unit: u32,
    /// Granted.
    pub authorized: AmountValue,
    /// Left: all of it, unless the license was in use before.
    pub available: AmountValue,
}

/// Where a license stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseState {
    /// Its row.
    pub license_id: i64,
    /// Its name.
    pub name: LicenseName,
    /// Its version.
    pub version: u32,
    /// Its status, without what begins and ends by itself: see [`LicenseState::status_at`].
    pub status: LicenseStatus,
    /// Its last movement.
    pub permit_seq: u64,
    /// Its discharge signature.
    pub discharge_signature: String,
    /// Its balances, by line number.
    pub balances: Vec<Balance>,
    /// Its stops that were not ended by a reinstatement, by version; almost always none.
    pub stops: Vec<Stop>,
    /// Versions whose evidence is in doubt; only of a quarantined license, almost always none.
    pub doubtful: Vec<u32>,
}

impl LicenseState {
    /// The balance of a line.
    #[must_use]
    pub fn balance(&self, license_line_no: u32) -> Option<&Balance> {
        self.balances.iter().find(|balance| balance.license_line_no == license_line_no)
    }
}

/// One step of one balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// 1, 2, 3 ... per license.
    pub permit_seq: u64,
    /// What kind of step.
    pub kind: MovementKind,
    /// Version it was made on.
    pub version: u32,
    /// Status after it.
    pub status: LicenseStatus,
    /// Line of the declaration; 0 for changes by the agency.
    pub line_no: u32,
    /// What was taken.
    pub taken: AmountValue,
    /// What was given back.
    pub returned: AmountValue,
    /// The balance after it; [`Balance::none`] when none moved.
    pub balance_after: Balance,
}

/// A step that the state does not allow. The checks come first, so this is a fault, not a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StateError {
    /// More is taken than is left.
    #[error("more is taken than is left")]
    Overdrawn,
    /// A sum leaves the range of its type.
    #[error("a sum is out of range")]
    OutOfRange,
    /// A limited dimension is not stated, or the other way round.
    #[error("a dimension is limited on one side only")]
    DimensionsDiffer,
    /// There is no such line.
    #[error("there is no such license line")]
    LineUnknown,
    /// The status does not allow this change.
    #[error("the status does not allow this change")]
    StepNotAllowed,
    /// More is given back than is held or was taken.
    #[error("more is given back than is held or was taken")]
    ReturnsTooMuch,
    /// A balance does not add up after a step.
    #[error("a balance does not add up after a step")]
    Unsound,
    /// More stops than one exercise shall look at.
    #[error("the license has too many stops")]
    TooManyStops,
}

/// A license that is issued or taken over, with one movement for each line.
///
/// # Errors
/// When a line's amounts do not fit each other.
pub fn issue(
    license_id: i64,
    name: LicenseName,
    discharge_signature: String,
    notified: bool,
    lines: &[OpenedLine],
) -> Result<(LicenseState, Vec<Movement>), StateError> {
    let balances = lines.iter().map(Balance::opened).collect::<Result<Vec<_>, _>>()?;
    let status = match (notified, balances.iter().all(Balance::is_exhausted)) {
        (false, _) => LicenseStatus::AwaitingNotification,
        (true, true) => LicenseStatus::Exhausted,
        (true, false) => LicenseStatus::Active,
    };
    let movements: Vec<Movement> = balances
        .iter()
        .zip(1..)
        .map(|(balance, permit_seq)| Movement {
            permit_seq,
            kind: MovementKind::Issue,
            version: 1,
            status,
            line_no: 0,
            taken: AmountValue::default(),
            returned: balance.available,
            balance_after: balance.clone(),
        })
        .collect();
    let permit_seq = movements.last().map_or(0, |last| last.permit_seq);
    let state = LicenseState {
        license_id,
        name,
        version: 1,
        status,
        permit_seq,
        discharge_signature,
        balances,
        stops: Vec::new(),
        doubtful: Vec::new(),
    };
    Ok((state, movements))
}

/// What was used of a dimension before the license came here.
fn used<T: Copy>(
    authorized: Option<T>,
    available: Option<T>,
    minus: fn(T, T) -> Option<T>,
) -> Result<Option<T>, StateError> {
    match (authorized, available) {
        (None, None) => Ok(None),
        (Some(granted), Some(left)) => minus(granted, left).map(Some).ok_or(StateError::Overdrawn),
        _ => Err(StateError::DimensionsDiffer),
    }
}

fn sum<T: Copy>(
    before: Option<T>,
    taken: Option<T>,
    plus: fn(T, T) -> Option<T>,
) -> Result<Option<T>, StateError> {
    match (before, taken) {
        (Some(had), Some(take)) => plus(had, take).map(Some).ok_or(StateError::OutOfRange),
        (had, None) => Ok(had),
        (None, Some(take)) => Ok(Some(take)),
    }
}
