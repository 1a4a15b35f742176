//! Every finding of a declaration, in both directions. The cases are data: tests/cases.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod support;

use std::collections::BTreeMap;

use descargo_model::decimal::{Quantity, Usd};
use descargo_model::pb;
use descargo_rules::Rules;
use descargo_rules::claim::Claim;
use descargo_rules::coverage::{Coverage, LicenseState, coverage, unknown_license};
use descargo_rules::declaration::{CheckedDeclaration, DeclarationContext, check_declaration};
use descargo_rules::terms::LicenseTerms;
use serde::Deserialize;

const AT: &str = "2026-05-10T18:00:00Z";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases<C> {
    case: Vec<C>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeclarationCase {
    name: String,
    #[serde(default)]
    set: BTreeMap<String, String>,
    at: Option<String>,
    expect: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CoverageCase {
    name: String,
    key: Option<String>,
    at: Option<String>,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    license: LicenseChange,
    #[serde(default)]
    state: StateChange,
    expect: Vec<String>,
    line: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct LicenseChange {
    regimes: Option<String>,
    quantity_basis: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct StateChange {
    status: Option<String>,
    quantity: Option<String>,
    value_usd: Option<String>,
    discharge_signature: Option<String>,
    missing: bool,
    no_quantity: bool,
}

fn declaration(set: &BTreeMap<String, String>) -> pb::Declaration {
    let mut declaration = support::declaration();
    for (path, value) in set {
        support::paths::set(&mut declaration, path, value);
    }
    declaration
}

fn check(declaration: &pb::Declaration, rules: &Rules, at: &str) -> CheckedDeclaration {
    check_declaration(declaration, &DeclarationContext { rules, at: support::instant(at) })
}

#[test]
fn what_a_declaration_states_is_checked() {
    let rules = support::rules();
    let cases: Cases<DeclarationCase> =
        toml::from_str(include_str!("cases/declaration.toml")).unwrap();
    for case in cases.case {
        let checked = check(&declaration(&case.set), &rules, case.at.as_deref().unwrap_or(AT));
        let told: Vec<String> = checked
            .findings
            .iter()
            .map(|found| {
                let locator = &found.locator;
                let (record, field) = (locator.record, locator.record_field);
                format!("{} {} {record}/{field}", found.code, locator.field)
            })
            .collect();
        assert_eq!(told, case.expect, "{}", case.name);
        assert!(checked.claim().is_some(), "{}", case.name);
    }
}

fn terms(change: &LicenseChange) -> LicenseTerms {
    let mut license = support::license();
    if change.regimes.is_some() {
        license.regimes = support::every();
    }
    if change.quantity_basis.is_some() {
        license.quantity_basis = i32::from(pb::QuantityBasis::Umc);
    }
    LicenseTerms::parse(&support::license_id("SE", "AV", "SE-0001"), &license).unwrap()
}

fn covered(case: &CoverageCase, claim: &Claim<'_>, rules: &Rules) -> Coverage {
    let mut available = support::available();
    if let Some(quantity) = &case.state.quantity {
        available[0].available.quantity = Some(Quantity::parse(quantity).unwrap());
    }
    if let Some(value) = &case.state.value_usd {
        available[0].available.value_usd = Some(Usd::parse(value).unwrap());
    }
    if case.state.no_quantity {
        available[0].available.quantity = None;
    }
    if case.state.missing {
        available.remove(0);
    }
    let status = case.state.status.as_deref().unwrap_or("ACTIVE");
    let status = pb::LicenseStatus::from_str_name(&format!("LICENSE_STATUS_{status}")).unwrap();
    let issued = case.state.discharge_signature.as_deref();
    let state = LicenseState {
        status,
        stops: &[],
        available: &available,
        discharge_signature: issued.unwrap_or(support::DISCHARGE_SIGNATURE),
    };
    let key = case.key.as_deref().unwrap_or("AV");
    let agency = rules.instruments.owners(key).next().unwrap();
    let profile = rules.instruments.profile(key, agency).unwrap();
    let at = support::instant(case.at.as_deref().unwrap_or(AT));
    let context = DeclarationContext { rules, at };
    coverage(claim, &terms(&case.license), profile, &state, &context)
}

#[test]
fn what_a_license_covers_is_checked() {
    let rules = support::rules();
    let cases: Cases<CoverageCase> = toml::from_str(include_str!("cases/coverage.toml")).unwrap();
    for case in cases.case {
        let at = case.at.as_deref().unwrap_or(AT);
        let checked = check(&declaration(&case.set), &rules, at);
        let claim = checked.claim().unwrap();
        let found = covered(&case, &claim, &rules);
        let told: Vec<String> = found
            .findings
            .iter()
            .map(|found| {
                let told = format!("{} {} {}", found.code, found.locator.field, found.granted);
                told.trim_end().to_owned()
            })
            .collect();
        assert_eq!(told, case.expect, "{}", case.name);
        if let Some(line) = case.line {
            assert_eq!(found.line_no.unwrap_or(0), line, "{}", case.name);
        }
    }
}

#[test]
fn a_finding_counts_as_saai_does() {
    let rules = support::rules();
    let checked = check(&support::declaration(), &rules, AT);
    let claim = checked.claim().unwrap();
    let unknown = unknown_license(&claim);
    assert_eq!(unknown.code.as_str(), "N411");
    assert_eq!(unknown.declared, "se-0001 ");
    let locator = unknown.locator;
    assert_eq!(
        (locator.line_no, locator.record, locator.record_field, locator.ordinal),
        (3, 553, 7, 1)
    );
    assert_eq!(claim.draw.license.as_ref().unwrap().lookup_number, "SE-0001");
}

#[test]
fn a_signature_is_never_repeated() {
    let rules = support::rules();
    let mut declaration = support::declaration();
    declaration.lines[0].draws[0].discharge_signature = "WRONG123".into();
    let checked = check(&declaration, &rules, AT);
    let claim = checked.claim().unwrap();
    let cases: Cases<CoverageCase> = toml::from_str("[[case]]\nname=''\nexpect=[]").unwrap();
    let found = covered(&cases.case[0], &claim, &rules);
    let [finding] = found.findings.as_slice() else { panic!("one finding") };
    assert_eq!((finding.declared.as_str(), finding.granted.as_str()), ("", ""));
}

#[test]
fn another_shape_than_one_line_with_one_draw_is_no_claim() {
    let rules = support::rules();
    let told = |change: fn(&mut pb::Declaration)| {
        let mut declaration = support::declaration();
        change(&mut declaration);
        let checked = check(&declaration, &rules, AT);
        assert!(checked.claim().is_none());
        support::told(&checked.findings)
    };
    assert_eq!(told(|d| d.lines.clear()), ["S101 lines"]);
    assert_eq!(told(|d| d.lines.push(d.lines[0].clone())), ["S101 lines"]);
    assert_eq!(told(|d| d.lines[0].draws.clear()), ["S101 lines[0].draws"]);
}

#[test]
fn the_line_with_the_right_countries_then_the_nico_then_the_lowest_is_drawn_from() {
    let line = |line_no, nico: &str, seller: &str| pb::LicenseLine {
        line_no,
        tariff_codes: vec![support::tariff("72081001", nico)],
        countries_seller_buyer: support::only(&[seller]),
        ..support::license().lines[0].clone()
    };
    let chosen = |lines: Vec<pb::LicenseLine>| {
        let rules = support::rules();
        let license = pb::License { lines, ..support::license() };
        let id = support::license_id("SE", "AV", "SE-0001");
        let terms = LicenseTerms::parse(&id, &license).unwrap();
        let checked = check(&support::declaration(), &rules, AT);
        let claim = checked.claim().unwrap();
        let (origin, seller) = (claim.line.origin_destination, claim.line.seller_buyer);
        terms.line_for(claim.line.tariff.unwrap(), 8, origin, seller).map(|line| line.line_no)
    };
    assert_eq!(chosen(vec![line(1, "99", "DEU"), line(2, "", "USA")]), Some(2));
    assert_eq!(chosen(vec![line(1, "", "USA"), line(2, "99", "USA")]), Some(2));
    assert_eq!(chosen(vec![line(7, "99", "USA"), line(4, "99", "USA")]), Some(4));
    assert_eq!(chosen(vec![line(5, "", "DEU"), line(3, "", "DEU")]), Some(3));
    assert_eq!(chosen(vec![line(1, "01", "USA")]), None);
}

#[test]
fn a_license_that_no_check_would_accept_is_no_terms() {
    let id = support::license_id("SE", "AV", "SE-0001");
    let field = |change: fn(&mut pb::License)| {
        let mut license = support::license();
        change(&mut license);
        LicenseTerms::parse(&id, &license).unwrap_err().field
    };
    assert_eq!(field(|l| l.holder = None), "holder.rfc");
    assert_eq!(field(|l| l.operation = 0), "operation");
    assert_eq!(field(|l| l.quantity_basis = 0), "quantity_basis");
    assert_eq!(field(|l| l.offices = support::only(&["2400"])), "offices");
    assert_eq!(field(|l| l.valid_to.clear()), "valid_to");
    assert_eq!(field(|l| l.lines[1].authorized = support::amount("x", "")), "lines[1].authorized");
    assert_eq!(field(|l| l.lines[0].tariff_codes[1].code.clear()), "lines[0].tariff_codes");
}
