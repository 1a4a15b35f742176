//! A change of a license that exists: whether it may follow, and what it says.

use descargo_model::date::Day;
use descargo_model::decimal::AmountValue;
use descargo_model::finding::{Code, Finding};
use descargo_model::life::{STOPS_MAX, Step, Stop, StopKind, next_steps, steps_from};
use descargo_model::pb;
use descargo_model::pb::LicenseStatus;
use descargo_model::pb::submission::Change;
use jiff::{SignedDuration, Timestamp};

use crate::collect::{Findings, Place};
use crate::fields::{extent, instant, optional_text, required_day, required_text};
use crate::submission::content::{LEGAL_BASIS_MAX, check_longest};
use crate::submission::{Scope, amendment};

/// Longest reason.
const REASON_MAX: usize = 250;

/// The license that a change changes, as the ledger just read it.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// Its version.
    pub version: u32,
    /// Its status at the instant of the decision.
    pub status: LicenseStatus,
    /// Its content.
    pub license: &'a pb::License,
    /// What is held or exercised of each line, by line number.
    pub used: &'a [(u32, AmountValue)],
    /// Its stops that no reinstatement ended.
    pub stops: &'a [Stop],
}

/// What is known of the license that a submission names.
#[derive(Debug, Clone, Copy, Default)]
pub enum Subject<'a> {
    /// There is none.
    #[default]
    Unknown,
    /// This very change was accepted before: what the license has become does not matter to it.
    Changed,
    /// It stands.
    Present(&'a Present<'a>),
}

/// A change as the ledger shall make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenseChange {
    /// What each line authorizes from now on.
    Amendment(Vec<(u32, AmountValue)>),
    /// The new last day.
    Extension(Day),
    /// A suspension, revocation or cancellation.
    Stop(Stop),
    /// The version of the suspension that ends.
    Reinstatement(u32),
    /// The holder was notified.
    Notification,
}

/// Checks a change of an existing license.
pub(super) fn check(
    submission: &pb::Submission,
    change: &Change,
    step: Step,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<LicenseChange> {
    let present = present(submission, scope, findings);
    check_version(submission.version, present, findings);
    if let Some(present) = present {
        check_step(step, present, scope, findings);
    }
    match change {
        Change::Issue(_) | Change::Onboarding(_) => None,
        Change::Amendment(license) => {
            let lines = amendment::check(license, present, scope, findings);
            Some(LicenseChange::Amendment(lines))
        }
        Change::Extension(extension) => {
            check_extension(extension, present, scope, findings).map(LicenseChange::Extension)
        }
        Change::Suspension(stop) => {
            check_stop(stop, StopKind::Suspension, present, scope, findings)
        }
        Change::Revocation(stop) => {
            check_stop(stop, StopKind::Revocation, present, scope, findings)
        }
        Change::Cancellation(stop) => {
            check_stop(stop, StopKind::Cancellation, present, scope, findings)
        }
        Change::Reinstatement(reinstatement) => {
            check_reinstatement(reinstatement, present, scope, findings);
            Some(LicenseChange::Reinstatement(reinstatement.suspension_version))
        }
        Change::Notification(notified_at) => {
            check_notified(notified_at, &Place::default(), "notification", scope, findings);
            Some(LicenseChange::Notification)
        }
    }
}

/// The license, or N408. Who does not own the name is not told whether there is one.
fn present<'a>(
    submission: &pb::Submission,
    scope: &Scope<'a>,
    findings: &mut Findings,
) -> Option<&'a Present<'a>> {
    let of_name = |finding: &Finding| {
        finding.refuses() && finding.locator.field.split('.').next() == Some("license")
    };
    if findings.list().iter().any(of_name) {
        return None;
    }
    match scope.context.subject {
        Subject::Present(present) => Some(present),
        Subject::Changed => None,
        Subject::Unknown => {
            let number = submission.license.as_ref().map(|id| id.permit_number.as_str());
            let finding = Finding::new(Code::N408, Place::default().at("license"));
            findings.push(finding.declared(number.unwrap_or_default()));
            None
        }
    }
}

