//! Why a request gets no verdict: the caller's mistake, or ours. Each becomes one gRPC status.

use descargo_ledger::error::StoreFault;

/// Reason of an RPC error, as in section 5 of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The caller's role or office does not cover what was asked.
    RoleNotAllowed,
    /// The bytes are no message.
    MessageUnreadable,
    /// A field that the contract does not know.
    FieldUnknown,
    /// A field of the request itself is absent or wrong.
    FieldInvalid,
    /// A page token that was not given for this question.
    PageTokenInvalid,
    /// A cursor that is not this agency's or this ledger's.
    CursorInvalid,
    /// A frame does not begin where the one before ended.
    SequenceGap,
    /// The key was used for other content.
    RequestIdReused,
    /// No such license, or another's.
    LicenseUnknown,
    /// Nothing was decided under the key.
    OutcomeUnknown,
    /// Too long.
    LimitExceeded,
    /// Too often.
    RateExceeded,
    /// More is sent on a stream than its credit allows.
    CreditExceeded,
    /// The stream was opened again.
    StreamSuperseded,
    /// The deadline passed before a decision: no draw was made.
    NotDecided,
    /// The commit may or may not be durable.
    OutcomeUncertain,
    /// The ledger cannot be used now: nothing was done.
    StoreUnavailable,
    /// The queue is full.
    Overloaded,
    /// The revision asked for is ahead of this ledger.
    RevisionAhead,
    /// The validator is stopping.
    Draining,
    /// Ours.
    Fault,
}

impl Reason {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoleNotAllowed => "ROLE_NOT_ALLOWED",
            Self::MessageUnreadable => "MESSAGE_UNREADABLE",
            Self::FieldUnknown => "FIELD_UNKNOWN",
            Self::FieldInvalid => "FIELD_INVALID",
            Self::PageTokenInvalid => "PAGE_TOKEN_INVALID",
            Self::CursorInvalid => "CURSOR_INVALID",
            Self::SequenceGap => "SEQUENCE_GAP",
            Self::RequestIdReused => "REQUEST_ID_REUSED",
            Self::LicenseUnknown => "LICENSE_UNKNOWN",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::RateExceeded => "RATE_EXCEEDED",
            Self::CreditExceeded => "CREDIT_EXCEEDED",
            Self::StreamSuperseded => "STREAM_SUPERSEDED",
            Self::NotDecided => "NOT_DECIDED",
            Self::OutcomeUncertain => "OUTCOME_UNCERTAIN",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
            Self::Overloaded => "OVERLOADED",
            Self::RevisionAhead => "REVISION_AHEAD",
            Self::Draining => "DRAINING",
            Self::Fault => "FAULT",
        }
    }
}

/// A request without verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Path of the field that is to blame; empty when none is.
    pub field: String,
    /// What exactly, for people who mend it; never a key, a signature or personal data.
    pub detail: String,
    /// When to come back.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal without field.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, field: String::new(), detail: detail.into(), retry_after_ms: None }
    }

    /// A refusal that blames a field.
    pub fn of_field(reason: Reason, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), ..Self::new(reason, detail) }
    }

    /// With the time after which another try makes sense.
    #[must_use]
    pub fn retry_after_ms(mut self, retry_after_ms: u64) -> Self {
        self.retry_after_ms = Some(retry_after_ms);
        self
    }
}

/// How long a caller waits after the store or the queue was not to be had.
const RETRY_AFTER_MS: u64 = 200;

impl From<StoreFault> for Refusal {
    fn from(fault: StoreFault) -> Self {
        Self::from(&fault)
    }
}

impl From<&StoreFault> for Refusal {
    fn from(fault: &StoreFault) -> Self {
        match fault {
            StoreFault::Uncertain(_) => {
                Self::new(Reason::OutcomeUncertain, "the commit was not confirmed")
                    .retry_after_ms(RETRY_AFTER_MS)
            }
            StoreFault::NotDone(_) | StoreFault::Lock(_) => {
                Self::new(Reason::StoreUnavailable, "the ledger cannot be used; nothing was done")
                    .retry_after_ms(RETRY_AFTER_MS)
            }
            StoreFault::Damaged { place, row } => {
                Self::new(Reason::Fault, format!("row {row} of {place} is damaged"))
            }
            StoreFault::Panicked => Self::new(Reason::Fault, "a decision failed; nothing was done"),
            StoreFault::Seal(why) => Self::new(Reason::Fault, why.clone()),
        }
    }
}
