//! The life of a license: which change may follow which status, and what a stop covers.

use jiff::Timestamp;

use crate::date::timestamp_of;
use crate::pb::submission::Change;
use crate::pb::{self, LicenseStatus, MovementKind};

/// Stops of one license that stand at the same time. An exercise looks at each of them.
pub const STOPS_MAX: usize = 64;

/// A change of a license that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Other content, as far as the law allows.
    Amendment,
    /// A later last day.
    Extension,
    /// A stop for a time.
    Suspension,
    /// The end of a suspension.
    Reinstatement,
    /// A stop for good, by the agency's decision.
    Revocation,
    /// A stop for good, at the holder's request.
    Cancellation,
    /// The holder signed "de notificado".
    Notification,
}

impl Step {
    /// The step that a submission takes; `None` when it begins a license.
    #[must_use]
    pub fn of(change: &Change) -> Option<Self> {
        match change {
            Change::Issue(_) | Change::Onboarding(_) => None,
            Change::Amendment(_) => Some(Self::Amendment),
            Change::Extension(_) => Some(Self::Extension),
            Change::Suspension(_) => Some(Self::Suspension),
            Change::Reinstatement(_) => Some(Self::Reinstatement),
            Change::Revocation(_) => Some(Self::Revocation),
            Change::Cancellation(_) => Some(Self::Cancellation),
            Change::Notification(_) => Some(Self::Notification),
        }
    }

    /// The name of the submission's arm.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Amendment => "amendment",
            Self::Extension => "extension",
            Self::Suspension => "suspension",
            Self::Reinstatement => "reinstatement",
            Self::Revocation => "revocation",
            Self::Cancellation => "cancellation",
            Self::Notification => "notification",
        }
    }

    /// The movement that it makes.
    #[must_use]
    pub const fn movement(self) -> MovementKind {
        match self {
            Self::Amendment => MovementKind::Amend,
            Self::Extension => MovementKind::Extend,
            Self::Suspension => MovementKind::Suspend,
            Self::Reinstatement => MovementKind::Reinstate,
            Self::Revocation => MovementKind::Revoke,
            Self::Cancellation => MovementKind::Cancel,
            Self::Notification => MovementKind::Notify,
        }
    }
}

/// The one table of the steps that a status allows.
///
/// Amendment and extension need a license in force (RLCE 23): notified, not past its last day, not
/// withdrawn. A suspension stops exercises and not the validity, so it stops neither of the two. An
/// expired license can still be exercised where the day of payment counts, so it can be stopped.
#[must_use]
pub const fn steps_from(status: LicenseStatus) -> &'static [Step] {
    use Step::{
        Amendment, Cancellation, Extension, Notification, Reinstatement, Revocation, Suspension,
    };
    match status {
        LicenseStatus::AwaitingNotification => {
            &[Suspension, Reinstatement, Revocation, Cancellation, Notification]
        }
        LicenseStatus::Active | LicenseStatus::Suspended | LicenseStatus::Exhausted => {
            &[Amendment, Extension, Suspension, Reinstatement, Revocation, Cancellation]
        }
        LicenseStatus::Expired => &[Suspension, Reinstatement, Revocation, Cancellation],
        // What rests on a doubtful signature is withdrawn or signed again, not built upon.
        LicenseStatus::Quarantined => &[Revocation, Cancellation],
        LicenseStatus::Revoked | LicenseStatus::Cancelled | LicenseStatus::Unspecified => &[],
    }
}

/// The steps that may come next: those of the status, reinstatement only if a suspension stands.
#[must_use]
pub fn next_steps(status: LicenseStatus, stops: &[Stop], at: Timestamp) -> Vec<Step> {
    let suspended = stops.iter().any(|stop| stop.can_be_ended(at));
    let steps = steps_from(status).iter().copied();
    steps.filter(|step| *step != Step::Reinstatement || suspended).collect()
}

/// Which stop it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StopKind {
    /// For a time.
    Suspension,
    /// For good, by the agency's decision.
    Revocation,
    /// For good, at the holder's request.
    Cancellation,
}