/// The next version and no other: a gap (E305) and a repeat (E306) are different mistakes.
fn check_version(version: u32, present: Option<&Present<'_>>, findings: &mut Findings) {
    let at = || Place::default().at("version");
    if version == 0 {
        findings.add(Code::S101, at());
        return;
    }
    let Some(present) = present else { return };
    let next = present.version.saturating_add(1);
    let code = match version.cmp(&next) {
        std::cmp::Ordering::Equal => return,
        std::cmp::Ordering::Greater => Code::E305,
        std::cmp::Ordering::Less => Code::E306,
    };
    findings.push(Finding::new(code, at()).declared(version).granted(next));
}

/// Whether the license's status allows the step.
fn check_step(step: Step, present: &Present<'_>, scope: &Scope<'_>, findings: &mut Findings) {
    let at = || Place::default().at(step.as_str());
    if !steps_from(present.status).contains(&step) {
        let code = match step {
            Step::Amendment | Step::Extension => Code::N405,
            _ => Code::N409,
        };
        let next = next_steps(present.status, present.stops, scope.context.received_at);
        let next: Vec<_> = next.into_iter().map(Step::as_str).collect();
        let finding = Finding::new(code, at()).declared(short_status(present.status));
        findings.push(finding.granted(next.join(",")));
    }
    let stops = matches!(step, Step::Suspension | Step::Revocation | Step::Cancellation);
    if stops && present.stops.len() >= STOPS_MAX {
        let finding = Finding::new(Code::N409, at()).declared(present.stops.len());
        findings.push(finding.granted(format!("< {STOPS_MAX} stops")));
    }
}

fn short_status(status: LicenseStatus) -> &'static str {
    status.as_str_name().trim_start_matches("LICENSE_STATUS_")
}

fn check_extension(
    extension: &pb::Extension,
    present: Option<&Present<'_>>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<Day> {
    let place = Place::new("extension");
    let valid_to = required_day(&extension.valid_to, || place.at("valid_to"), findings);
    if let (Some(present), Some(day)) = (present, valid_to) {
        let before = Day::parse(&present.license.valid_to).ok();
        if let Some(before) = before.filter(|before| day < *before) {
            let finding = Finding::new(Code::E301, place.at("valid_to")).declared(day);
            findings.push(finding.granted(format!(">= {before}")));
        } else if let Ok(from) = Day::parse(&present.license.valid_from) {
            check_longest(from, day, &place, scope, findings);
        }
    }
    let office = extension.office.as_str();
    if office.is_empty() {
        return valid_to;
    }
    let at = || place.at("office");
    if !scope.rules().catalogue.has_aduana_of(office, scope.day) {
        findings.push(Finding::new(Code::C206, at()).declared(office));
    }
    if scope.profile.is_some_and(|profile| !profile.office_may_extend) {
        findings.push(Finding::new(Code::N403, at()).declared(office));
    }
    valid_to
}

fn check_stop(
    stop: &pb::Stop,
    kind: StopKind,
    present: Option<&Present<'_>>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<LicenseChange> {
    let place = Place::new(kind.step().as_str());
    check_lines(stop.lines.as_ref(), present, &place, findings);
    let offices = extent(stop.offices.as_ref(), || place.at("offices"), findings);
    for (index, office) in offices.unwrap_or_default().iter().enumerate() {
        if !scope.rules().catalogue.has_aduana_of(office, scope.day) {
            let at = place.at(&format!("offices.only[{index}]"));
            findings.push(Finding::new(Code::C206, at).declared(office));
        }
    }
    let start = check_start(stop.start_time.as_ref(), &place, scope, findings);
    let end = check_end(stop.end_time.as_ref(), start, kind, &place, findings);
    required_text(&stop.reason, REASON_MAX, || place.at("reason"), findings);
    optional_text(&stop.legal_basis, LEGAL_BASIS_MAX, || place.at("legal_basis"), findings);
    Some(LicenseChange::Stop(Stop {
        version: present?.version.saturating_add(1),
        kind,
        lines: stop.lines.clone()?,
        offices: stop.offices.clone()?,
        start: start?,
        end,
        reason: stop.reason.clone(),
        legal_basis: stop.legal_basis.clone(),
    }))
}

