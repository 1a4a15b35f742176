//! What two contents of a license say differently, field by field.
//!
//! Contents are compared by what they mean: `1000` and `1000.00` are one amount, and codes in
//! another order are the same codes. Lines are compared by their number.

use std::collections::HashMap;

use descargo_model::date::instant_of;
use descargo_model::decimal::{Quantity, Usd};
use descargo_model::pb;
use descargo_model::pb::{InstrumentKind, OperationType, QuantityBasis};

/// A part of a license that an instrument may let an amendment change, as its profile names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Values in US dollars.
    Value,
    /// Quantities.
    Quantity,
    /// Countries.
    Countries,
    /// Descriptions of goods.
    Description,
}

impl Part {
    /// Its name in an instrument's profile.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Quantity => "quantity",
            Self::Countries => "countries",
            Self::Description => "description",
        }
    }
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path in the license, such as `lines[0].authorized.value_usd`, with the new content's index.
    pub field: String,
    /// Number of the license line; 0 for the header.
    pub line_no: u32,
    /// What it was; empty: it was absent.
    pub old_value: String,
    /// What it is; empty: it is absent.
    pub new_value: String,
    /// The part that it belongs to; `None` for what is never amended.
    pub part: Option<Part>,
}

/// Every field that differs, in the order of the fields.
#[must_use]
pub fn differences(old: &pb::License, new: &pb::License) -> Vec<Difference> {
    let mut found = Found::default();
    found.compare("instrument_kind", None, kind(old), kind(new));
    let (old_holder, new_holder) =
        (old.holder.clone().unwrap_or_default(), new.holder.clone().unwrap_or_default());
    found.compare("holder.rfc", None, old_holder.rfc, new_holder.rfc);
    found.compare("holder.curp", None, old_holder.curp, new_holder.curp);
    found.compare("holder.legal_name", None, old_holder.legal_name, new_holder.legal_name);
    found.compare("operation", None, operation(old), operation(new));
    found.compare("regimes", None, extent(&old.regimes), extent(&new.regimes));
    found.compare("offices", None, extent(&old.offices), extent(&new.offices));
    found.compare("valid_from", None, old.valid_from.clone(), new.valid_from.clone());
    found.compare("valid_to", None, old.valid_to.clone(), new.valid_to.clone());
    found.compare("quantity_basis", None, basis(old), basis(new));
    compare_lines(&mut found, &old.lines, &new.lines);
    found.amount("total", old.total.as_ref(), new.total.as_ref());
    let (was, is) = (instant_text(old.notified_at), instant_text(new.notified_at));
    found.compare("notified_at", None, was, is);
    let complement = |license: &pb::License| license.authorization_complement.clone();
    found.compare("authorization_complement", None, complement(old), complement(new));
    found.compare("vucem_folio", None, old.vucem_folio.clone(), new.vucem_folio.clone());
    found.compare("legal_basis", None, old.legal_basis.clone(), new.legal_basis.clone());
    let instants =
        [("applied_at", old.applied_at, new.applied_at), ("ruled_at", old.ruled_at, new.ruled_at)];
    for (field, old, new) in instants {
        found.compare(field, None, instant_text(old), instant_text(new));
    }
    found.list
}

fn compare_lines(found: &mut Found, old: &[pb::LicenseLine], new: &[pb::LicenseLine]) {
    let mut before: HashMap<u32, &pb::LicenseLine> =
        old.iter().map(|line| (line.line_no, line)).collect();
    for (index, line) in new.iter().enumerate() {
        found.line_no = line.line_no;
        found.path = format!("lines[{index}].");
        match before.remove(&line.line_no) {
            Some(old) => compare_line(found, old, line),
            None => found.compare("line_no", None, String::new(), line.line_no.to_string()),
        }
    }
    found.path.clear();
    for line in old.iter().filter(|line| before.contains_key(&line.line_no)) {
        found.line_no = line.line_no;
        found.compare("lines", None, format!("line {}", line.line_no), String::new());
    }
    found.line_no = 0;
}

