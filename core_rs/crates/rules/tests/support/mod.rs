//! A license, a declaration and rules that have nothing wrong with them; tests break one thing.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod paths;
pub mod submitting;

use descargo_model::decimal::AmountValue;
use descargo_model::finding::Finding;
use descargo_model::pb;
use descargo_rules::Rules;
use descargo_rules::agencies::AgencyKeys;
use descargo_rules::catalogue::Catalogue;
use descargo_rules::coverage::LineAvailable;
use descargo_rules::instruments::Instruments;
use descargo_rules::policy::Policy;
use descargo_rules::signers::{SignerFacts, SignerRecord, SignerRegistry};
use jiff::Timestamp;

pub const CATALOGUE: &str = include_str!("catalogue.tsv");
pub const INSTRUMENTS: &str = include_str!("instruments.toml");
pub const RECEIVED_AT: &str = "2026-03-31T18:05:00Z";
pub const DISCHARGE_SIGNATURE: &str = "K7M2QX9R";

pub fn rules() -> Rules {
    Rules {
        catalogue: Catalogue::read("catalogue.tsv", CATALOGUE).unwrap(),
        instruments: Instruments::load("instruments.toml", INSTRUMENTS).unwrap(),
        policy: Policy::default(),
    }
}

pub fn timestamp(text: &str) -> prost_types::Timestamp {
    descargo_model::date::timestamp_of(instant(text))
}

pub fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn every() -> Option<pb::Extent> {
    Some(pb::Extent { every: true, only: Vec::new() })
}

pub fn only(codes: &[&str]) -> Option<pb::Extent> {
    Some(pb::Extent { every: false, only: codes.iter().map(ToString::to_string).collect() })
}

pub fn amount(quantity: &str, value_usd: &str) -> Option<pb::Amount> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(pb::Amount { quantity: some(quantity), value_usd: some(value_usd) })
}

pub fn tariff(code: &str, nico: &str) -> pb::TariffCode {
    pb::TariffCode { code: code.to_owned(), nico: nico.to_owned() }
}

pub fn party(rfc: &str) -> pb::Party {
    pb::Party {
        rfc: rfc.to_owned(), curp: String::new(), legal_name: "Ejemplo Ñandú, S.A.".into()
    }
}

/// Line 1 covers 72081001 and 72083901.02 from anywhere; line 2 covers 27101299 from Canada.
pub fn license() -> pb::License {
    pb::License {
        instrument_kind: i32::from(pb::InstrumentKind::AutomaticNotice),
        holder: Some(party("EKU9003173C9")),
        operation: i32::from(pb::OperationType::Import),
        regimes: only(&["IMD"]),
        offices: only(&["240", "16"]),
        valid_from: "2026-04-01".into(),
        valid_to: "2026-12-31".into(),
        quantity_basis: i32::from(pb::QuantityBasis::Umt),
        lines: vec![
            pb::LicenseLine {
                line_no: 1,
                tariff_codes: vec![tariff("72081001", ""), tariff("72083901", "02")],
                description: "Acero plano".into(),
                unit: 1,
                authorized: amount("1000", "5000"),
                countries_origin_destination: every(),
                countries_seller_buyer: only(&["USA", "DEU"]),
            },
            pb::LicenseLine {
                line_no: 2,
                tariff_codes: vec![tariff("27101299", "00")],
                description: String::new(),
                unit: 8,
                authorized: amount("200.5", ""),
                countries_origin_destination: only(&["CAN"]),
                countries_seller_buyer: every(),
            },
        ],
        total: None,
        notified_at: Some(timestamp("2026-03-31T17:00:00Z")),
        authorization_complement: String::new(),
        vucem_folio: "0202600100320264003000001".into(),
        legal_basis: "DOF 2026-01-02".into(),
        applied_at: None,
        ruled_at: None,
    }
}

pub fn license_id(agency: &str, permit_key: &str, permit_number: &str) -> pb::LicenseId {
    pb::LicenseId {
        agency: agency.into(),
        permit_key: permit_key.into(),
        permit_number: permit_number.into(),
    }
}

pub fn submission() -> pb::Submission {
    pb::Submission {
        r#type: "descargo.v1.Submission".into(),
        validator: "descargo.test".into(),
        signed_at: Some(timestamp("2026-03-31T18:00:00Z")),
        license: Some(license_id("SE", "AV", "SE-0001")),
        version: 1,
        change: Some(pb::submission::Change::Issue(license())),
    }
}

pub fn onboarding() -> pb::Submission {
    let left = |line_no, left| pb::LineRemainder { line_no, left };
    let onboarding = pb::Onboarding {
        license: Some(license()),
        remainders: vec![left(1, amount("400.5", "0")), left(2, amount("200.5", ""))],
    };
    pb::Submission { change: Some(pb::submission::Change::Onboarding(onboarding)), ..submission() }
}

pub fn registry() -> SignerRegistry {
    let record = |agency: &str, keys: &[&str], from: &str, to: &str| SignerRecord {
        rfc: "CACX7605101P8".into(),
        name: "Persona de Prueba Única".into(),
        agency: agency.into(),
        permit_keys: keys.iter().map(ToString::to_string).collect(),
        from: from.into(),
        to: to.into(),
        certificate_sha256: String::new(),
    };
    SignerRegistry::new(vec![
        record("SE", &[], "2026-01-01", "2026-12-31"),
        record("SENASICA", &["A1"], "", ""),
    ])
    .unwrap()
}

pub fn signer() -> SignerFacts<'static> {
    let name = "PERSONA DE PRUEBA UNICA";
    SignerFacts { rfc: "CACX7605101P8", curp: "", name, certificate_sha256: "" }
}

/// 100 kg of 72081001.99 from Germany, bought in the United States, in 2 tonnes of the line.
pub fn declaration() -> pb::Declaration {
    pb::Declaration {
        acceptance_code: String::new(),
        shipment_no: None,
        declaration_number: "262434566000001".into(),
        declaration_key: "A1".into(),
        operation: i32::from(pb::OperationType::Import),
        regime: "IMD".into(),
        trader: Some(party("EKU9003173C9")),
        clearance_office: "240".into(),
        entry_exit_office: String::new(),
        paid_on: String::new(),
        lines: vec![pb::DeclarationLine {
            line_no: 3,
            tariff_code: Some(tariff("72081001", "99")),
            country_origin_destination: "DEU".into(),
            country_seller_buyer: "USA".into(),
            umc: Some(pb::Measure { quantity: "2".into(), unit: 14 }),
            umt: Some(pb::Measure { quantity: "2000".into(), unit: 1 }),
            value_usd: "9000.00".into(),
            draws: vec![pb::Draw {
                license: Some(license_id("", "AV", "se-0001 ")),
                discharge_signature: DISCHARGE_SIGNATURE.into(),
                amount: amount("100", "250.50"),
            }],
        }],
    }
}

pub fn available() -> Vec<LineAvailable> {
    let read = |quantity, value| AmountValue::parse(&amount(quantity, value).unwrap()).unwrap();
    vec![
        LineAvailable { line_no: 1, available: read("800", "4000") },
        LineAvailable { line_no: 2, available: read("200.5", "") },
    ]
}

/// A caller that is listed for all keys of an agency.
pub fn listed_for(agency: &str) -> [AgencyKeys; 1] {
    [AgencyKeys { agency: agency.to_owned(), permit_keys: Vec::new() }]
}

/// `CODE field`, as the tables of expectations are written.
pub fn told(findings: &[Finding]) -> Vec<String> {
    let told = findings.iter().map(|found| format!("{} {}", found.code, found.locator.field));
    told.collect()
}
