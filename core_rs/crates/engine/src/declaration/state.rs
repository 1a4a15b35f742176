//! Decides what states a whole declaration: that it is held, and that it is exercised.

use std::collections::BTreeMap;

use descargo_ledger::command::{DrawRow, DrawState, Loaded, Nanos, PositionRow, Statement};
use descargo_ledger::state::{DrawStep, Stage};
use descargo_model::date::Day;
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb::{DeclarationState, QuantityBasis};
use descargo_rules::coverage::{Purpose, left_uncovered};
use descargo_rules::declaration::{CheckedDeclaration, DeclarationContext, check_whole};
use descargo_rules::instruments::LegalMoment;
use jiff::Timestamp;

use crate::answer::verdict_id;
use crate::clock::instant;
use crate::command::Terms;
use crate::declaration::books::{Books, Fault, Scales, Wanted, profile};
use crate::declaration::close;
use crate::declaration::plan::{self, Equal, Planned, place_of, place_wanted};
use crate::declaration::present::{Present, is_acuse};
use crate::declaration::verdict::{Allowed, DrawRows};
use crate::declaration::{Decide, Judged, Refused, Stated, fault};
use crate::refusal::Refusal;

/// Nanoseconds of an hour.
const HOUR: Nanos = 3_600_000_000_000;

/// What all draws of a declaration came to.
pub(super) struct Weighing<'v> {
    pub books: Books<'v>,
    pub findings: Vec<Finding>,
    pub wanted: Vec<Wanted>,
    /// Licenses that something refuses.
    pub licenses: Vec<&'v Loaded<Terms>>,
}

impl<'v> Weighing<'v> {
    pub fn refuses(&self) -> bool {
        self.findings.iter().any(Finding::refuses)
    }

    pub fn refused(self) -> Judged<'v> {
        Judged::Refused(Refused { findings: self.findings, licenses: self.licenses })
    }
}

