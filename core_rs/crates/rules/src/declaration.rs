//! Checks what a declaration states, before any license is looked at.
//!
//! Header, line and draw are checked apart, so that a declaration of many lines is the same walk.
//! One line with one draw takes about a microsecond.

use descargo_model::date::Day;
use descargo_model::decimal::{Quantity, Usd};
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::license_name::LicenseName;
use descargo_model::pb;
use descargo_model::pb::OperationType;
use jiff::Timestamp;

use crate::Rules;
use crate::claim::{
    Claim, DrawClaim, HEADER, HeaderClaim, LineClaim, MeasureClaim, MeasureFields, UMC, UMT,
    draw_path, draw_place, line_path, line_place,
};
use crate::codes::{ShortCode, Tariff, digits};
use crate::collect::{Findings, Place};
use crate::fields::{AmountPlace, amount, optional_text, required_decimal, required_text};
use crate::party::{self, PartyPlace};
use crate::submission::{PERMIT_KEY_MAX, PERMIT_NUMBER_MAX};

mod whole;

pub use whole::check_whole;

/// Longest discharge signature or complement: field 6 of record 553.
const DISCHARGE_SIGNATURE_MAX: usize = 32;
/// Longest name of an agency.
const AGENCY_MAX: usize = 20;

/// All that a declaration is checked against.
#[derive(Debug, Clone, Copy)]
pub struct DeclarationContext<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// When it is decided.
    pub at: Timestamp,
}

impl DeclarationContext<'_> {
    /// The day in Mexico City on which it is decided.
    #[must_use]
    pub fn day(&self) -> Day {
        Day::of(self.at)
    }
}

/// What was found.
#[derive(Debug)]
pub struct CheckedDeclaration {
    /// Every finding, in the order of the fields.
    pub findings: Vec<Finding>,
    /// What is said for all lines.
    pub header: HeaderClaim,
    /// What the lines say.
    pub lines: Vec<CheckedLine>,
}

/// A line with its draws.
#[derive(Debug)]
pub struct CheckedLine {
    /// What the line says.
    pub line: LineClaim,
    /// What its draws say.
    pub draws: Vec<DrawClaim>,
}

impl CheckedDeclaration {
    /// Every draw, in the order in which they are stated.
    pub fn claims(&self) -> impl Iterator<Item = Claim<'_>> {
        self.lines.iter().flat_map(|CheckedLine { line, draws }| {
            draws.iter().map(|draw| Claim { header: &self.header, line, draw })
        })
    }

    /// The one draw of the one line; `None` when there is another number of either.
    #[must_use]
    pub fn claim(&self) -> Option<Claim<'_>> {
        match self.lines.as_slice() {
            [CheckedLine { draws, .. }] if draws.len() == 1 => self.claims().next(),
            _ => None,
        }
    }
}

/// The checks of one request share these.
struct Scope<'a> {
    rules: &'a Rules,
    day: Day,
}

/// Checks a declaration that has one line with one draw.
#[must_use]
pub fn check_declaration(
    declaration: &pb::Declaration,
    context: &DeclarationContext<'_>,
) -> CheckedDeclaration {
    let mut checked = check_lines(declaration, context);
    let mut findings = Findings::default();
    match declaration.lines.as_slice() {
        [line] if line.draws.len() == 1 => {}
        [line] => findings.add(Code::S101, line_place(&line_path(0), line.line_no).at("draws")),
        _ => findings.add(Code::S101, Place::default().at("lines")),
    }
    checked.findings.extend(findings.into_list());
    checked
}

fn check_lines(
    declaration: &pb::Declaration,
    context: &DeclarationContext<'_>,
) -> CheckedDeclaration {
    let mut findings = Findings::default();
    let scope = Scope { rules: context.rules, day: context.day() };
    let header = check_header(declaration, &scope, &mut findings);
    let lines = declaration.lines.iter().enumerate().map(|(index, line)| {
        let claim = check_line(index, line, &scope, &mut findings);
        let draws = line.draws.iter().enumerate();
        let draws =
            draws.map(|(index, draw)| check_draw(index, draw, &claim, &scope, &mut findings));
        CheckedLine { draws: draws.collect(), line: claim }
    });
    let lines = lines.collect();
    CheckedDeclaration { findings: findings.into_list(), header, lines }
}