fn check_lines(
    lines: Option<&pb::Extent>,
    present: Option<&Present<'_>>,
    place: &Place<'_>,
    findings: &mut Findings,
) {
    let named = extent(lines, || place.at("lines"), findings).unwrap_or_default();
    let Some(present) = present else { return };
    for (index, line) in named.iter().enumerate() {
        if !present.used.iter().any(|(line_no, _)| line_no.to_string() == *line) {
            let at = place.at(&format!("lines.only[{index}]"));
            findings.push(Finding::new(Code::E308, at).declared(line));
        }
    }
}

/// The instant from which the stop counts: the decision's, or a later one. A start that passed on
/// the way here, within what clocks may drift, is the decision's too.
fn check_start(
    stated: Option<&prost_types::Timestamp>,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<Timestamp> {
    let decided_at = scope.context.received_at;
    let Some(stated) = stated else { return Some(decided_at) };
    let at = || place.at("start_time");
    let start = instant(stated, at, findings)?;
    if decided_at.duration_since(start) > skew(scope) {
        let finding = Finding::new(Code::S104, at()).declared(start);
        findings.push(finding.granted(format!(">= {decided_at}")));
    }
    Some(start.max(decided_at))
}

/// Only a suspension ends by itself, and after it began.
fn check_end(
    stated: Option<&prost_types::Timestamp>,
    start: Option<Timestamp>,
    kind: StopKind,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Timestamp> {
    let at = || place.at("end_time");
    let end = instant(stated?, at, findings)?;
    if kind.is_for_good() {
        findings.push(Finding::new(Code::E301, at()).declared(end));
        return None;
    }
    if let Some(start) = start.filter(|start| end <= *start) {
        let finding = Finding::new(Code::E301, at()).declared(end);
        findings.push(finding.granted(format!("> {start}")));
    }
    Some(end)
}

fn check_reinstatement(
    reinstatement: &pb::Reinstatement,
    present: Option<&Present<'_>>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    let place = Place::new("reinstatement");
    let at = || place.at("suspension_version");
    let version = reinstatement.suspension_version;
    if version == 0 {
        findings.add(Code::S101, at());
    } else if let Some(present) = present {
        let stops = present.stops.iter();
        let open: Vec<u32> = stops
            .filter(|stop| stop.can_be_ended(scope.context.received_at))
            .map(|stop| stop.version)
            .collect();
        if !open.contains(&version) {
            let open: Vec<_> = open.iter().map(u32::to_string).collect();
            let finding = Finding::new(Code::N409, at()).declared(version);
            findings.push(finding.granted(open.join(",")));
        }
    }
    required_text(&reinstatement.reason, REASON_MAX, || place.at("reason"), findings);
}

/// When the holder was notified; nobody signs in the future.
pub(super) fn check_notified(
    stated: &prost_types::Timestamp,
    place: &Place<'_>,
    field: &str,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<Timestamp> {
    let at = || place.at(field);
    let notified_at = instant(stated, at, findings)?;
    let received_at = scope.context.received_at;
    if notified_at.duration_since(received_at) > skew(scope) {
        let finding = Finding::new(Code::S104, at()).declared(notified_at);
        findings.push(finding.granted(format!("<= {received_at}")));
    }
    Some(notified_at)
}

fn skew(scope: &Scope<'_>) -> SignedDuration {
    SignedDuration::from_secs(i64::from(scope.rules().policy.clock_skew_seconds))
}