impl StopKind {
    /// Whether it is for good.
    #[must_use]
    pub const fn is_for_good(self) -> bool {
        matches!(self, Self::Revocation | Self::Cancellation)
    }

    /// The step that makes it.
    #[must_use]
    pub const fn step(self) -> Step {
        match self {
            Self::Suspension => Step::Suspension,
            Self::Revocation => Step::Revocation,
            Self::Cancellation => Step::Cancellation,
        }
    }
}

/// Exercises that are stopped: those on these lines, at these offices, in `[start, end)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Version of the license that made it.
    pub version: u32,
    /// Which stop it is.
    pub kind: StopKind,
    /// License lines, as decimal numbers.
    pub lines: pb::Extent,
    /// Customs offices, compared by their aduana.
    pub offices: pb::Extent,
    /// First instant.
    pub start: Timestamp,
    /// First instant after it; `None` when it stands until it is ended.
    pub end: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Legal basis, as the agency cites it.
    pub legal_basis: String,
}

impl Stop {
    /// Whether it has begun and not ended.
    #[must_use]
    pub fn runs_at(&self, at: Timestamp) -> bool {
        self.start <= at && !self.is_over(at)
    }

    /// Whether it has ended by itself.
    #[must_use]
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= at)
    }

    /// Whether a reinstatement can end it: a suspension that is not over, though it may not have
    /// begun.
    #[must_use]
    pub fn can_be_ended(&self, at: Timestamp) -> bool {
        self.kind == StopKind::Suspension && !self.is_over(at)
    }

    /// Whether it covers a license line.
    #[must_use]
    pub fn covers_line(&self, line_no: u32) -> bool {
        self.lines.every || self.lines.only.iter().any(|code| code.parse() == Ok(line_no))
    }

    /// Whether it covers every line.
    #[must_use]
    pub fn covers_every_line(&self) -> bool {
        self.lines.every
    }

    /// Whether it covers an office of two or three digits.
    #[must_use]
    pub fn covers_office(&self, office: &str) -> bool {
        let aduana = |office: &str| office.get(..2).map(str::to_owned);
        let asked = aduana(office);
        self.offices.every
            || (asked.is_some() && self.offices.only.iter().any(|code| aduana(code) == asked))
    }

    /// Whether it covers every office.
    #[must_use]
    pub fn covers_every_office(&self) -> bool {
        self.offices.every
    }

    /// The contract's message, with the start that counts.
    #[must_use]
    pub fn to_pb(&self) -> pb::Stop {
        pb::Stop {
            lines: Some(self.lines.clone()),
            offices: Some(self.offices.clone()),
            start_time: Some(timestamp_of(self.start)),
            end_time: self.end.map(timestamp_of),
            reason: self.reason.clone(),
            legal_basis: self.legal_basis.clone(),
        }
    }
}

/// What the stops of a license together do to all of it at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standstill {
    /// Something of it can be exercised.
    None,
    /// Nothing can be exercised, though not everything is withdrawn.
    Suspended,
    /// Every line is withdrawn; what withdrew the last one.
    ForGood(StopKind),
}

/// Whether the stops that run at `at` stop every line at every office. Several may do so together.
#[must_use]
pub fn standstill(
    stops: &[Stop],
    line_nos: impl IntoIterator<Item = u32>,
    at: Timestamp,
) -> Standstill {
    let running: Vec<&Stop> =
        stops.iter().filter(|stop| stop.runs_at(at) && stop.covers_every_office()).collect();
    if running.is_empty() {
        return Standstill::None;
    }
    let mut last: Option<&Stop> = None;
    let mut for_good = true;
    for line_no in line_nos {
        let mut covering = running.iter().filter(|stop| stop.covers_line(line_no)).peekable();
        if covering.peek().is_none() {
            return Standstill::None;
        }
        match covering.find(|stop| stop.kind.is_for_good()) {
            Some(stop) if last.is_none_or(|last| last.version < stop.version) => last = Some(stop),
            Some(_) => {}
            None => for_good = false,
        }
    }
    match last.filter(|_| for_good) {
        Some(stop) => Standstill::ForGood(stop.kind),
        None => Standstill::Suspended,
    }
}

#[cfg(test)]
mod tests;
