//! What a declaration has taken, as rows: where it stands, and its draws.

use descargo_model::date::Day;
use descargo_model::decimal::AmountValue;
use descargo_model::pb::DeclarationState;

use crate::command::{LicenseKey, LineKey, Nanos, PositionKey};
use crate::state::{LicenseState, Movement, Stage};

/// What became of a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrawState {
    /// It is held.
    Held,
    /// It is taken for good.
    Exercised,
    /// It was given back.
    Released,
    /// It was held too long.
    Lapsed,
    /// Another declaration rectified it.
    Rectified,
}

impl DrawState {
    /// How far it has come, when it still takes something.
    #[must_use]
    pub fn stage(self) -> Option<Stage> {
        match self {
            Self::Held => Some(Stage::Held),
            Self::Exercised => Some(Stage::Exercised),
            Self::Released | Self::Lapsed | Self::Rectified => None,
        }
    }

    /// As it is stored: a `DeclarationState`.
    pub(crate) fn code(self) -> i32 {
        let state = match self {
            Self::Held => DeclarationState::Reserved,
            Self::Exercised => DeclarationState::Exercised,
            Self::Released => DeclarationState::Released,
            Self::Lapsed => DeclarationState::Lapsed,
            Self::Rectified => DeclarationState::Rectified,
        };
        state.into()
    }
}

/// A draw that is on the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawRow {
    /// The line of the declaration.
    pub line_no: u32,
    /// The license, as it is found.
    pub license: LicenseKey,
    /// The license's row.
    pub license_id: i64,
    /// Its line.
    pub license_line_no: u32,
    /// What is taken.
    pub amount: AmountValue,
    /// What became of it.
    pub state: DrawState,
    /// SHA-256 of the statement that made it.
    pub statement_sha256: [u8; 32],
    /// The verdict that accepted it.
    pub verdict_no: i64,
}

/// The statement that a position rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// SHA-256 of what was asked and stated.
    pub sha256: [u8; 32],
    /// The verdict that accepted it.
    pub verdict_no: i64,
}

/// Where a declaration stands, or one of its shipments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionRow {
    /// Grows with every statement that changes amounts.
    pub position_no: u64,
    /// Its state.
    pub state: DeclarationState,
    /// Its acuse.
    pub acceptance_code: String,
    /// Office of clearance, as stated; empty when no whole statement was made.
    pub clearance_office: String,
    /// The last whole statement; none when lines drew alone.
    pub statement: Option<Statement>,
    /// The day of payment.
    pub paid_on: Option<Day>,
    /// The verdict that took note of the payment.
    pub paid_verdict_no: Option<i64>,
    /// When its holds lapse; none when it has none.
    pub lease_until: Option<Nanos>,
    /// When the selection mechanism was activated: when it was exercised.
    pub selected_at: Option<Nanos>,
    /// The declaration that it rectifies; empty when none.
    pub rectifies: String,
    /// The declaration that rectified it; empty when none.
    pub rectified_by: String,
}

impl PositionRow {
    /// A position on which nothing was stated yet.
    #[must_use]
    pub fn new(state: DeclarationState) -> Self {
        Self {
            position_no: 0,
            state,
            acceptance_code: String::new(),
            clearance_office: String::new(),
            statement: None,
            paid_on: None,
            paid_verdict_no: None,
            lease_until: None,
            selected_at: None,
            rectifies: String::new(),
            rectified_by: String::new(),
        }
    }

    /// Whether the time of its holds is over.
    #[must_use]
    pub fn is_due(&self, at: Nanos) -> bool {
        self.lease_until.is_some_and(|until| until <= at)
    }
}

/// What declarations take, hold or give back by one verdict.
#[derive(Debug, Default)]
pub struct Positioned {
    /// The licenses that moved, after all of it, each once.
    pub licenses: Vec<LicenseState>,
    /// The movements, each with its license's row, in the order in which they were made.
    pub movements: Vec<(i64, Movement)>,
    /// The draws that changed, after it.
    pub draws: Vec<(LineKey, DrawRow)>,
    /// The positions that changed, after it.
    pub positions: Vec<(PositionKey, PositionRow)>,
}
