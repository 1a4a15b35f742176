//! Files of rules: what is shipped loads, and what is broken is told with its line.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod support;

use std::fs;
use std::path::PathBuf;

use descargo_model::date::Day;
use descargo_model::pb::OperationType;
use descargo_rules::catalogue::{Catalogue, TariffStanding};
use descargo_rules::codes::Tariff;
use descargo_rules::instruments::{Balance, Instruments, LegalMoment, Presents};
use descargo_rules::policy::{Policy, UnknownTariffCode};
use descargo_rules::signers::{SignerRecord, SignerRegistry};

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn tariff(code: &str, nico: &str) -> Tariff {
    Tariff::read(code, nico).unwrap()
}

fn shipped(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("../../../server/descargo_server/catalogues").join(name)
}

#[test]
fn the_shipped_instruments_load() {
    let text = fs::read_to_string(shipped("instruments.toml")).unwrap();
    let instruments = Instruments::load("instruments.toml", &text).unwrap();
    let owners: Vec<&str> = instruments.owners("C1").collect();
    assert!(owners.contains(&"SE") && owners.contains(&"SENER"), "{owners:?}");
    let quota = instruments.profile("CP", "SE").unwrap();
    assert_eq!(quota.legal_moment, LegalMoment::Payment);
    assert!(instruments.profile("D1", "SE").is_none());
    assert!(instruments.has_declaration_key("A1") && !instruments.has_declaration_key("AV"));
}

#[test]
fn the_shipped_catalogues_load() {
    let names = fs::read_dir(shipped("")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> =
        names.filter(|path| path.to_string_lossy().ends_with(".tsv.gz")).collect();
    assert!(!files.is_empty());
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let catalogue = Catalogue::load(&name, &fs::read(&path).unwrap()).unwrap();
        assert!(name.contains(catalogue.version()), "{name}");
        let today = day("2026-11-24");
        let standing = catalogue.tariff(tariff("01012101", "00"), today);
        assert_eq!(standing, TariffStanding::InForce { unit: Some(7) });
        assert!(catalogue.has_country("USA", today) && catalogue.has_aduana_of("240", today));
        assert!(catalogue.has_unit(14, today) && !catalogue.has_unit(98, today));
        assert!(catalogue.regime_takes("IMD", OperationType::Import, today));
        assert!(!catalogue.regime_takes("IMD", OperationType::Export, today));
    }
}

#[test]
fn a_tariff_code_stands_by_day_and_nico() {
    let catalogue = support::rules().catalogue;
    assert_eq!(catalogue.version(), "test-2026-06-30");
    let standing = |code, nico, on| catalogue.tariff(tariff(code, nico), day(on));
    let in_force = |unit| TariffStanding::InForce { unit };
    assert_eq!(standing("72083901", "01", "2026-05-31"), in_force(Some(1)));
    assert_eq!(standing("72083901", "01", "2026-06-01"), TariffStanding::Closed);
    assert_eq!(standing("72083901", "", "2026-06-01"), in_force(Some(1)));
    assert_eq!(standing("72083901", "03", "2026-06-01"), TariffStanding::Unknown);
    assert_eq!(standing("72083902", "", "2026-06-01"), TariffStanding::Unknown);
    assert_eq!(standing("72081001", "", "2021-12-31"), TariffStanding::Closed);
    assert_eq!(standing("98020001", "00", "2026-01-01"), in_force(None));
    let through = TariffStanding::NotCovered(day("2026-06-30"));
    assert_eq!(standing("22030001", "00", "2026-06-30"), TariffStanding::Closed);
    assert_eq!(standing("22030001", "00", "2026-07-01"), through);
    assert_eq!(standing("99999999", "", "2026-07-01"), through);
}

#[test]
fn keys_are_dated() {
    let catalogue = support::rules().catalogue;
    assert!(catalogue.has_aduana_of("640", day("2025-12-31")));
    assert!(!catalogue.has_aduana_of("640", day("2026-01-01")));
    assert!(catalogue.has_country("CSK", day("1992-12-31")));
    assert!(!catalogue.has_country("CSK", day("1993-01-01")));
    assert!(!catalogue.has_country("", day("2026-01-01")));
    assert!(catalogue.has_broker_license("3456", day("2026-01-01")));
    assert!(!catalogue.has_broker_license("3457", day("2026-01-01")));
    let regime = |key, operation| catalogue.regime_takes(key, operation, day("2026-01-01"));
    assert!(regime("RFE", OperationType::Import) && regime("RFE", OperationType::Export));
    assert!(regime("IMD", OperationType::Transit) && !regime("XXX", OperationType::Transit));
}

