//! A line of a declaration as rules see it.

use descargo_model::date::Day;
use descargo_model::pb::OperationType;

/// An identifier of Apendice 8 that a declaration states, record 507 or 554.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated<'a> {
    /// Its key, such as `XP`.
    pub key: &'a str,
    /// Its complements, first to third.
    pub complements: &'a [String],
}

impl Stated<'_> {
    /// A complement, from 0; empty when it is not stated.
    pub(crate) fn complement(&self, index: usize) -> &str {
        self.complements.get(index).map(String::as_str).unwrap_or_default()
    }

    /// Key and complements, joined by `:`.
    pub(crate) fn shown(&self) -> String {
        let parts = std::iter::once(self.key).chain(self.complements.iter().map(String::as_str));
        parts.collect::<Vec<_>>().join(":")
    }
}

/// One line, and the day on which it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Tariff code.
    pub tariff: u32,
    /// Its NICO.
    pub nico: u8,
    /// Operation.
    pub operation: OperationType,
    /// Regime, key of Apendice 16.
    pub regime: &'a str,
    /// Key of the declaration, Apendice 2.
    pub declaration_key: &'a str,
    /// Country of origin or destination, alpha-3.
    pub country: &'a str,
    /// Office of clearance, 3 digits.
    pub office: &'a str,
    /// Value in hundredths of a US dollar; `None` when unknown, which meets every threshold.
    pub value_cents: Option<i64>,
    /// Quantity in hundred-thousandths of the tariff unit; `None` as above.
    pub quantity_e5: Option<i64>,
    /// Identifiers of the declaration and of the line.
    pub identifiers: &'a [Stated<'a>],
    /// Whether identifiers could be stated at all.
    pub identifiers_known: bool,
    /// The day.
    pub on: Day,
}

impl Line<'_> {
    /// Two lines that differ in everything, on which conditions are tried.
    pub(crate) fn samples() -> [Line<'static>; 2] {
        let first = Line {
            tariff: 72_081_001,
            nico: 0,
            operation: OperationType::Import,
            regime: "IMD",
            declaration_key: "A1",
            country: "USA",
            office: "240",
            value_cents: Some(0),
            quantity_e5: Some(0),
            identifiers: &[],
            identifiers_known: true,
            on: Day::MIN,
        };
        let second = Line {
            tariff: 1_012_101,
            nico: 99,
            operation: OperationType::Export,
            regime: "EXD",
            declaration_key: "RT",
            country: "CHN",
            office: "430",
            value_cents: Some(i64::MAX),
            quantity_e5: Some(i64::MAX),
            identifiers: &[Stated { key: "ES", complements: &[] }],
            identifiers_known: true,
            on: Day::MAX,
        };
        [first, second]
    }

    /// Name of the operation, as rules write it.
    pub(crate) fn operation_name(&self) -> &'static str {
        match self.operation {
            OperationType::Import => "IMPORT",
            OperationType::Export => "EXPORT",
            OperationType::Transit => "TRANSIT",
            OperationType::Unspecified => "",
        }
    }

    /// The aduana of its office.
    pub(crate) fn aduana(&self) -> &str {
        crate::codes::aduana(self.office).unwrap_or_default()
    }
}
