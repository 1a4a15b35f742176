//! Every finding of a submission's name and license, in both directions: tables of one change each.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod support;

use descargo_model::pb;
use support::submitting::{Case, holder, id, issued, line, run};
use support::{amount, every, only, tariff, timestamp};

#[test]
fn names_and_addressee_are_checked() {
    let cases: &[Case] = &[
        ("nothing wrong", |_| {}, &[]),
        ("no type", |s| s.r#type.clear(), &["S101 type"]),
        ("another type", |s| s.r#type = "descargo.v1.Verdict".into(), &["F511 type"]),
        ("another validator", |s| s.validator = "descargo.demo".into(), &["F511 validator"]),
        ("no signing time", |s| s.signed_at = None, &["S101 signed_at"]),
        ("no license id", |s| s.license = None, &["S101 license"]),
        ("no agency", |s| id(s).agency.clear(), &["S101 license.agency"]),
        ("no number", |s| id(s).permit_number.clear(), &["S101 license.permit_number"]),
        ("blank number", |s| id(s).permit_number = "  ".into(), &["S101 license.permit_number"]),
        ("number of 50", |s| id(s).permit_number = "Ñ".repeat(50), &[]),
        ("number of 51", |s| id(s).permit_number = "Ñ".repeat(51), &["S102 license.permit_number"]),
        ("a bar", |s| id(s).permit_number = "A|B".into(), &["S102 license.permit_number"]),
        ("no key", |s| id(s).permit_key.clear(), &["S101 license.permit_key"]),
        ("key of 4", |s| id(s).permit_key = "AVAV".into(), &["S102 license.permit_key"]),
        ("unknown key", |s| id(s).permit_key = "XX".into(), &["C201 license.permit_key"]),
        ("key that has ended", |s| id(s).permit_key = "Z9".into(), &["C201 license.permit_key"]),
        ("another agency's key", |s| id(s).permit_key = "A1".into(), &["C202 license.permit_key"]),
        (
            "key ended for this agency",
            |s| *id(s) = support::license_id("SENER", "C1", "1"),
            &["C201 license.permit_key", "F506 envelope.certificate_der"],
        ),
        ("version 2", |s| s.version = 2, &["E305 version"]),
        ("no version", |s| s.version = 0, &["S101 version"]),
        ("no change", |s| s.change = None, &["S101 change"]),
    ];
    run(support::submission, cases);
}

#[test]
fn the_content_is_checked() {
    let cases: &[Case] = &[
        ("no kind", |s| issued(s).instrument_kind = 0, &["S101 issue.instrument_kind"]),
        ("unheard-of kind", |s| issued(s).instrument_kind = 99, &["S101 issue.instrument_kind"]),
        ("kind not of the key", |s| issued(s).instrument_kind = 1, &["C208 issue.instrument_kind"]),
        ("no holder", |s| issued(s).holder = None, &["S101 issue.holder.rfc"]),
        ("no RFC", |s| holder(s).rfc.clear(), &["S101 issue.holder.rfc"]),
        ("RFC malformed", |s| holder(s).rfc = "EKU900317".into(), &["S105 issue.holder.rfc"]),
        ("RFC's date", |s| holder(s).rfc = "EKU9002303C9".into(), &["S105 issue.holder.rfc"]),
        ("RFC's digit", |s| holder(s).rfc = "EKU9003173C8".into(), &["W801 issue.holder.rfc"]),
        ("generic RFC", |s| holder(s).rfc = "XEXX010101000".into(), &[]),
        ("CURP", |s| holder(s).curp = "CACX760510MGTSHC04".into(), &[]),
        ("CURP malformed", |s| holder(s).curp = "CACX".into(), &["S106 issue.holder.curp"]),
        (
            "CURP's digit",
            |s| holder(s).curp = "HEGT761003MDFRNN09".into(),
            &["W801 issue.holder.curp"],
        ),
        (
            "name of 251",
            |s| holder(s).legal_name = "n".repeat(251),
            &["S102 issue.holder.legal_name"],
        ),
        ("no operation", |s| issued(s).operation = 0, &["S101 issue.operation"]),
        (
            "export",
            |s| {
                issued(s).operation = 2;
                issued(s).regimes = only(&["EXD", "RFE"]);
            },
            &[],
        ),
        ("transit is not of the key", |s| issued(s).operation = 3, &["C208 issue.operation"]),
        ("no regimes", |s| issued(s).regimes = None, &["S101 issue.regimes"]),
        (
            "every and only",
            |s| issued(s).regimes.as_mut().unwrap().every = true,
            &["S101 issue.regimes"],
        ),
        ("neither", |s| issued(s).regimes = only(&[]), &["S101 issue.regimes"]),
        ("every regime", |s| issued(s).regimes = every(), &[]),
        (
            "unknown regime",
            |s| issued(s).regimes = only(&["IMD", "XXX"]),
            &["C207 issue.regimes.only[1]"],
        ),
        (
            "regime of exports",
            |s| issued(s).regimes = only(&["EXD"]),
            &["C207 issue.regimes.only[0]"],
        ),
        (
            "regime not of the key",
            |s| id(s).permit_key = "IM".into(),
            &["C207 issue.regimes.only[0]"],
        ),
        ("no offices", |s| issued(s).offices = None, &["S101 issue.offices"]),
        ("unknown office", |s| issued(s).offices = only(&["990"]), &["C206 issue.offices.only[0]"]),
        ("closed office", |s| issued(s).offices = only(&["640"]), &["C206 issue.offices.only[0]"]),
        ("office of 4", |s| issued(s).offices = only(&["2400"]), &["C206 issue.offices.only[0]"]),
        ("300 offices", |s| issued(s).offices = only(&["240"; 300]), &[]),
        ("301 offices", |s| issued(s).offices = only(&["240"; 301]), &["S102 issue.offices"]),
        ("no basis", |s| issued(s).quantity_basis = 0, &["S101 issue.quantity_basis"]),
        (
            "folio of 24",
            |s| {
                issued(s).vucem_folio.pop();
            },
            &["S102 issue.vucem_folio"],
        ),
        ("no folio", |s| issued(s).vucem_folio.clear(), &[]),
        (
            "complement of 33",
            |s| issued(s).authorization_complement = "c".repeat(33),
            &["S102 issue.authorization_complement"],
        ),
        (
            "legal basis with a tab",
            |s| issued(s).legal_basis = "DOF\t".into(),
            &["S102 issue.legal_basis"],
        ),
        (
            "notified in the future",
            |s| {
                issued(s).notified_at = Some(timestamp("2026-03-31T18:10:00.001Z"));
            },
            &["S104 issue.notified_at"],
        ),
        (
            "notified as the clocks differ",
            |s| {
                issued(s).notified_at = Some(timestamp("2026-03-31T18:10:00Z"));
            },
            &[],
        ),
        (
            "notified never",
            |s| issued(s).notified_at.as_mut().unwrap().nanos = -1,
            &["S104 issue.notified_at"],
        ),
    ];
    run(support::submission, cases);
}

#[test]
fn the_validity_is_checked() {
    let cases: &[Case] = &[
        ("no first day", |s| issued(s).valid_from.clear(), &["S101 issue.valid_from"]),
        ("no last day", |s| issued(s).valid_to.clear(), &["S101 issue.valid_to"]),
        ("no such day", |s| issued(s).valid_to = "2026-06-31".into(), &["S104 issue.valid_to"]),
        ("last year", |s| issued(s).valid_to = "2101-01-01".into(), &["S104 issue.valid_to"]),
        ("one day", |s| issued(s).valid_to = "2026-04-01".into(), &[]),
        ("ends before", |s| issued(s).valid_to = "2026-03-31".into(), &["E301 issue.valid_to"]),
        ("five years", |s| issued(s).valid_to = "2031-03-31".into(), &[]),
        ("a day more", |s| issued(s).valid_to = "2031-04-01".into(), &["E301 issue.valid_to"]),
        (
            "30 days",
            |s| {
                id(s).permit_key = "SH".into();
                issued(s).valid_to = "2026-04-30".into();
            },
            &[],
        ),
        (
            "31 days",
            |s| {
                id(s).permit_key = "SH".into();
                issued(s).valid_to = "2026-05-01".into();
            },
            &["E301 issue.valid_to"],
        ),
        ("from the day of signing", |s| issued(s).valid_from = "2026-03-31".into(), &[]),
        (
            "from the day before",
            |s| issued(s).valid_from = "2026-03-30".into(),
            &["N407 issue.valid_from"],
        ),
    ];
    run(support::submission, cases);
}

#[test]
fn lines_are_checked() {
    let cases: &[Case] = &[
        ("no lines", |s| issued(s).lines.clear(), &["S101 issue.lines"]),
        ("no number", |s| line(s, 0).line_no = 0, &["S101 issue.lines[0].line_no"]),
        ("number twice", |s| line(s, 1).line_no = 1, &["E302 issue.lines[1].line_no"]),
        ("no codes", |s| line(s, 1).tariff_codes.clear(), &["S101 issue.lines[1].tariff_codes"]),
        (
            "empty code",
            |s| line(s, 1).tariff_codes = vec![tariff("", "00")],
            &["S101 issue.lines[1].tariff_codes[0].code"],
        ),
        (
            "7 digits",
            |s| line(s, 0).tariff_codes[1].code = "7208390".into(),
            &["S107 issue.lines[0].tariff_codes[1].code"],
        ),
        (
            "letters",
            |s| line(s, 0).tariff_codes[0].code = "7208100O".into(),
            &["S107 issue.lines[0].tariff_codes[0].code"],
        ),
        (
            "NICO of 1",
            |s| line(s, 0).tariff_codes[1].nico = "2".into(),
            &["S107 issue.lines[0].tariff_codes[1].nico"],
        ),
        (
            "unknown code",
            |s| line(s, 1).tariff_codes = vec![tariff("27101298", "")],
            &["C203 issue.lines[1].tariff_codes[0]"],
        ),
        (
            "unknown NICO",
            |s| line(s, 1).tariff_codes[0].nico = "01".into(),
            &["C203 issue.lines[1].tariff_codes[0]"],
        ),
        (
            "closed code",
            |s| line(s, 1).tariff_codes = vec![tariff("22030001", "")],
            &["C203 issue.lines[1].tariff_codes[0]"],
        ),
        ("no unit", |s| line(s, 0).unit = 0, &["S101 issue.lines[0].unit"]),
        (
            "unknown unit",
            |s| {
                issued(s).quantity_basis = 2;
                line(s, 0).unit = 21;
            },
            &["C204 issue.lines[0].unit"],
        ),
        (
            "closed unit",
            |s| {
                issued(s).quantity_basis = 2;
                line(s, 0).unit = 20;
            },
            &["C204 issue.lines[0].unit"],
        ),
        ("unit not of the key", |s| id(s).permit_key = "U1".into(), &["C204 issue.lines[1].unit"]),
        ("not the tariff's unit", |s| line(s, 1).unit = 5, &["E304 issue.lines[1].unit"]),
        (
            "another unit by UMC",
            |s| {
                issued(s).quantity_basis = 2;
                line(s, 1).unit = 5;
            },
            &[],
        ),
        ("tariff without unit", |s| line(s, 1).tariff_codes = vec![tariff("98020001", "")], &[]),
        (
            "description of 251",
            |s| line(s, 0).description = "d".repeat(251),
            &["S102 issue.lines[0].description"],
        ),
        (
            "no origin",
            |s| line(s, 0).countries_origin_destination = None,
            &["S101 issue.lines[0].countries_origin_destination"],
        ),
        (
            "no seller",
            |s| line(s, 0).countries_seller_buyer = None,
            &["S101 issue.lines[0].countries_seller_buyer"],
        ),
        (
            "unknown country",
            |s| line(s, 0).countries_seller_buyer = only(&["USA", "XYZ"]),
            &["C205 issue.lines[0].countries_seller_buyer.only[1]"],
        ),
        (
            "country that ended",
            |s| line(s, 0).countries_seller_buyer = only(&["CSK"]),
            &["C205 issue.lines[0].countries_seller_buyer.only[0]"],
        ),
        (
            "unknown block",
            |s| line(s, 0).countries_origin_destination = only(&["BLOQUE"]),
            &["C205 issue.lines[0].countries_origin_destination.only[0]"],
        ),
        (
            "same goods",
            |s| {
                let copy = line(s, 0).clone();
                *line(s, 1) = pb::LicenseLine { line_no: 2, ..copy };
            },
            &["E302 issue.lines[1].tariff_codes[0]", "E302 issue.lines[1].tariff_codes[1]"],
        ),
        (
            "same goods from elsewhere",
            |s| {
                let copy = line(s, 0).clone();
                let countries_origin_destination = only(&["CAN"]);
                *line(s, 1) = pb::LicenseLine { line_no: 2, countries_origin_destination, ..copy };
            },
            &[],
        ),
        (
            "code twice in a line",
            |s| line(s, 1).tariff_codes.push(tariff("27101299", "00")),
            &["E302 issue.lines[1].tariff_codes[1]"],
        ),
        (
            "101 codes",
            |s| line(s, 1).tariff_codes = vec![tariff("27101299", "9"); 101],
            &["S102 issue.lines[1].tariff_codes"],
        ),
        (
            "501 lines",
            |s| issued(s).lines = vec![pb::LicenseLine::default(); 501],
            &["S102 issue.lines"],
        ),
    ];
    run(support::submission, cases);
}

#[test]
fn amounts_are_checked() {
    let cases: &[Case] = &[
        (
            "malformed",
            |s| line(s, 0).authorized = amount("1,000", "5e3"),
            &[
                "S103 issue.lines[0].authorized.quantity",
                "S103 issue.lines[0].authorized.value_usd",
            ],
        ),
        (
            "6 decimals",
            |s| line(s, 0).authorized = amount("1.000001", ""),
            &["S103 issue.lines[0].authorized.quantity"],
        ),
        (
            "zero",
            |s| line(s, 0).authorized = amount("0.00", "0"),
            &[
                "S103 issue.lines[0].authorized.quantity",
                "S103 issue.lines[0].authorized.value_usd",
            ],
        ),
        ("both absent", |s| line(s, 0).authorized = None, &["S101 issue.lines[0].authorized"]),
        ("value alone", |s| line(s, 0).authorized = amount("", "5000"), &[]),
        (
            "none asked for",
            |s| {
                id(s).permit_key = "NB".into();
                line(s, 0).authorized = None;
            },
            &[],
        ),
        (
            "none needed",
            |s| {
                id(s).permit_key = "UL".into();
                line(s, 0).authorized = None;
            },
            &[],
        ),
        (
            "quantity asked for",
            |s| {
                id(s).permit_key = "QB".into();
                line(s, 0).authorized = amount("", "1");
            },
            &["S101 issue.lines[0].authorized.quantity"],
        ),
        (
            "value asked for",
            |s| id(s).permit_key = "VB".into(),
            &["S101 issue.lines[1].authorized.value_usd"],
        ),
        (
            "total of mixed units",
            |s| issued(s).total = amount("1200.5", ""),
            &["E303 issue.total.quantity"],
        ),
        (
            "total over an unlimited line",
            |s| issued(s).total = amount("", "5000"),
            &["E303 issue.total.value_usd"],
        ),
        (
            "total",
            |s| {
                line(s, 1).authorized = amount("0.5", "0.01");
                line(s, 1).unit = 1;
                line(s, 1).tariff_codes = vec![tariff("72083901", "01")];
                issued(s).total = amount("1000.50", "5000.01");
            },
            &[],
        ),
        (
            "total less a hair",
            |s| {
                line(s, 1).authorized = amount("0.5", "0.01");
                line(s, 1).unit = 1;
                line(s, 1).tariff_codes = vec![tariff("72083901", "01")];
                issued(s).total = amount("1000.49999", "5000.02");
            },
            &["E303 issue.total.quantity", "E303 issue.total.value_usd"],
        ),
        ("total malformed", |s| issued(s).total = amount("x", ""), &["S103 issue.total.quantity"]),
        (
            "total of what cannot be read",
            |s| {
                line(s, 0).authorized = amount("x", "5000");
                issued(s).total = amount("1", "");
            },
            &["S103 issue.lines[0].authorized.quantity"],
        ),
    ];
    run(support::submission, cases);
}

#[test]
fn what_is_at_its_limit_is_looked_at_and_what_is_beyond_is_not() {
    let told = |lines: usize, codes: usize| {
        let mut submission = support::submission();
        line(&mut submission, 0).tariff_codes = vec![tariff("7", ""); codes];
        let first = line(&mut submission, 0).clone();
        issued(&mut submission).lines = vec![first; lines];
        let checked = support::submitting::check(&submission);
        let of = |code: &str| {
            checked.findings.iter().filter(|finding| finding.code.as_str() == code).count()
        };
        (of("S102"), of("S107"))
    };
    assert_eq!(told(1, 100), (0, 100));
    assert_eq!(told(1, 101), (1, 0));
    assert_eq!(told(500, 1), (0, 500));
    assert_eq!(told(501, 1), (1, 0));
}