#[test]
fn a_broken_catalogue_is_told_with_its_line() {
    let broken = |from: &str, to: &str| {
        let text = support::CATALOGUE.replacen(from, to, 1);
        Catalogue::read("x.tsv.gz", &text).unwrap_err().to_string()
    };
    let cases = [
        ("catalogue\t1", "catalogue\t2", "x.tsv.gz:1: the first line"),
        ("version\t", "versions\t", "x.tsv.gz:2: a row here"),
        ("version\ttest-2026-06-30", "version\t", "x.tsv.gz: it has no version"),
        ("tariff\t2026-06-30", "tariff\t", "x.tsv.gz:3: date ``"),
        ("[units]", "[unit]", "x.tsv.gz:15: section [unit]"),
        ("01012101\t00", "0101210\t00", "x.tsv.gz:7: tariff code `0101210`"),
        ("01012101\t00", "01012101\t", "x.tsv.gz:7: tariff code `01012101` has no NICO"),
        ("2022-01-01", "2022-02-30", "x.tsv.gz:7: date `2022-02-30`"),
        ("2020-01-01\t2025-12-31", "2026-01-01\t2025-12-31", "x.tsv.gz:8: the period"),
        ("CAN", "can", "x.tsv.gz:25: key `can`"),
        ("EXD\tE", "EXD\tS", "x.tsv.gz:30: direction `S`"),
        ("16\t", "160\t", "x.tsv.gz:36: key `160`"),
        ("CAN\t\t", "CAN\t", "x.tsv.gz:25: a row here has 2 columns"),
    ];
    for (from, to, expected) in cases {
        let told = broken(from, to);
        assert!(told.starts_with(expected), "{from} -> {to}: {told}");
        assert!(told.contains("import the catalogue again"), "{told}");
    }
    let emptied = support::CATALOGUE.split("[aduanas]").next().unwrap();
    let told = Catalogue::read("x", emptied).unwrap_err().to_string();
    assert!(told.contains("[aduanas] has no rows"), "{told}");
    assert!(Catalogue::load("x", b"not gzip").unwrap_err().to_string().contains("not a gzip"));
}

#[test]
fn a_row_of_instruments_overrides_the_defaults() {
    let instruments = support::rules().instruments;
    let profile = |key, agency| instruments.profile(key, agency).unwrap();
    assert_eq!(profile("A1", "SENASICA").presents, Presents::Complement);
    assert_eq!(profile("AV", "SE").presents, Presents::DischargeSignature);
    assert_eq!(profile("QB", "SE").balance, Balance::Quantity);
    assert_eq!(profile("AV", "SE").operations.len(), 2);
    assert!(instruments.has_permit_key("C1", day("2026-03-01")));
    assert!(!instruments.has_permit_key("Z9", day("2026-01-01")));
    assert!(instruments.has_permit_key("Z9", day("2025-12-31")));
    assert_eq!(instruments.owners("C1").collect::<Vec<_>>(), ["SE", "SENER"]);
    assert_eq!(instruments.owners("XX").count(), 0);
    assert!(instruments.has_agency("SENER") && !instruments.has_agency("SEDENA"));
}

#[test]
fn broken_instruments_are_told_with_their_line() {
    let broken = |from: &str, to: &str| {
        let text = support::INSTRUMENTS.replacen(from, to, 1);
        Instruments::load("i.toml", &text).unwrap_err().to_string()
    };
    let cases = [
        ("kinds = [\"AUTO", "kinds = [\"ODD", "i.toml:24: kind `ODDMATIC_NOTICE`"),
        ("balance = \"both\"", "balance = \"some\"", "i.toml:10: "),
        ("lease_hours = 72\n", "", "i.toml:23: `lease_hours` is stated neither"),
        ("lease_hours", "leash_hours", "i.toml:18: unknown field"),
        ("agencies = [\"SENER\"]", "agencies = [\"SEDENA\"]", "i.toml:35: agency `SEDENA`"),
        ("agencies = [\"SENER\"]", "agencies = [\"SE\"]", "i.toml:35: key `C1` of agency `SE`"),
        ("permit_key = \"AV\"", "permit_key = \"AVAV\"", "i.toml:24: permit key `AVAV`"),
        ("match_digits = 8", "match_digits = 9", "i.toml:24: tariff_match_digits"),
        ("status = \"assumed\"", "status = \"sure\"", "i.toml:24: status `sure`"),
        ("to = \"2026-02-28\"", "to = \"2026-02-29\"", "i.toml:35: date `2026-02-29`"),
        ("[defaults]", "[defaults]\nagencies = [\"SE\"]", "i.toml: [defaults] cannot"),
    ];
    for (from, to, expected) in cases {
        let told = broken(from, to);
        assert!(told.starts_with(expected), "{from} -> {to}: {told}");
        assert!(told.contains("mend the row"), "{told}");
    }
    let without_rows = support::INSTRUMENTS.split("[[instrument]]").next().unwrap();
    assert!(Instruments::load("i.toml", without_rows).is_err());
}

#[test]
fn a_policy_states_only_what_differs() {
    let policy: Policy =
        toml::from_str("backdating_days = 3\nunknown_tariff_code = 'refuse'").unwrap();
    let expected = Policy {
        backdating_days: 3,
        unknown_tariff_code: UnknownTariffCode::Refuse,
        ..Policy::default()
    };
    assert_eq!(policy, expected);
    assert!(toml::from_str::<Policy>("backdating = 3").is_err());
    assert!(toml::from_str::<Policy>("backdating_days = -1").is_err());
}

#[test]
fn a_broken_signer_is_told_with_its_number() {
    let record = |rfc: &str, from: &str| SignerRecord {
        rfc: rfc.into(),
        name: String::new(),
        agency: "SE".into(),
        permit_keys: Vec::new(),
        from: from.into(),
        to: String::new(),
        certificate_sha256: String::new(),
    };
    let told = |second| {
        let records = vec![record("CACX7605101P8", ""), second];
        SignerRegistry::new(records).unwrap_err().to_string()
    };
    assert!(told(record("", "")).contains("signer 2: it lacks"));
    assert!(told(record("CACX7605101P8", "yesterday")).contains("signer 2: date `yesterday`"));
}