impl<'a, 'v> Decide<'a, 'v> {
    /// Holds everything that is stated.
    pub(super) fn reserve(self, stated: &Stated) -> Result<Judged<'v>, Refusal> {
        let now = Present::of(self.view, &stated.position);
        let held = matches!(now.state(), Some(DeclarationState::Reserved | DeclarationState::Paid));
        // A statement with the present acuse renews the lease, however often it is made.
        let renews = now
            .row
            .as_ref()
            .is_some_and(|row| is_acuse(&stated.declaration.acceptance_code, &row.acceptance_code));
        if let Some(made) = made_before(&now, stated).filter(|_| held && !renews) {
            return Ok(Judged::Made(made));
        }
        let (checked, scales) =
            self.checked(stated, Stage::Held, Purpose::Hold, self.view.decided_at);
        let mut weighing = self.weigh(&scales, &checked, &now).map_err(fault)?;
        weighing.findings.extend(self.reservable(&now, stated, held));
        let paid = now.state() == Some(DeclarationState::Paid);
        let changed = differs(&now.draws, &weighing.wanted);
        if paid && changed {
            weighing.findings.push(now.out_of_order(self.view, Locator::field("lines")));
        }
        if weighing.refuses() {
            return Ok(weighing.refused());
        }
        let before = now.row.clone().filter(|_| held);
        let paid_on = before.as_ref().and_then(|row| row.paid_on);
        let state = if paid { DeclarationState::Paid } else { DeclarationState::Reserved };
        let row = PositionRow {
            lease_until: Some(self.lease(&weighing, paid_on).map_err(fault)?),
            paid_on,
            paid_verdict_no: before.as_ref().and_then(|row| row.paid_verdict_no),
            ..self.stated_row(&now, stated, state, changed)
        };
        self.stand(stated, &now, weighing, Stage::Held, row)
    }

    /// Why nothing can be held for the position, if nothing can.
    fn reservable(self, now: &Present<'v>, stated: &Stated, held: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        let withdrawn = now.row.as_ref().is_some_and(|row| row.paid_on.is_some());
        let in_order = match now.state() {
            None | Some(DeclarationState::Lapsed) => true,
            Some(DeclarationState::Reserved | DeclarationState::Paid) => !now.is_activated(),
            // What was eliminated can be stated anew; what was withdrawn cannot.
            Some(DeclarationState::Released) => !withdrawn,
            Some(_) => false,
        };
        if !in_order || self.other_shipments_forbid(stated) {
            let at = Locator::field("declaration_number");
            findings.push(now.out_of_order(self.view, at));
        } else {
            findings.extend(now.wrong_acuse(&stated.declaration.acceptance_code, !held));
        }
        findings
    }

    /// Exercises everything that is stated.
    pub(super) fn validate(self, stated: &Stated) -> Result<Judged<'v>, Refusal> {
        let now = Present::of(self.view, &stated.position);
        let exercised = now.state() == Some(DeclarationState::Exercised);
        if let Some(made) = made_before(&now, stated).filter(|_| exercised) {
            return Ok(Judged::Made(made));
        }
        // A whole that holds nothing any more does not stand in the way of the closing.
        let holds = now.row.as_ref().is_some_and(close::takes);
        if !holds && self.closes(stated) {
            return self.close(stated, &now);
        }
        let (mut checked, scales) =
            self.checked(stated, Stage::Exercised, Purpose::Exercise, self.view.decided_at);
        let paid_on = now.row.as_ref().and_then(|row| row.paid_on);
        let declared_paid_on = checked.header.paid_on;
        if paid_on.is_some() {
            (checked.header.paid_on, checked.header.paid_on_stated) = (paid_on, true);
        }
        let mut weighing = self.weigh(&scales, &checked, &now).map_err(fault)?;
        weighing.findings.extend(self.exercisable(&now, stated, declared_paid_on));
        if now.state().is_some_and(is_held) {
            let others = not_as_held(&now, &weighing.wanted, &checked);
            weighing.findings.extend(others);
        }
        if weighing.refuses() {
            return Ok(weighing.refused());
        }
        let changed = differs(&now.draws, &weighing.wanted);
        let row = PositionRow {
            paid_on: checked.header.paid_on,
            paid_verdict_no: now.row.as_ref().and_then(|row| row.paid_verdict_no),
            selected_at: Some(self.view.decided_at),
            ..self.stated_row(&now, stated, DeclarationState::Exercised, changed)
        };
        self.stand(stated, &now, weighing, Stage::Exercised, row)
    }

    /// Why the position cannot be exercised, if it cannot.
    pub(super) fn exercisable(
        self,
        now: &Present<'v>,
        stated: &Stated,
        paid_on: Option<Day>,
    ) -> Option<Finding> {
        let acuse = &stated.declaration.acceptance_code;
        let at = Locator::field("declaration_number");
        if self.other_shipments_forbid(stated) {
            return Some(now.out_of_order(self.view, at));
        }
        let no_hold = || Finding::new(Code::N448, Locator::field("declaration_number"));
        let Some(row) = &now.row else {
            return (!acuse.is_empty()).then(|| no_hold().declared(acuse));
        };
        match row.state {
            DeclarationState::Lapsed => Some(no_hold()),
            state if is_held(state) => {
                let wrong = now.wrong_acuse(acuse, false);
                let elsewhere = || {
                    // What was held for one office is not exercised at another.
                    let stated = &stated.declaration.clearance_office;
                    let at = Locator::field("clearance_office");
                    (!same_aduana(stated, &row.clearance_office))
                        .then(|| now.out_of_order(self.view, at))
                };
                wrong.or_else(elsewhere).or_else(|| self.unpaid(now, row, paid_on))
            }
            _ => Some(now.out_of_order(self.view, at)),
        }
    }

    /// A hold is exercised once it was paid; the payment may be stated with the exercise.
    fn unpaid(self, now: &Present<'v>, row: &PositionRow, paid_on: Option<Day>) -> Option<Finding> {
        let at = Locator { record: 506, record_field: 4, ..Locator::field("paid_on") };
        match (row.paid_on, paid_on) {
            (None, None) => Some(now.out_of_order(self.view, at)),
            (Some(paid), Some(stated)) if paid != stated => {
                Some(Finding::new(Code::E341, at).declared(stated).granted(paid))
            }
            _ => None,
        }
    }

    /// What is stated, checked, and what its draws are weighed with.
    pub(super) fn checked(
        self,
        stated: &Stated,
        stage: Stage,
        purpose: Purpose,
        at: Nanos,
    ) -> (CheckedDeclaration, Scales<'a>) {
        let context = |at: Timestamp| DeclarationContext { rules: &self.desk.rules, at };
        let checked = check_whole(&stated.declaration, &context(instant(self.view.decided_at)));
        let (desk, caller) = (self.desk, self.caller);
        (checked, Scales { desk, caller, context: context(instant(at)), purpose, stage })
    }

    /// Weighs every draw, on what the position gives back.
    pub(super) fn weigh(
        self,
        scales: &Scales<'_>,
        checked: &CheckedDeclaration,
        now: &Present<'v>,
    ) -> Result<Weighing<'v>, Fault> {
        let mut books = Books::new();
        for draw in now.lapsing.iter().chain(&now.draws) {
            books.give_back(self.view, draw)?;
        }
        let findings = checked.findings.clone();
        let mut weighing = Weighing { books, findings, wanted: Vec::new(), licenses: Vec::new() };
        let (mut draws, mut told) = (0_usize, std::collections::HashSet::new());
        for claim in checked.claims() {
            draws = draws.saturating_add(1);
            let weighed = weighing.books.weigh(scales, self.view, &claim)?;
            let refused = weighed.findings.iter().any(Finding::refuses);
            weighing.findings.extend(weighed.findings);
            weighing.wanted.extend(weighed.wanted);
            if let Some(row) = weighed.license.filter(|_| refused)
                && told.insert(row.state.license_id)
            {
                weighing.licenses.push(row);
            }
        }
        weighing.findings.extend(self.uncovered(checked, &weighing)?);
        match weighing.wanted.len() == draws || weighing.refuses() {
            true => Ok(weighing),
            false => Err("a draw without finding does not fit the balance"),
        }
    }

    /// Lines whose draws of one key take less than the line has.
    fn uncovered(
        self,
        checked: &CheckedDeclaration,
        weighing: &Weighing<'v>,
    ) -> Result<Vec<Finding>, Fault> {
        let mut by_line: BTreeMap<u32, Vec<&Wanted>> = BTreeMap::new();
        for wanted in &weighing.wanted {
            by_line.entry(wanted.line_no).or_default().push(wanted);
        }
        let mut findings = Vec::new();
        for line in &checked.lines {
            let wanted = by_line.get(&line.line.line_no).map_or(&[][..], Vec::as_slice);
            // Where a draw is refused, what is missing is not known yet.
            if wanted.len() != line.draws.len() {
                continue;
            }
            let mut drawn: BTreeMap<(&str, bool), Vec<_>> = BTreeMap::new();
            for want in wanted {
                let row = weighing.books.row(want.license_id)?;
                let terms = row.terms.as_deref().ok_or("a license has no terms")?;
                let balance = row.state.balance(want.license_line_no);
                if let Some((balance, quantity)) = balance.zip(want.amount.quantity) {
                    let key =
                        (row.state.name.permit_key.as_str(), terms.basis == QuantityBasis::Umc);
                    drawn.entry(key).or_default().push((quantity, balance.unit));
                }
            }
            for ((_, is_umc), quantities) in drawn {
                let basis = if is_umc { QuantityBasis::Umc } else { QuantityBasis::Umt };
                findings.extend(left_uncovered(&line.line, basis, &quantities));
            }
        }
        Ok(findings)
    }

    /// When a hold on these draws lapses: after the shortest lease of them, and once it is paid with
    /// the last of them that can still be exercised.
    fn lease(self, weighing: &Weighing<'v>, paid_on: Option<Day>) -> Result<Nanos, Fault> {
        let mut leases = Vec::with_capacity(weighing.wanted.len());
        for want in &weighing.wanted {
            let row = weighing.books.row(want.license_id)?;
            leases.push(match paid_on {
                None => self.unpaid_lease(row)?,
                Some(day) => self.paid_lease(row, day)?,
            });
        }
        let lease = match paid_on {
            None => leases.into_iter().min(),
            Some(_) => leases.into_iter().max(),
        };
        lease.ok_or("a hold holds nothing")
    }

    fn unpaid_lease(self, row: &Loaded<Terms>) -> Result<Nanos, Fault> {
        let hours = Nanos::from(profile(self.desk, row)?.lease_hours);
        Ok(self.view.decided_at.saturating_add(hours.saturating_mul(HOUR)))
    }

    /// A paid hold lasts as long as its instrument: until the license's last day has passed, or, where
    /// the day of payment counted, for the days that the policy allows.
    pub(super) fn paid_lease(self, row: &Loaded<Terms>, paid_on: Day) -> Result<Nanos, Fault> {
        let terms = row.terms.as_deref().ok_or("a license has no terms")?;
        let last = match profile(self.desk, row)?.legal_moment {
            LegalMoment::Selection => terms.valid_to,
            LegalMoment::Payment => paid_on.plus_days(self.desk.rules.policy.paid_hold_days),
        };
        let end = last.end().ok_or("a last day has no end")?;
        let end = Nanos::try_from(end.as_nanosecond()).unwrap_or(Nanos::MAX);
        // A license that is over already still holds for as long as an unpaid one would.
        Ok(end.max(self.unpaid_lease(row)?))
    }

    /// The position's row after a statement, with an acuse of its own when amounts change.
    pub(super) fn stated_row(
        self,
        now: &Present<'v>,
        stated: &Stated,
        state: DeclarationState,
        changed: bool,
    ) -> PositionRow {
        let mut row = PositionRow::new(state);
        row.clearance_office.clone_from(&stated.declaration.clearance_office);
        let sha256 = stated.statement_sha256;
        row.statement = Some(Statement { sha256, verdict_no: self.view.verdict_no });
        if let Some(before) = &now.row {
            row.position_no = before.position_no;
            row.acceptance_code.clone_from(&before.acceptance_code);
            row.rectifies.clone_from(&before.rectifies);
        }
        if changed || now.row.is_none() {
            row.position_no = row.position_no.saturating_add(1);
            row.acceptance_code = self.desk.codes.acceptance_code(
                &verdict_id(self.view.ledger_id, self.view.verdict_no),
                &stated.declaration.declaration_number,
                row.position_no,
            );
        }
        row
    }

    /// Makes what is stated of what is there.
    fn stand(
        self,
        stated: &Stated,
        now: &Present<'v>,
        weighing: Weighing<'v>,
        stage: Stage,
        row: PositionRow,
    ) -> Result<Judged<'v>, Refusal> {
        let steps = plan::steps(&now.draws, &weighing.wanted, stage, Equal::Stays);
        let planned: Vec<Planned> = lapsing_steps(now).into_iter().chain(steps).collect();
        let made = plan::make(&planned, self.view, |id| weighing.books.row(id)).map_err(fault)?;
        let rows = DrawRows {
            key: &now.key,
            statement_sha256: stated.statement_sha256,
            verdict_no: self.view.verdict_no,
        };
        let kept: std::collections::HashSet<_> = weighing.wanted.iter().map(place_wanted).collect();
        let gone: Vec<&DrawRow> =
            now.draws.iter().copied().filter(|draw| !kept.contains(&place_of(draw))).collect();
        let mut draws = rows.ended(&gone, DrawState::Released);
        draws.extend(rows.wanted(&now.draws, &weighing.wanted, stage, &made));
        let skipped = now.lapsing.len();
        let allowed = Allowed::new(weighing.findings, made, skipped, &now.key, row);
        Ok(Judged::Allowed(Box::new(allowed.with_draws(draws))))
    }
}

