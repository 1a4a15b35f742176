//! Whether a license covers a claim: authentic, in force, these goods here, and enough left.
//!
//! Pure and total: the license's terms, its state and the clock come in. Everything that is wrong
//! is told at once. One claim against one license takes well below a microsecond.

use descargo_model::date::Day;
use descargo_model::finding::{Code, Finding};
use descargo_model::life::Stop;
use descargo_model::pb::LicenseStatus;
use subtle::ConstantTimeEq;

use crate::balance;
use crate::claim::{Claim, ClaimPlaces};
use crate::codes::{ShortCode, aduana};
use crate::collect::Findings;
use crate::declaration::{DeclarationContext, paid_on_at};
use crate::instruments::{LegalMoment, Presents, Profile};
use crate::submission::short_operation;
use crate::terms::{LicenseTerms, LineTerms};

pub use crate::balance::{LineAvailable, left_uncovered};

/// Where a license stands, as the ledger just read it.
#[derive(Debug, Clone, Copy)]
pub struct LicenseState<'a> {
    /// Its status, as it is stored.
    pub status: LicenseStatus,
    /// Its stops that no reinstatement ended; almost always none.
    pub stops: &'a [Stop],
    /// What is left of each line.
    pub available: &'a [LineAvailable],
    /// The discharge signature that was issued for it.
    pub discharge_signature: &'a str,
}

/// What was found.
#[derive(Debug)]
pub struct Coverage {
    /// License line that the claim is drawn from; `None` when none covers it.
    pub line_no: Option<u32>,
    /// Every finding, in the order of the checks. Only warnings mean that it is covered.
    pub findings: Vec<Finding>,
}

/// What a claim is checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be exercised: the instrument's legal moment is now, or was the day of payment.
    Exercise,
    /// To be held until it is exercised: a license that begins later may still be in force then, and
    /// a payment may still come.
    Hold,
}

/// Checks a claim that is exercised against a license of this profile.
#[must_use]
pub fn coverage(
    claim: &Claim<'_>,
    license: &LicenseTerms,
    profile: &Profile,
    state: &LicenseState<'_>,
    context: &DeclarationContext<'_>,
) -> Coverage {
    coverage_for(Purpose::Exercise, claim, license, profile, state, context)
}

/// Checks a claim against a license of this profile.
#[must_use]
pub fn coverage_for(
    purpose: Purpose,
    claim: &Claim<'_>,
    license: &LicenseTerms,
    profile: &Profile,
    state: &LicenseState<'_>,
    context: &DeclarationContext<'_>,
) -> Coverage {
    claim.places(|places| {
        let check = Check { purpose, claim, license, profile, state, context, places };
        let mut findings = Findings::default();
        check.presented(&mut findings);
        check.header(&mut findings);
        let line = check.line(&mut findings);
        check.period(&mut findings);
        let withdrawn = check.stops(line, &mut findings);
        check.status(withdrawn, &mut findings);
        if let Some(line) = line {
            balance::check(&check, line, &mut findings);
        }
        if !findings.refused() {
            check.near_expiry(&mut findings);
        }
        Coverage { line_no: line.map(|line| line.line_no), findings: findings.into_list() }
    })
}

/// The finding for a license that is not known, or that the caller may not know.
#[must_use]
pub fn unknown_license(claim: &Claim<'_>) -> Finding {
    let number = claim.draw.license.as_ref().map(|name| name.permit_number.as_str());
    claim.places(|places| {
        Finding::new(Code::N411, places.draw.saai("license.permit_number", 7))
            .declared(number.unwrap_or_default())
    })
}

/// All that one claim is checked with.
pub(crate) struct Check<'a> {
    pub purpose: Purpose,
    pub claim: &'a Claim<'a>,
    pub license: &'a LicenseTerms,
    pub profile: &'a Profile,
    pub state: &'a LicenseState<'a>,
    pub context: &'a DeclarationContext<'a>,
    pub places: &'a ClaimPlaces<'a>,
}

