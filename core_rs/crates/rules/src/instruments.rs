//! The instrument profiles: what differs from one permit key and agency to the next, as data.

use std::collections::{BTreeSet, HashMap};

use descargo_model::date::Day;
use descargo_model::pb::{InstrumentKind, OperationType};
use serde::Deserialize;
use toml::Spanned;

use crate::load::{LoadError, Period};

/// Dimensions that a license limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Balance {
    /// None is asked for.
    None,
    /// A quantity.
    Quantity,
    /// A value in US dollars.
    Value,
    /// At least one of the two.
    Both,
}

/// What a broker presents in field 6 of record 553.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presents {
    /// The firma de descargo that the validator issued.
    DischargeSignature,
    /// The complemento de autorizacion of the agency.
    Complement,
}

/// The moment on which the license must be in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LegalMoment {
    /// When the selection mechanism is activated: when it is decided.
    Selection,
    /// The day of payment.
    Payment,
}

/// The profile of one permit key of one agency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Key of Apendice 9.
    pub permit_key: String,
    /// Agencies that issue it.
    pub agencies: Vec<String>,
    /// Kinds of instrument allowed; empty: any.
    pub kinds: Vec<InstrumentKind>,
    /// Operations that it applies to.
    pub operations: Vec<OperationType>,
    /// Regimes allowed; empty: any.
    pub regimes: Vec<String>,
    /// When the key is in Apendice 9.
    pub life: Period,
    /// Dimensions that a license limits.
    pub balance: Balance,
    /// Whether a dimension that `balance` asks for may be left out.
    pub unlimited_allowed: bool,
    /// What a broker presents.
    pub presents: Presents,
    /// When the validity is tested.
    pub legal_moment: LegalMoment,
    /// Whether only the holder may use it.
    pub holder_must_be_trader: bool,
    /// How many digits of the tariff code must agree.
    pub tariff_match_digits: u32,
    /// Units allowed; empty: any of Apendice 7.
    pub units: Vec<u32>,
    /// Longest window from the first to the last day, both counted.
    pub longest_validity_days: u32,
    /// How long a reservation holds.
    pub lease_hours: u32,
    /// What an amendment may change.
    pub amendable: Vec<String>,
    /// Whether a customs office may extend the validity (RLCE 24, whose text we have not seen).
    pub office_may_extend: bool,
    /// Whether key, agency, instrument and direction were read in the source, or are our reading.
    pub verified: bool,
    /// Where they were read.
    pub source: String,
}

/// All profiles, and the keys of declarations and the agencies that go with them.
#[derive(Debug)]
pub struct Instruments {
    version: String,
    agencies: BTreeSet<String>,
    declaration_keys: BTreeSet<String>,
    by_key: HashMap<String, Vec<Profile>>,
}

impl Instruments {
    /// Reads the text of an instruments file. `file` is its name, for errors.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn load(file: &str, text: &str) -> Result<Self, LoadError> {
        let wrong = |span: Option<std::ops::Range<usize>>, what: String| LoadError {
            file: file.to_owned(),
            line: span.map_or(0, |span| line_of(text, span.start)),
            what,
            remedy: "mend the row; the comments at the top of the shipped file tell every field"
                .to_owned(),
        };
        let raw: RawFile = toml::from_str(text)
            .map_err(|error| wrong(error.span(), error.message().to_owned()))?;
        let mut instruments = Self {
            version: raw.version,
            agencies: raw.agencies.into_iter().collect(),
            declaration_keys: raw.declaration_keys.into_iter().collect(),
            by_key: HashMap::new(),
        };
        if raw.defaults.permit_key.is_some() || raw.defaults.agencies.is_some() {
            return Err(wrong(None, "[defaults] cannot state a key or its agencies".to_owned()));
        }
        for row in raw.instrument {
            let span = row.permit_key.as_ref().map(Spanned::span);
            let profile = row
                .profile(&raw.defaults)
                .and_then(|profile| instruments.admit(profile))
                .map_err(|what| wrong(span, what))?;
            instruments.by_key.entry(profile.permit_key.clone()).or_default().push(profile);
        }
        match instruments.by_key.is_empty() {
            true => Err(wrong(None, "it has no [[instrument]]".to_owned())),
            false => Ok(instruments),
        }
    }

    /// The profile, if its agencies are known and none of them has one for this key already.
    fn admit(&self, profile: Profile) -> Result<Profile, String> {
        let key = &profile.permit_key;
        for agency in &profile.agencies {
            if !self.agencies.contains(agency) {
                return Err(format!("agency `{agency}` of key `{key}` is not among `agencies`"));
            }
            if self.profile(key, agency).is_some() {
                return Err(format!("key `{key}` of agency `{agency}` has two rows"));
            }
        }
        Ok(profile)
    }

    /// Version of the file.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The profile of a key of an agency.
    #[must_use]
    pub fn profile(&self, permit_key: &str, agency: &str) -> Option<&Profile> {
        let profiles = self.by_key.get(permit_key)?;
        profiles.iter().find(|profile| profile.agencies.iter().any(|owner| owner == agency))
    }

    /// The agencies that a key belongs to.
    pub fn owners(&self, permit_key: &str) -> impl Iterator<Item = &str> {
        let profiles = self.by_key.get(permit_key).map(Vec::as_slice).unwrap_or_default();
        profiles.iter().flat_map(|profile| &profile.agencies).map(String::as_str)
    }

    /// Whether a key is in Apendice 9 on a day, whoever's it is.
    #[must_use]
    pub fn has_permit_key(&self, permit_key: &str, on: Day) -> bool {
        let profiles = self.by_key.get(permit_key).map(Vec::as_slice).unwrap_or_default();
        profiles.iter().any(|profile| profile.life.holds_on(on))
    }

    /// Whether a key of a declaration is in Apendice 2.
    #[must_use]
    pub fn has_declaration_key(&self, key: &str) -> bool {
        self.declaration_keys.contains(key)
    }

    /// Whether an agency is known.
    #[must_use]
    pub fn has_agency(&self, agency: &str) -> bool {
        self.agencies.contains(agency)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    version: String,
    agencies: Vec<String>,
    declaration_keys: Vec<String>,
    defaults: RawProfile,
    #[serde(default)]
    instrument: Vec<RawProfile>,
}

