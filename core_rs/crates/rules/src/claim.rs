//! What a declaration claims of a license, as far as it could be read.
//!
//! A field that is missing or malformed has told its finding and is `None` here, so that coverage
//! can still be checked on the rest and everything is said at once.

use descargo_model::date::Day;
use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::finding::Locator;
use descargo_model::license_name::LicenseName;
use descargo_model::pb::{OperationType, QuantityBasis};
use descargo_model::rfc::Rfc;

use crate::codes::{ShortCode, Tariff};
use crate::collect::Place;
use crate::fields::StatedAmount;

/// One draw of one line of one declaration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Claim<'a> {
    /// What the declaration says for all its lines.
    pub header: &'a HeaderClaim,
    /// What the line says.
    pub line: &'a LineClaim,
    /// What the draw says.
    pub draw: &'a DrawClaim,
}

/// What the declaration says for all its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct HeaderClaim {
    /// Number of the declaration.
    pub declaration_number: Option<String>,
    /// Operation.
    pub operation: Option<OperationType>,
    /// Customs regime.
    pub regime: Option<String>,
    /// RFC of importer or exporter.
    pub trader: Option<Rfc>,
    /// Office of clearance, as stated.
    pub clearance_office: Option<String>,
    /// Day of payment.
    pub paid_on: Option<Day>,
    /// Whether a day of payment was stated at all, readable or not.
    pub paid_on_stated: bool,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub struct LineClaim {
    /// Its place in the declaration, from 0.
    pub index: usize,
    /// Its number.
    pub line_no: u32,
    /// Tariff code with NICO.
    pub tariff: Option<Tariff>,
    /// Its tariff code as stated, for findings.
    pub tariff_text: String,
    /// Country of origin or destination.
    pub origin_destination: Option<ShortCode>,
    /// That country as stated, for findings.
    pub origin_destination_text: String,
    /// Country that sells or buys.
    pub seller_buyer: Option<ShortCode>,
    /// That country as stated, for findings.
    pub seller_buyer_text: String,
    /// Quantity in the commercial unit.
    pub umc: MeasureClaim,
    /// Quantity in the tariff unit.
    pub umt: MeasureClaim,
    /// Value in US dollars.
    pub value_usd: Option<Usd>,
}

impl LineClaim {
    /// The quantity that a license of this basis counts.
    pub(crate) fn measure(&self, basis: QuantityBasis) -> (MeasureClaim, MeasureFields) {
        match basis {
            QuantityBasis::Umc => (self.umc, UMC),
            QuantityBasis::Umt | QuantityBasis::Unspecified => (self.umt, UMT),
        }
    }
}

/// A quantity with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeasureClaim {
    /// Quantity.
    pub quantity: Option<Quantity>,
    /// Unit of Apendice 7.
    pub unit: Option<u32>,
}

/// What a draw says.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawClaim {
    /// Its place in the line, from 0.
    pub index: usize,
    /// License drawn from; `None` when its key or number is missing or malformed. Its agency may be
    /// empty.
    pub license: Option<LicenseName>,
    /// Discharge signature or complement, as stated; it may be empty.
    pub discharge_signature: String,
    /// What is taken.
    pub amount: StatedAmount,
}

impl Claim<'_> {
    /// Where its amount is, and whichever other field of the draw.
    #[must_use]
    pub fn draw_field(&self, field: &str, record_field: u32) -> Locator {
        self.places(|places| places.draw.saai(field, record_field))
    }

    /// What is taken, as far as it could be read. Whole when nothing refuses.
    #[must_use]
    pub fn amount(&self) -> AmountValue {
        self.draw.amount.value()
    }

    /// Number of the declaration line.
    #[must_use]
    pub fn line_no(&self) -> u32 {
        self.line.line_no
    }

    /// Whether the trader is a certain holder. No, when the trader's RFC could not be read.
    #[must_use]
    pub fn is_traded_by(&self, holder: &Rfc) -> bool {
        self.header.trader.as_ref() == Some(holder)
    }

    /// The line's quantity that a license of this basis counts.
    pub(crate) fn measure(&self, basis: QuantityBasis) -> (MeasureClaim, MeasureFields) {
        self.line.measure(basis)
    }

    /// Runs `then` with the places of header, line and draw.
    pub(crate) fn places<R>(&self, then: impl FnOnce(&ClaimPlaces<'_>) -> R) -> R {
        let line = line_path(self.line.index);
        let draw = draw_path(&line, self.draw.index);
        then(&ClaimPlaces {
            header: HEADER,
            line: line_place(&line, self.line.line_no),
            draw: draw_place(&draw, self.line.line_no, self.draw.index),
        })
    }
}

/// A measure's field and its SAAI fields for quantity and unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasureFields {
    pub field: &'static str,
    pub quantity: u32,
    pub unit: u32,
}

/// Commercial unit.
pub(crate) const UMC: MeasureFields = MeasureFields { field: "umc", quantity: 11, unit: 12 };
/// Tariff unit.
pub(crate) const UMT: MeasureFields = MeasureFields { field: "umt", quantity: 13, unit: 14 };

/// Places of a claim.
pub(crate) struct ClaimPlaces<'a> {
    pub header: Place<'static>,
    pub line: Place<'a>,
    pub draw: Place<'a>,
}

/// Record 501, general data.
pub(crate) const HEADER: Place<'static> = Place { path: "", line_no: 0, record: 501, ordinal: 0 };

/// Path of a line.
pub(crate) fn line_path(index: usize) -> String {
    format!("lines[{index}]")
}

/// Path of a draw.
pub(crate) fn draw_path(line_path: &str, index: usize) -> String {
    format!("{line_path}.draws[{index}]")
}

/// Record 551, the line.
pub(crate) fn line_place(path: &str, line_no: u32) -> Place<'_> {
    Place { path, line_no, record: 551, ordinal: 0 }
}

/// Record 553, the draw; its ordinal counts from 1.
pub(crate) fn draw_place(path: &str, line_no: u32, index: usize) -> Place<'_> {
    let ordinal = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
    Place { path, line_no, record: 553, ordinal }
}
