//! Rules as they are judged by, and what a set covers.

use descargo_model::date::Day;
use descargo_model::pb::OperationType;

use super::condition::Condition;
use super::line::Stated;
use super::problem::At;
use crate::codes::ShortCode;
use crate::load::Period;

/// Tariff codes from one to another, both of eight digits and inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TariffRange {
    /// First code.
    pub from: u32,
    /// Last code.
    pub to: u32,
}

impl TariffRange {
    /// Reads a prefix of 2 to 8 digits, or two of equal length joined by `-`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let range = Self { from: Self::end(from, '0')?, to: Self::end(to, '9')? };
        (from.len() == to.len() && range.from <= range.to).then_some(range)
    }

    fn end(prefix: &str, fill: char) -> Option<u32> {
        let fits = (2..=8).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_digit());
        let missing = 8_usize.saturating_sub(prefix.len());
        let filled = format!("{prefix}{}", String::from(fill).repeat(missing));
        if fits { filled.parse().ok() } else { None }
    }

    /// Whether a code lies within.
    pub(crate) fn holds(self, code: u32) -> bool {
        self.from <= code && code <= self.to
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// The bit of an operation, so that rules name several in one byte.
pub(crate) fn operation_bit(operation: OperationType) -> u8 {
    match operation {
        OperationType::Import => 1,
        OperationType::Export => 2,
        OperationType::Transit => 4,
        OperationType::Unspecified => 0,
    }
}

/// The operation that a rule names.
pub(crate) fn operation_named(text: &str) -> Option<OperationType> {
    match text {
        "IMPORT" => Some(OperationType::Import),
        "EXPORT" => Some(OperationType::Export),
        "TRANSIT" => Some(OperationType::Transit),
        _ => None,
    }
}

/// Codes that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Codes {
    /// Any.
    Every,
    /// These, sorted.
    Only(Box<[ShortCode]>),
    /// Any but these, sorted.
    Except(Box<[ShortCode]>),
}

impl Codes {
    /// From the two lists that a rule may have, of which one is empty.
    pub(crate) fn of(no_only: bool, no_except: bool, codes: Vec<ShortCode>) -> Self {
        match (no_only, no_except) {
            (true, true) => Self::Every,
            (false, _) => Self::Only(codes.into()),
            (true, false) => Self::Except(codes.into()),
        }
    }

    /// Whether a code is one of them.
    #[must_use]
    pub fn holds(&self, code: Option<ShortCode>) -> bool {
        let among =
            |codes: &[ShortCode]| code.is_some_and(|code| codes.binary_search(&code).is_ok());
        match self {
            Self::Every => true,
            Self::Only(codes) => among(codes),
            Self::Except(codes) => !among(codes),
        }
    }

    /// Whether some code could be of both.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Only(codes), other) | (other, Self::Only(codes)) => {
                codes.iter().any(|code| other.holds(Some(*code)))
            }
            // The catalogues have more codes than any rule excepts.
            _ => true,
        }
    }
}

/// Whether only some goods of the codes are meant, or all but some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScopeKind {
    /// "Unicamente": goods outside are declared by XP with complement `U`.
    Only,
    /// "Excepto": goods inside are declared by XP with complement `E`.
    Except,
}

impl ScopeKind {
    /// Complement 2 of the XP that says that the goods are not meant.
    #[must_use]
    pub fn complement(self) -> &'static str {
        match self {
            Self::Only => "U",
            Self::Except => "E",
        }
    }
}

/// An identifier that a rule looks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern {
    /// Key of Apendice 8.
    pub key: String,
    /// Complements that must agree, first to third; an empty one is any.
    pub complements: Vec<String>,
}

impl Pattern {
    /// Key and complements, joined by `:`.
    #[must_use]
    pub fn shown(&self) -> String {
        let parts = std::iter::once(&self.key).chain(&self.complements);
        parts.map(String::as_str).collect::<Vec<_>>().join(":")
    }