impl Check<'_> {
    /// What the broker presents. Neither the right signature nor the wrong one is repeated: a code
    /// of 40 bits must not be found by reading answers.
    fn presented(&self, findings: &mut Findings) {
        let at = || self.places.draw.saai("discharge_signature", 6);
        let stated = self.claim.draw.discharge_signature.as_bytes();
        match self.profile.presents {
            Presents::Complement if stated.is_empty() => findings.add(Code::S101, at()),
            Presents::Complement => {}
            Presents::DischargeSignature => {
                let issued = self.state.discharge_signature.as_bytes();
                // A license without an issued signature matches none, not the empty one.
                if issued.is_empty() || !bool::from(stated.ct_eq(issued)) {
                    findings.add(Code::N412, at());
                }
            }
        }
    }

    /// Holder, operation, regime and office.
    fn header(&self, findings: &mut Findings) {
        let (header, place) = (self.claim.header, &self.places.header);
        if let Some(trader) = &header.trader
            && self.profile.holder_must_be_trader
            && *trader != self.license.holder
        {
            let finding = Finding::new(Code::N413, place.saai("trader.rfc", 9));
            findings.push(finding.declared(trader).granted(&self.license.holder));
        }
        if let Some(operation) = header.operation
            && operation != self.license.operation
        {
            let finding = Finding::new(Code::N416, place.saai("operation", 5));
            let granted = short_operation(self.license.operation);
            findings.push(finding.declared(short_operation(operation)).granted(granted));
        }
        if let Some(regime) = &header.regime
            && !self.covers_regime(regime)
        {
            let finding = Finding::new(Code::N416, place.at("regime"));
            findings.push(finding.declared(regime).granted(&self.license.regimes));
        }
        if let Some(office) = &header.clearance_office {
            let code = aduana(office).and_then(ShortCode::of);
            if !code.is_some_and(|code| self.license.aduanas.covers(code)) {
                let finding = Finding::new(Code::N417, place.saai("clearance_office", 4));
                findings.push(finding.declared(office).granted(&self.license.aduanas));
            }
        }
    }

    /// A license for every regime is one for every regime that its instrument allows.
    fn covers_regime(&self, regime: &str) -> bool {
        let allowed = &self.profile.regimes;
        (allowed.is_empty() || allowed.iter().any(|allowed| allowed == regime))
            && ShortCode::of(regime).is_some_and(|code| self.license.regimes.covers(code))
    }

    /// The line that is drawn from, and whether its countries cover.
    fn line(&self, findings: &mut Findings) -> Option<&LineTerms> {
        let line = self.claim.line;
        let tariff = line.tariff?;
        let (origin, seller) = (line.origin_destination, line.seller_buyer);
        let digits = self.profile.tariff_match_digits;
        let Some(chosen) = self.license.line_for(tariff, digits, origin, seller) else {
            let finding = Finding::new(Code::N414, self.places.line.saai("tariff_code", 3));
            let granted = self.license.codes_text();
            findings.push(finding.declared(&line.tariff_text).granted(granted));
            return None;
        };
        if origin.is_some_and(|code| !chosen.origin_destination.covers(code)) {
            let at = self.places.line.saai("country_origin_destination", 21);
            let finding = Finding::new(Code::N415, at).declared(&line.origin_destination_text);
            findings.push(finding.granted(&chosen.origin_destination));
        }
        if seller.is_some_and(|code| !chosen.seller_buyer.covers(code)) {
            let at = self.places.line.saai("country_seller_buyer", 22);
            let finding = Finding::new(Code::N415, at).declared(&line.seller_buyer_text);
            findings.push(finding.granted(&chosen.seller_buyer));
        }
        Some(chosen)
    }

    /// Whether the license is in force on the day that its instrument asks for.
    fn period(&self, findings: &mut Findings) {
        let Some(day) = self.legal_day(findings) else { return };
        let at = || self.places.draw.saai("license.permit_number", 7);
        let Some(granted) = self.license.nearest_day_in_force(day, self.state.status) else {
            return;
        };
        let may_begin_later = self.purpose == Purpose::Hold
            && self.profile.legal_moment == LegalMoment::Selection
            && day < granted;
        if may_begin_later {
            return;
        }
        findings.push(Finding::new(Code::N418, at()).declared(day).granted(granted));
    }

    fn legal_day(&self, findings: &mut Findings) -> Option<Day> {
        match self.profile.legal_moment {
            LegalMoment::Selection => Some(self.context.day()),
            LegalMoment::Payment => {
                let header = self.claim.header;
                if !header.paid_on_stated && self.purpose == Purpose::Exercise {
                    findings.add(Code::S101, paid_on_at());
                }
                header.paid_on
            }
        }
    }

    /// Tells the stop that covers this line, at this office, now: that for good (N420) before one
    /// for a time (N419). Returns whether it is for good.
    fn stops(&self, line: Option<&LineTerms>, findings: &mut Findings) -> bool {
        if self.state.stops.is_empty() {
            return false;
        }
        let office = self.claim.header.clearance_office.as_deref().unwrap_or_default();
        let covers = |stop: &&Stop| {
            stop.runs_at(self.context.at)
                && line.map_or(stop.covers_every_line(), |line| stop.covers_line(line.line_no))
                && stop.covers_office(office)
        };
        let mut covering = self.state.stops.iter().filter(covers);
        let for_good = covering.clone().find(|stop| stop.kind.is_for_good());
        let Some(stop) = for_good.or_else(|| covering.next()) else { return false };
        let code = match stop.kind.is_for_good() {
            true => Code::N420,
            false => Code::N419,
        };
        let at = self.places.draw.saai("license.permit_number", 7);
        findings.push(Finding::new(code, at).granted(format!("version {}", stop.version)));
        stop.kind.is_for_good()
    }

    /// Only an active license gives a firma. Expiry and exhaustion are told by day and balance, a
    /// withdrawal by its stop.
    fn status(&self, withdrawn: bool, findings: &mut Findings) {
        let code = match self.state.status {
            LicenseStatus::Active | LicenseStatus::Expired | LicenseStatus::Exhausted => return,
            LicenseStatus::Revoked | LicenseStatus::Cancelled if withdrawn => return,
            LicenseStatus::Suspended => Code::N419,
            LicenseStatus::AwaitingNotification => Code::N422,
            LicenseStatus::Quarantined => Code::N433,
            // A status that is not known here is no active one.
            LicenseStatus::Revoked | LicenseStatus::Cancelled | LicenseStatus::Unspecified => {
                Code::N420
            }
        };
        findings.add(code, self.places.draw.saai("license.permit_number", 7));
    }

    /// Warns of a last day that is near.
    fn near_expiry(&self, findings: &mut Findings) {
        let left = self.context.day().days_until(self.license.valid_to);
        if left < i64::from(self.context.rules.policy.expiry_warning_days) {
            let finding = Finding::new(Code::W811, self.places.draw.at("license"));
            findings.push(finding.granted(self.license.valid_to));
        }
    }
}
