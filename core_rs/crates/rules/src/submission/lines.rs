//! The lines of a license: tariff codes, units, amounts, countries, and how they add up.

use std::collections::{HashMap, HashSet};

use descargo_model::decimal::AmountValue;
use descargo_model::finding::{Code, Finding};
use descargo_model::pb;
use descargo_model::pb::QuantityBasis;

use crate::catalogue::TariffStanding;
use crate::codes::{CodeSet, Tariff, whole};
use crate::collect::{Findings, Place};
use crate::fields::{AmountPlace, StatedAmount, amount, extent, optional_text};
use crate::instruments::Balance;
use crate::policy::UnknownTariffCode;
use crate::submission::{GrantLine, Scope};

/// Lines of a license.
const LINES_MAX: usize = 500;
/// Tariff codes of a line.
const CODES_MAX: usize = 100;
/// Longest description.
const DESCRIPTION_MAX: usize = 250;

/// Two lines that agree in this cover the same goods.
type Goods = (Tariff, u32, CodeSet, CodeSet);

/// Checks all lines and returns those that could be read.
pub(super) fn check(
    license: &pb::License,
    basis: Option<QuantityBasis>,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Vec<GrantLine> {
    if license.lines.is_empty() {
        findings.add(Code::S101, place.at("lines"));
    }
    if license.lines.len() > LINES_MAX {
        let finding = Finding::new(Code::S102, place.at("lines")).declared(license.lines.len());
        findings.push(finding.granted(LINES_MAX));
        return Vec::new();
    }
    let mut read = Vec::with_capacity(license.lines.len());
    let mut numbers = HashSet::new();
    let mut goods = HashMap::new();
    for (index, line) in license.lines.iter().enumerate() {
        let path = format!("{}.lines[{index}]", place.path);
        let place = Place::line(&path, line.line_no);
        check_number(line.line_no, &mut numbers, &place, findings);
        check_codes(line, basis, &mut goods, &place, scope, findings);
        let at = || place.at("description");
        optional_text(&line.description, DESCRIPTION_MAX, at, findings);
        check_unit(line.unit, &place, scope, findings);
        let authorized = check_authorized(line, &place, scope, findings);
        let origin = &line.countries_origin_destination;
        check_countries(origin.as_ref(), "countries_origin_destination", &place, scope, findings);
        let seller = &line.countries_seller_buyer;
        check_countries(seller.as_ref(), "countries_seller_buyer", &place, scope, findings);
        let authorized = authorized.value();
        let (line_no, unit) = (line.line_no, line.unit);
        read.push(GrantLine { line_no, unit, authorized, available: authorized });
    }
    check_total(license, &read, place, findings);
    read
}

fn check_number(
    line_no: u32,
    numbers: &mut HashSet<u32>,
    place: &Place<'_>,
    findings: &mut Findings,
) {
    if line_no == 0 {
        findings.add(Code::S101, place.at("line_no"));
    } else if !numbers.insert(line_no) {
        findings.push(Finding::new(Code::E302, place.at("line_no")).declared(line_no));
    }
}

fn check_codes(
    line: &pb::LicenseLine,
    basis: Option<QuantityBasis>,
    goods: &mut HashMap<Goods, u32>,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    if line.tariff_codes.is_empty() {
        findings.add(Code::S101, place.at("tariff_codes"));
    }
    if line.tariff_codes.len() > CODES_MAX {
        let count = line.tariff_codes.len();
        let finding = Finding::new(Code::S102, place.at("tariff_codes")).declared(count);
        findings.push(finding.granted(CODES_MAX));
        return;
    }
    let set = |extent: &Option<pb::Extent>| CodeSet::read(extent.as_ref()?, whole);
    let origin = set(&line.countries_origin_destination);
    let seller = set(&line.countries_seller_buyer);
    for (index, stated) in line.tariff_codes.iter().enumerate() {
        let path = || format!("tariff_codes[{index}]");
        let Some(tariff) = read_tariff(stated, path, place, findings) else { continue };
        check_standing(tariff, stated, line.unit, basis, &path, place, scope, findings);
        // Countries that cannot be read have told so, and are not the same as others.
        let (Some(origin), Some(seller)) = (&origin, &seller) else { continue };
        let same = (tariff, line.unit, origin.clone(), seller.clone());
        if let Some(other) = goods.insert(same, line.line_no) {
            let finding = Finding::new(Code::E302, place.at(&path())).declared(written(stated));
            findings.push(finding.granted(format!("line {other}")));
        }
    }
}

fn read_tariff(
    stated: &pb::TariffCode,
    path: impl Fn() -> String,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Tariff> {
    if stated.code.is_empty() {
        findings.add(Code::S101, place.at(&format!("{}.code", path())));
        return None;
    }
    let whole = Tariff::read(&stated.code, &stated.nico);
    if whole.is_some() {
        return whole;
    }
    let code = Tariff::read(&stated.code, "");
    let (field, value) = match code {
        Some(_) => ("nico", &stated.nico),
        None => ("code", &stated.code),
    };
    let at = place.at(&format!("{}.{field}", path()));
    findings.push(Finding::new(Code::S107, at).declared(value));
    None
}

fn written(stated: &pb::TariffCode) -> String {
    match stated.nico.as_str() {
        "" => stated.code.clone(),
        nico => format!("{}.{nico}", stated.code),
    }
}

#[expect(clippy::too_many_arguments, reason = "one leaf of a walk; a struct would name nothing")]
fn check_standing(
    tariff: Tariff,
    stated: &pb::TariffCode,
    unit: u32,
    basis: Option<QuantityBasis>,
    path: &impl Fn() -> String,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    let standing = scope.rules().catalogue.tariff(tariff, scope.day);
    let code = match standing {
        TariffStanding::InForce { unit: Some(own) } => {
            if basis == Some(QuantityBasis::Umt) && unit != 0 && unit != own {
                let finding = Finding::new(Code::E304, place.at("unit")).declared(unit);
                findings.push(finding.granted(format!("{own} ({})", written(stated))));
            }
            return;
        }
        TariffStanding::InForce { unit: None } => return,
        TariffStanding::NotCovered(_)
            if scope.rules().policy.unknown_tariff_code == UnknownTariffCode::Warn =>
        {
            Code::W803
        }
        TariffStanding::NotCovered(_) | TariffStanding::Unknown | TariffStanding::Closed => {
            Code::C203
        }
    };
    let finding = Finding::new(code, place.at(&path())).declared(written(stated));
    findings.push(match standing {
        TariffStanding::NotCovered(through) if code == Code::W803 => finding.granted(through),
        _ => finding,
    });
}

fn check_unit(unit: u32, place: &Place<'_>, scope: &Scope<'_>, findings: &mut Findings) {
    if unit == 0 {
        findings.add(Code::S101, place.at("unit"));
        return;
    }
    let units = scope.profile.map(|profile| profile.units.as_slice()).unwrap_or_default();
    let allowed = units.is_empty() || units.contains(&unit);
    if !allowed || !scope.rules().catalogue.has_unit(unit, scope.day) {
        let allowed: Vec<_> = units.iter().map(u32::to_string).collect();
        let finding = Finding::new(Code::C204, place.at("unit")).declared(unit);
        findings.push(finding.granted(allowed.join(",")));
    }
}

/// What is granted: the dimensions that the instrument limits, each above zero.
fn check_authorized(
    line: &pb::LicenseLine,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> StatedAmount {
    let place = AmountPlace { place, field: "authorized", record_fields: (0, 0) };
    let stated = amount(line.authorized.as_ref(), &place, findings);
    if stated.quantity.value().is_some_and(|quantity| quantity.is_zero()) {
        findings.push(Finding::new(Code::S103, place.quantity()).declared(0).granted("> 0"));
    }
    if stated.value_usd.value().is_some_and(|value| value.is_zero()) {
        findings.push(Finding::new(Code::S103, place.value_usd()).declared(0).granted("> 0"));
    }
    let Some(profile) = scope.profile.filter(|profile| !profile.unlimited_allowed) else {
        return stated;
    };
    let (no_quantity, no_value) = (stated.quantity.is_absent(), stated.value_usd.is_absent());
    match profile.balance {
        Balance::Quantity if no_quantity => findings.add(Code::S101, place.quantity()),
        Balance::Value if no_value => findings.add(Code::S101, place.value_usd()),
        Balance::Both if no_quantity && no_value => {
            findings.add(Code::S101, place.place.at("authorized"));
        }
        Balance::None | Balance::Quantity | Balance::Value | Balance::Both => {}
    }
    stated
}

fn check_countries(
    countries: Option<&pb::Extent>,
    field: &str,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) {
    let codes = extent(countries, || place.at(field), findings);
    for (index, code) in codes.unwrap_or_default().iter().enumerate() {
        // No catalogue of blocks of countries is at hand, so every block is unknown.
        if !scope.rules().catalogue.has_country(code, scope.day) {
            let at = place.at(&format!("{field}.only[{index}]"));
            findings.push(Finding::new(Code::C205, at).declared(code));
        }
    }
}

/// Tells a total that is not the sum of the lines (E303). Quantities in several units, or of lines
/// without limit, have no sum: a total over them cannot be right.
fn check_total(
    license: &pb::License,
    lines: &[GrantLine],
    place: &Place<'_>,
    findings: &mut Findings,
) {
    let place = AmountPlace { place, field: "total", record_fields: (0, 0) };
    let total = amount(license.total.as_ref(), &place, findings);
    // A sum is of what could be read: with an unreadable line it says nothing.
    if !all_readable(license) {
        return;
    }
    if let Some(stated) = total.quantity.value() {
        let first = lines.first().map(|line| line.unit);
        let one_unit = lines.iter().all(|line| Some(line.unit) == first);
        let quantities = lines.iter().map(|line| Some(line.authorized.quantity?.scaled()));
        let sum = sum(quantities).filter(|_| one_unit);
        if sum != Some(i128::from(stated.scaled())) {
            let finding = Finding::new(Code::E303, place.quantity()).declared(stated);
            findings.push(finding.granted(sum.map_or(String::new(), |sum| scaled_text(sum, 5))));
        }
    }
    if let Some(stated) = total.value_usd.value() {
        let sum = sum(lines.iter().map(|line| Some(line.authorized.value_usd?.scaled())));
        if sum != Some(i128::from(stated.scaled())) {
            let finding = Finding::new(Code::E303, place.value_usd()).declared(stated);
            findings.push(finding.granted(sum.map_or(String::new(), |sum| scaled_text(sum, 2))));
        }
    }
}

/// Whether every amount granted is a number.
pub(super) fn all_readable(license: &pb::License) -> bool {
    let mut amounts = license.lines.iter().map(|line| line.authorized.as_ref());
    amounts.all(|amount| amount.is_none_or(|amount| AmountValue::parse(amount).is_ok()))
}

fn sum(mut values: impl Iterator<Item = Option<i64>>) -> Option<i128> {
    values.try_fold(0_i128, |sum, value| sum.checked_add(i128::from(value?)))
}

/// A sum may be beyond what a balance holds, so it is written here.
fn scaled_text(sum: i128, decimals: usize) -> String {
    let width = decimals.saturating_add(1);
    let digits = format!("{sum:0width$}");
    let point = digits.len().saturating_sub(decimals);
    match digits.split_at_checked(point) {
        Some((whole, fraction)) => {
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{whole}{point}{fraction}")
        }
        None => digits,
    }
}