fn check_header(
    declaration: &pb::Declaration,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> HeaderClaim {
    let declaration_number = check_number(&declaration.declaration_number, findings);
    let key_at = || HEADER.saai("declaration_key", 6);
    if let Some(key) = required_text(&declaration.declaration_key, 3, key_at, findings)
        && !scope.rules.instruments.has_declaration_key(key)
    {
        findings.push(Finding::new(Code::C211, key_at()).declared(key));
    }
    let stated = declaration.operation;
    let operation = OperationType::try_from(stated).ok().filter(|_| stated != 0);
    if operation.is_none() {
        findings.add(Code::S101, HEADER.saai("operation", 5));
    }
    let regime_at = || HEADER.at("regime");
    let regime = required_text(&declaration.regime, 4, regime_at, findings)
        .filter(|regime| {
            let known = scope.rules.catalogue.has_regime(regime, scope.day);
            known_or_told(known, regime, regime_at, findings)
        })
        .map(str::to_owned);
    let trader = PartyPlace { place: HEADER, field: "trader", record_fields: (9, 8) };
    let trader = party::check(declaration.trader.as_ref(), &trader, findings);
    let office_at = || HEADER.saai("clearance_office", 4);
    let clearance_office = match declaration.clearance_office.as_str() {
        "" => {
            findings.add(Code::S101, office_at());
            None
        }
        office => check_office(office, office_at, scope, findings),
    };
    if !declaration.entry_exit_office.is_empty() {
        let at = || HEADER.saai("entry_exit_office", 7);
        check_office(&declaration.entry_exit_office, at, scope, findings);
    }
    HeaderClaim {
        declaration_number,
        operation,
        regime,
        trader,
        clearance_office,
        paid_on: check_paid_on(&declaration.paid_on, scope, findings),
        paid_on_stated: !declaration.paid_on.is_empty(),
    }
}

/// Where the number of a declaration is: record 500.
fn number_at() -> Locator {
    Place { record: 500, ..Place::default() }.saai("declaration_number", 4)
}

/// Fifteen digits `AABBPPPPDNNNNNN`, whose serial begins at 000001.
fn check_number(number: &str, findings: &mut Findings) -> Option<String> {
    if number.is_empty() {
        findings.add(Code::S101, number_at());
        return None;
    }
    let serial = number.get(9..).and_then(|serial| digits(serial, 6));
    let rest = number.get(..9).and_then(|rest| digits(rest, 9));
    if rest.is_none() || serial.is_none_or(|serial| serial == 0) {
        let finding = Finding::new(Code::S111, number_at()).declared(number);
        findings.push(finding.granted("AABBPPPPDNNNNNN"));
        return None;
    }
    Some(number.to_owned())
}

fn known_or_told(
    known: bool,
    declared: &str,
    at: impl FnOnce() -> Locator,
    findings: &mut Findings,
) -> bool {
    if !known {
        findings.push(Finding::new(Code::C211, at()).declared(declared));
    }
    known
}

/// An office of three digits whose aduana is known.
fn check_office(
    office: &str,
    at: impl Fn() -> Locator,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<String> {
    if digits(office, 3).is_none() {
        findings.push(Finding::new(Code::S102, at()).declared(office).granted("3 digits"));
        return None;
    }
    let known = scope.rules.catalogue.has_aduana_of(office, scope.day);
    known_or_told(known, office, at, findings).then(|| office.to_owned())
}

/// A day of payment that has not come is no payment: it would choose the day that suits.
fn check_paid_on(paid_on: &str, scope: &Scope<'_>, findings: &mut Findings) -> Option<Day> {
    if paid_on.is_empty() {
        return None;
    }
    let finding = || Finding::new(Code::S104, paid_on_at()).declared(paid_on);
    match Day::parse(paid_on) {
        Ok(day) if day > scope.day => {
            findings.push(finding().granted(format!("<= {}", scope.day)));
            None
        }
        Ok(day) => Some(day),
        Err(_) => {
            findings.push(finding());
            None
        }
    }
}

/// Where the day of payment is: record 506, dates.
pub(crate) fn paid_on_at() -> Locator {
    Place { record: 506, ..Place::default() }.saai("paid_on", 4)
}

fn check_line(
    index: usize,
    line: &pb::DeclarationLine,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> LineClaim {
    let path = line_path(index);
    let place = line_place(&path, line.line_no);
    if line.line_no == 0 {
        findings.add(Code::S101, place.saai("line_no", 4));
    }
    let tariff = check_tariff(line.tariff_code.as_ref(), &place, findings);
    let origin = &line.country_origin_destination;
    let origin_at = || place.saai("country_origin_destination", 21);
    let seller = &line.country_seller_buyer;
    let seller_at = || place.saai("country_seller_buyer", 22);
    LineClaim {
        index,
        line_no: line.line_no,
        tariff,
        tariff_text: tariff_text(line.tariff_code.as_ref()),
        origin_destination: check_country(origin, origin_at, scope, findings),
        origin_destination_text: origin.clone(),
        seller_buyer: check_country(seller, seller_at, scope, findings),
        seller_buyer_text: seller.clone(),
        umc: check_measure(line.umc.as_ref(), UMC, &place, scope, findings),
        umt: check_measure(line.umt.as_ref(), UMT, &place, scope, findings),
        value_usd: required_decimal(
            &line.value_usd,
            Usd::parse,
            || place.saai("value_usd", 10),
            findings,
        ),
    }
}

fn tariff_text(tariff: Option<&pb::TariffCode>) -> String {
    tariff.map_or(String::new(), |tariff| format!("{}.{}", tariff.code, tariff.nico))
}

/// Code and NICO, both of them: a declaration names the goods, it does not allow them.
fn check_tariff(
    tariff: Option<&pb::TariffCode>,
    place: &Place<'_>,
    findings: &mut Findings,
) -> Option<Tariff> {
    let code = tariff.map(|tariff| tariff.code.as_str()).unwrap_or_default();
    let nico = tariff.map(|tariff| tariff.nico.as_str()).unwrap_or_default();
    let parts = [(code, 8, "tariff_code.code", 3), (nico, 2, "tariff_code.nico", 5)];
    for (part, count, field, record_field) in parts {
        if part.is_empty() {
            findings.add(Code::S101, place.saai(field, record_field));
        } else if digits(part, count).is_none() {
            let at = place.saai(field, record_field);
            findings.push(Finding::new(Code::S107, at).declared(part));
        }
    }
    Tariff::read(code, nico).filter(|tariff| tariff.nico.is_some())
}

fn check_country(
    country: &str,
    at: impl Fn() -> Locator,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<ShortCode> {
    if country.is_empty() {
        findings.add(Code::S101, at());
        return None;
    }
    let known = scope.rules.catalogue.has_country(country, scope.day);
    known_or_told(known, country, at, findings).then(|| ShortCode::of(country)).flatten()
}

fn check_measure(
    measure: Option<&pb::Measure>,
    fields: MeasureFields,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> MeasureClaim {
    let Some(measure) = measure else {
        findings.add(Code::S101, place.saai(fields.field, fields.quantity));
        return MeasureClaim::default();
    };
    let quantity_at = || place.saai(&format!("{}.quantity", fields.field), fields.quantity);
    let quantity = required_decimal(&measure.quantity, Quantity::parse, quantity_at, findings);
    let unit_at = || place.saai(&format!("{}.unit", fields.field), fields.unit);
    let unit = match measure.unit {
        0 => {
            findings.add(Code::S101, unit_at());
            None
        }
        unit if scope.rules.catalogue.has_unit(unit, scope.day) => Some(unit),
        unit => {
            findings.push(Finding::new(Code::C204, unit_at()).declared(unit));
            None
        }
    };
    MeasureClaim { quantity, unit }
}

fn check_draw(
    index: usize,
    draw: &pb::Draw,
    line: &LineClaim,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> DrawClaim {
    let path = draw_path(&line_path(line.index), index);
    let place = draw_place(&path, line.line_no, index);
    let license = match &draw.license {
        Some(id) => check_license(id, &place, scope, findings),
        None => {
            findings.add(Code::S101, place.saai("license", 7));
            None
        }
    };
    let signature = &draw.discharge_signature;
    let at = || place.saai("discharge_signature", 6);
    // An empty one is told by coverage, which knows what the instrument presents.
    optional_text(signature, DISCHARGE_SIGNATURE_MAX, at, findings);
    let amount_place = AmountPlace { place: &place, field: "amount", record_fields: (9, 8) };
    DrawClaim {
        index,
        license,
        discharge_signature: signature.clone(),
        amount: amount(draw.amount.as_ref(), &amount_place, findings),
    }
}

fn check_license(
    id: &pb::LicenseId,
    place: &Place<'_>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Option<LicenseName> {
    let agency_at = || place.at("license.agency");
    optional_text(&id.agency, AGENCY_MAX, agency_at, findings);
    let key_at = || place.saai("license.permit_key", 5);
    let key = required_text(&id.permit_key, PERMIT_KEY_MAX, key_at, findings);
    if let Some(key) = key
        && !scope.rules.instruments.has_permit_key(key, scope.day)
    {
        findings.push(Finding::new(Code::C211, key_at()).declared(key));
    }
    let number_at = || place.saai("license.permit_number", 7);
    let number = required_text(&id.permit_number, PERMIT_NUMBER_MAX, number_at, findings);
    let name = LicenseName::from_pb(id);
    if number.is_some() && name.lookup_number.is_empty() {
        findings.add(Code::S101, number_at());
        return None;
    }
    (key.is_some() && number.is_some()).then_some(name)
}