/// A row, or what `[defaults]` states for every row.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    permit_key: Option<Spanned<String>>,
    agencies: Option<Vec<String>>,
    from: Option<String>,
    to: Option<String>,
    kinds: Option<Vec<String>>,
    operations: Option<Vec<String>>,
    regimes: Option<Vec<String>>,
    balance: Option<Balance>,
    unlimited_allowed: Option<bool>,
    presents: Option<Presents>,
    legal_moment: Option<LegalMoment>,
    holder_must_be_trader: Option<bool>,
    tariff_match_digits: Option<u32>,
    units: Option<Vec<u32>>,
    longest_validity_days: Option<u32>,
    lease_hours: Option<u32>,
    amendable: Option<Vec<String>>,
    office_may_extend: Option<bool>,
    status: Option<String>,
    source: Option<String>,
}

impl RawProfile {
    /// The row's profile; what it does not state comes from the defaults.
    fn profile(self, defaults: &RawProfile) -> Result<Profile, String> {
        let permit_key = self.permit_key.map(Spanned::into_inner).unwrap_or_default();
        if permit_key.is_empty() || permit_key.chars().count() > 3 {
            return Err(format!("permit key `{permit_key}` does not have 1 to 3 characters"));
        }
        let rest = defaults.clone();
        // A key whose owner is not known stands with no agency: it exists, and nobody may issue it.
        let agencies = stated("agencies", self.agencies)?;
        let kinds = stated("kinds", self.kinds.or(rest.kinds))?;
        let operations = stated("operations", self.operations.or(rest.operations))?;
        let unlimited_allowed = self.unlimited_allowed.or(rest.unlimited_allowed);
        let legal_moment = self.legal_moment.or(rest.legal_moment);
        let holder_must_be_trader = self.holder_must_be_trader.or(rest.holder_must_be_trader);
        let tariff_match_digits = self.tariff_match_digits.or(rest.tariff_match_digits);
        let longest_validity_days = self.longest_validity_days.or(rest.longest_validity_days);
        Ok(Profile {
            life: Period::parse(
                &self.from.or(rest.from).unwrap_or_default(),
                &self.to.or(rest.to).unwrap_or_default(),
            )?,
            permit_key,
            agencies,
            kinds: kinds.iter().map(|name| kind(name)).collect::<Result<_, _>>()?,
            operations: operations.iter().map(|name| operation(name)).collect::<Result<_, _>>()?,
            regimes: stated("regimes", self.regimes.or(rest.regimes))?,
            balance: stated("balance", self.balance.or(rest.balance))?,
            unlimited_allowed: stated("unlimited_allowed", unlimited_allowed)?,
            presents: stated("presents", self.presents.or(rest.presents))?,
            legal_moment: stated("legal_moment", legal_moment)?,
            holder_must_be_trader: stated("holder_must_be_trader", holder_must_be_trader)?,
            tariff_match_digits: match_digits(stated("tariff_match_digits", tariff_match_digits)?)?,
            units: stated("units", self.units.or(rest.units))?,
            longest_validity_days: stated("longest_validity_days", longest_validity_days)?,
            lease_hours: stated("lease_hours", self.lease_hours.or(rest.lease_hours))?,
            amendable: stated("amendable", self.amendable.or(rest.amendable))?,
            // A file from before this field grants no office anything.
            office_may_extend: self.office_may_extend.or(rest.office_may_extend).unwrap_or(false),
            verified: is_verified(&stated("status", self.status.or(rest.status))?)?,
            source: stated("source", self.source.or(rest.source))?,
        })
    }
}

fn match_digits(digits: u32) -> Result<u32, String> {
    match digits {
        2..=8 => Ok(digits),
        other => Err(format!("tariff_match_digits `{other}` is not 2 to 8")),
    }
}

fn is_verified(status: &str) -> Result<bool, String> {
    match status {
        "verified" => Ok(true),
        "assumed" => Ok(false),
        other => Err(format!("status `{other}` is not `verified` or `assumed`")),
    }
}

fn stated<T>(field: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("`{field}` is stated neither here nor in [defaults]"))
}

fn kind(name: &str) -> Result<InstrumentKind, String> {
    InstrumentKind::from_str_name(&format!("INSTRUMENT_KIND_{name}"))
        .filter(|kind| *kind != InstrumentKind::Unspecified)
        .ok_or_else(|| format!("kind `{name}` is not known"))
}

fn operation(name: &str) -> Result<OperationType, String> {
    OperationType::from_str_name(&format!("OPERATION_TYPE_{name}"))
        .filter(|operation| *operation != OperationType::Unspecified)
        .ok_or_else(|| format!("operation `{name}` is not known"))
}

/// The line, from 1, that an offset lies in.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.bytes().take(offset);
    before.filter(|byte| *byte == b'\n').count().saturating_add(1)
}