    /// Whether a stated identifier is one.
    #[must_use]
    pub fn matches(&self, stated: &Stated<'_>) -> bool {
        self.key == stated.key
            && (0..)
                .zip(&self.complements)
                .all(|(index, wanted)| wanted.is_empty() || wanted == stated.complement(index))
    }
}

/// Where the law says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalBasis {
    /// Day of the Diario Oficial de la Federacion.
    pub dof: Option<Day>,
    /// Title of the publication.
    pub title: String,
    /// Whether the rule is an example, whatever it cites: nobody has read it in the law.
    pub illustrative: bool,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, unique in the set.
    pub id: String,
    /// Agency that issues what is asked for.
    pub agency: String,
    /// Permit keys asked for.
    pub permit_keys: Vec<String>,
    /// Whether each of them is asked for, rather than one of them.
    pub all: bool,
    /// Tariff codes.
    pub tariff: Vec<TariffRange>,
    /// Codes among them that are not meant.
    pub except_tariff: Vec<TariffRange>,
    /// NICOs; empty: any.
    pub nico: Vec<u8>,
    /// Bits of the operations.
    pub operations: u8,
    /// Regimes.
    pub regimes: Codes,
    /// Keys of declarations.
    pub declaration_keys: Codes,
    /// Countries of origin or destination.
    pub countries: Codes,
    /// Aduanas of clearance.
    pub aduanas: Codes,
    /// Least value in hundredths of a US dollar.
    pub value_from_cents: Option<i64>,
    /// Least quantity in hundred-thousandths of the tariff unit.
    pub quantity_from_e5: Option<i64>,
    /// Scope, with the goods as the law words them.
    pub scope: Option<(ScopeKind, String)>,
    /// Identifiers of which one must be stated for the rule to apply; empty: none.
    pub when_identifiers: Vec<Pattern>,
    /// Identifiers of which each exempts.
    pub exempt: Vec<Pattern>,
    /// What columns cannot say.
    pub condition: Option<Condition>,
    /// Days on which it holds.
    pub period: Period,
    /// Where the law says so.
    pub legal_basis: LegalBasis,
    pub(crate) at: At,
}

impl Rule {
    /// Whether codes, operations, regimes, countries, offices and days are all that it asks.
    pub(crate) fn is_plain(&self) -> bool {
        self.except_tariff.is_empty()
            && self.declaration_keys == Codes::Every
            && self.value_from_cents.is_none()
            && self.quantity_from_e5.is_none()
            && self.when_identifiers.is_empty()
            && self.condition.is_none()
    }

    /// Whether an identifier exempts from it.
    #[must_use]
    pub fn is_exempted_by(&self, stated: &Stated<'_>) -> bool {
        self.exempt.iter().any(|pattern| pattern.matches(stated))
    }

    /// The texts of a legal basis, for people.
    #[must_use]
    pub fn legal_basis_text(&self) -> String {
        let basis = &self.legal_basis;
        let dof = basis.dof.map(|day| format!(" (DOF {day})")).unwrap_or_default();
        format!("{}{dof}", basis.title)
    }
}

/// What a set judges.
#[derive(Debug)]
pub struct Cover {
    /// Tariff codes.
    pub tariff: Vec<TariffRange>,
    /// Permit keys.
    pub permit_keys: Vec<String>,
    /// Bits of the operations.
    pub operations: u8,
    /// Days.
    pub period: Period,
}

impl Cover {
    /// Whether it says all that a rule asks of a key over a range.
    pub(crate) fn contains(&self, rule: &Rule, range: TariffRange, key: &str) -> bool {
        self.operations & rule.operations == rule.operations
            && self.period.from <= rule.period.from
            && rule.period.to <= self.period.to
            && self.permit_keys.iter().any(|covered| covered == key)
            && self.tariff.iter().any(|covered| covered.contains(range))
    }
}
