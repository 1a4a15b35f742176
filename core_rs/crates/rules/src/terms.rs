//! A stored license as declarations are matched against it: parsed once per version, then only
//! read.
//!
//! The largest license, 500 lines of 100 codes, takes 0.8 MB here; a usual one under a kilobyte.

use descargo_model::date::Day;
use descargo_model::decimal::AmountValue;
use descargo_model::finding::VALUE_MAX;
use descargo_model::license_name::LicenseName;
use descargo_model::pb;
use descargo_model::pb::{LicenseStatus, OperationType, QuantityBasis};
use descargo_model::rfc::Rfc;
use thiserror::Error;

use crate::codes::{CodeSet, ShortCode, Tariff, aduana, whole};

/// Why a stored license cannot be read: the ledger holds what no check would have accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("stored license: field `{field}` cannot be read")]
pub struct TermsError {
    /// Path of the field.
    pub field: String,
}

/// What a license allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseTerms {
    /// Its name.
    pub name: LicenseName,
    /// RFC of its holder.
    pub holder: Rfc,
    /// Operation that it covers.
    pub operation: OperationType,
    /// Regimes that it covers.
    pub regimes: CodeSet,
    /// Aduanas where it may be used.
    pub aduanas: CodeSet,
    /// First day.
    pub valid_from: Day,
    /// Last day.
    pub valid_to: Day,
    /// Unit that its quantities are in.
    pub basis: QuantityBasis,
    lines: Vec<LineTerms>,
    /// Every code with the index of its line, sorted by code.
    covered: Vec<(Tariff, usize)>,
}

/// What one line allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineTerms {
    /// Its number.
    pub line_no: u32,
    /// Unit of its quantities.
    pub unit: u32,
    /// What was granted.
    pub authorized: AmountValue,
    /// Countries of origin or destination.
    pub origin_destination: CodeSet,
    /// Countries that sell or buy.
    pub seller_buyer: CodeSet,
}

impl LineTerms {
    /// Whether it covers both countries; one that is not known here is not held against it.
    #[must_use]
    pub fn covers_countries(&self, origin: Option<ShortCode>, seller: Option<ShortCode>) -> bool {
        origin.is_none_or(|code| self.origin_destination.covers(code))
            && seller.is_none_or(|code| self.seller_buyer.covers(code))
    }
}

impl LicenseTerms {
    /// The first or last day, when the license is not in force on a day; `None` when it is.
    #[must_use]
    pub fn nearest_day_in_force(&self, day: Day, status: LicenseStatus) -> Option<Day> {
        if day < self.valid_from {
            Some(self.valid_from)
        } else if day > self.valid_to || status == LicenseStatus::Expired {
            Some(self.valid_to)
        } else {
            None
        }
    }

    /// Reads a stored license.
    ///
    /// # Errors
    /// [`TermsError`] names the first field that cannot be read.
    pub fn parse(id: &pb::LicenseId, license: &pb::License) -> Result<Self, TermsError> {
        let holder = license.holder.as_ref().and_then(|party| Rfc::parse(&party.rfc).ok());
        let operation = OperationType::try_from(license.operation)
            .ok()
            .filter(|operation| *operation != OperationType::Unspecified);
        let basis = QuantityBasis::try_from(license.quantity_basis)
            .ok()
            .filter(|basis| *basis != QuantityBasis::Unspecified);
        let lines = license.lines.iter().enumerate();
        Ok(Self {
            name: LicenseName::from_pb(id),
            holder: required("holder.rfc", holder)?,
            operation: required("operation", operation)?,
            regimes: code_set("regimes", license.regimes.as_ref(), whole)?,
            aduanas: code_set("offices", license.offices.as_ref(), aduana)?,
            valid_from: required("valid_from", Day::parse(&license.valid_from).ok())?,
            valid_to: required("valid_to", Day::parse(&license.valid_to).ok())?,
            basis: required("quantity_basis", basis)?,
            lines: lines.map(|(index, line)| line_terms(index, line)).collect::<Result<_, _>>()?,
            covered: covered(license)?,
        })
    }

    /// Its lines, in the order of the license.
    #[must_use]
    pub fn lines(&self) -> &[LineTerms] {
        &self.lines
    }

    /// A line by its number.
    #[must_use]
    pub fn line(&self, line_no: u32) -> Option<&LineTerms> {
        self.lines.iter().find(|line| line.line_no == line_no)
    }

    /// The codes that it covers, as a finding tells them: no more than fit one.
    #[must_use]
    pub(crate) fn codes_text(&self) -> String {
        let mut codes: Vec<Tariff> = self.covered.iter().map(|(tariff, _)| *tariff).collect();
        codes.dedup();
        let shown = codes.iter().take(VALUE_MAX).map(Tariff::to_string);
        shown.collect::<Vec<_>>().join(",")
    }

    /// The line that a declared code is drawn from: of those that cover it by so many digits, one
    /// whose countries cover too, then one that names the NICO, then the lowest number.
    #[must_use]
    pub fn line_for(
        &self,
        declared: Tariff,
        match_digits: u32,
        origin: Option<ShortCode>,
        seller: Option<ShortCode>,
    ) -> Option<&LineTerms> {
        let step = 10_u32.checked_pow(8_u32.saturating_sub(match_digits)).unwrap_or(1);
        let prefix_of = |code: u32| code.checked_div(step).unwrap_or(code);
        let prefix = prefix_of(declared.code);
        let start = self.covered.partition_point(|(at, _)| prefix_of(at.code) < prefix);
        let same =
            self.covered.iter().skip(start).take_while(|(at, _)| prefix_of(at.code) == prefix);
        same.filter(|(at, _)| at.nico.is_none() || at.nico == declared.nico)
            .filter_map(|(at, index)| Some((at.nico.is_some(), self.lines.get(*index)?)))
            .min_by_key(|(names_nico, line)| {
                (!line.covers_countries(origin, seller), !names_nico, line.line_no)
            })
            .map(|(_, line)| line)
    }
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, TermsError> {
    value.ok_or_else(|| TermsError { field: field.to_owned() })
}

fn code_set(
    field: &str,
    extent: Option<&pb::Extent>,
    part: fn(&str) -> Option<&str>,
) -> Result<CodeSet, TermsError> {
    required(field, extent.and_then(|extent| CodeSet::read(extent, part)))
}

fn line_terms(index: usize, line: &pb::LicenseLine) -> Result<LineTerms, TermsError> {
    let path = |field: &str| format!("lines[{index}].{field}");
    let (origin, seller) = (&line.countries_origin_destination, &line.countries_seller_buyer);
    // A license without any limit states no amount.
    let authorized = line.authorized.as_ref().map(AmountValue::parse).transpose().ok();
    Ok(LineTerms {
        line_no: line.line_no,
        unit: line.unit,
        authorized: required(&path("authorized"), authorized)?.unwrap_or_default(),
        origin_destination: code_set(
            &path("countries_origin_destination"),
            origin.as_ref(),
            whole,
        )?,
        seller_buyer: code_set(&path("countries_seller_buyer"), seller.as_ref(), whole)?,
    })
}

fn covered(license: &pb::License) -> Result<Vec<(Tariff, usize)>, TermsError> {
    let mut covered = Vec::new();
    for (index, line) in license.lines.iter().enumerate() {
        for stated in &line.tariff_codes {
            let tariff = Tariff::read(&stated.code, &stated.nico);
            covered.push((required(&format!("lines[{index}].tariff_codes"), tariff)?, index));
        }
    }
    covered.sort_unstable();
    Ok(covered)
}