/// The verdict that accepted the same statement, when the position rests on it.
pub(super) fn made_before(now: &Present<'_>, stated: &Stated) -> Option<i64> {
    let statement = now.row.as_ref()?.statement?;
    (statement.sha256 == stated.statement_sha256).then_some(statement.verdict_no)
}

pub(super) fn is_held(state: DeclarationState) -> bool {
    matches!(state, DeclarationState::Reserved | DeclarationState::Paid)
}

/// Steps by which what is over goes back, for a check that comes before the ledger took note.
pub(super) fn lapsing_steps(now: &Present<'_>) -> Vec<Planned> {
    let step =
        |draw: &&DrawRow| Planned { place: place_of(draw), step: DrawStep::Expire(draw.amount) };
    now.lapsing.iter().map(step).collect()
}

/// Whether a position takes other amounts than are wanted.
pub(super) fn differs(before: &[&DrawRow], wanted: &[Wanted]) -> bool {
    let amounts: std::collections::HashMap<_, _> =
        before.iter().map(|draw| (place_of(draw), draw.amount)).collect();
    before.len() != wanted.len()
        || wanted.iter().any(|want| amounts.get(&place_wanted(want)) != Some(&want.amount))
}

/// What is exercised must be what is held: other amounts, or others' draws, are stated by a
/// rectification. What was exercised line by line must be stated again.
fn not_as_held(now: &Present<'_>, wanted: &[Wanted], checked: &CheckedDeclaration) -> Vec<Finding> {
    let mut held: std::collections::HashMap<_, _> =
        now.draws.iter().map(|draw| (place_of(draw), *draw)).collect();
    let mut findings = Vec::new();
    let mut other = std::collections::HashSet::new();
    for want in wanted {
        let as_held = held.remove(&place_wanted(want));
        if as_held.is_none_or(|draw| draw.amount != want.amount) {
            other.insert(want.line_no);
        }
    }
    for line in &checked.lines {
        if other.contains(&line.line.line_no) {
            let at = Locator {
                line_no: line.line.line_no,
                record: 551,
                record_field: 4,
                ..Locator::field(format!("lines[{}].draws", line.line.index))
            };
            findings.push(Finding::new(Code::E341, at).declared(line.line.line_no));
        }
    }
    if held.values().any(|draw| draw.state.stage() == Some(Stage::Exercised)) {
        findings.push(Finding::new(Code::E341, Locator::field("lines")));
    }
    findings
}

/// Whether two offices are of one aduana; one that is not known may be.
pub(super) fn same_aduana(one: &str, other: &str) -> bool {
    one.is_empty() || other.is_empty() || one.get(..2) == other.get(..2)
}