fn compare_line(found: &mut Found, old: &pb::LicenseLine, new: &pb::LicenseLine) {
    found.compare("tariff_codes", None, codes(old), codes(new));
    let description = Some(Part::Description);
    found.compare("description", description, old.description.clone(), new.description.clone());
    found.compare("unit", None, old.unit.to_string(), new.unit.to_string());
    found.amount("authorized", old.authorized.as_ref(), new.authorized.as_ref());
    let countries = Some(Part::Countries);
    let origin = |line: &pb::LicenseLine| extent(&line.countries_origin_destination);
    found.compare("countries_origin_destination", countries, origin(old), origin(new));
    let seller = |line: &pb::LicenseLine| extent(&line.countries_seller_buyer);
    found.compare("countries_seller_buyer", countries, seller(old), seller(new));
}

/// The differences so far, and where the comparison is.
#[derive(Default)]
struct Found {
    list: Vec<Difference>,
    path: String,
    line_no: u32,
}

impl Found {
    fn compare(&mut self, field: &str, part: Option<Part>, old_value: String, new_value: String) {
        if old_value != new_value {
            let (field, line_no) = (format!("{}{field}", self.path), self.line_no);
            self.list.push(Difference { field, line_no, old_value, new_value, part });
        }
    }

    fn amount(&mut self, field: &str, old: Option<&pb::Amount>, new: Option<&pb::Amount>) {
        let quantity = |amount: Option<&pb::Amount>| {
            let text = amount.and_then(|amount| amount.quantity.clone()).unwrap_or_default();
            Quantity::parse(&text).map_or(text, |read| read.to_string())
        };
        let value = |amount: Option<&pb::Amount>| {
            let text = amount.and_then(|amount| amount.value_usd.clone()).unwrap_or_default();
            Usd::parse(&text).map_or(text, |read| read.to_string())
        };
        let path = format!("{field}.quantity");
        self.compare(&path, Some(Part::Quantity), quantity(old), quantity(new));
        self.compare(&format!("{field}.value_usd"), Some(Part::Value), value(old), value(new));
    }
}

fn kind(license: &pb::License) -> String {
    named(license.instrument_kind, |number| {
        Some(InstrumentKind::try_from(number).ok()?.as_str_name())
    })
}

fn operation(license: &pb::License) -> String {
    named(license.operation, |number| Some(OperationType::try_from(number).ok()?.as_str_name()))
}

fn basis(license: &pb::License) -> String {
    named(license.quantity_basis, |number| {
        Some(QuantityBasis::try_from(number).ok()?.as_str_name())
    })
}

/// An enum's value without its prefix: the words of findings.
fn named(number: i32, name: fn(i32) -> Option<&'static str>) -> String {
    let prefixes = ["INSTRUMENT_KIND_", "OPERATION_TYPE_", "QUANTITY_BASIS_"];
    let Some(name) = name(number) else { return number.to_string() };
    let short = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    short.unwrap_or(name).to_owned()
}

fn extent(extent: &Option<pb::Extent>) -> String {
    let Some(extent) = extent else { return String::new() };
    let mut codes: Vec<&str> = extent.only.iter().map(String::as_str).collect();
    codes.sort_unstable();
    codes.dedup();
    match (extent.every, codes.is_empty()) {
        (true, true) => "every".to_owned(),
        _ => codes.join(","),
    }
}

fn codes(line: &pb::LicenseLine) -> String {
    let mut codes: Vec<String> = line
        .tariff_codes
        .iter()
        .map(|tariff| match tariff.nico.as_str() {
            "" => tariff.code.clone(),
            nico => format!("{}.{nico}", tariff.code),
        })
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes.join(",")
}

fn instant_text(stated: Option<prost_types::Timestamp>) -> String {
    stated.map_or(String::new(), |at| {
        instant_of(&at).map_or_else(|| at.seconds.to_string(), |at| at.to_string())
    })
}
