//! Who signed and when, what is taken over, and what is granted in the end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod support;

use descargo_model::pb;
use descargo_model::pb::submission::Change;
use descargo_rules::agencies::AgencyKeys;
use descargo_rules::submission::{Subject, SubmissionContext, check_submission};
use support::submitting::{Case, check, check_received, issued, line, run};
use support::{amount, tariff, timestamp};

fn remainders(submission: &mut pb::Submission) -> &mut Vec<pb::LineRemainder> {
    match &mut submission.change {
        Some(Change::Onboarding(onboarding)) => &mut onboarding.remainders,
        _ => panic!("not an onboarding"),
    }
}

fn taken_over(submission: &mut pb::Submission) -> &mut pb::License {
    match &mut submission.change {
        Some(Change::Onboarding(onboarding)) => onboarding.license.as_mut().unwrap(),
        _ => panic!("not an onboarding"),
    }
}

#[test]
fn remainders_are_checked() {
    let cases: &[Case] = &[
        ("nothing wrong", |_| {}, &[]),
        ("all is left", |s| remainders(s)[0].left = amount("1000", "5000.00"), &[]),
        (
            "a hair more",
            |s| remainders(s)[0].left = amount("1000.00001", "5000.01"),
            &[
                "E307 onboarding.remainders[0].left.quantity",
                "E307 onboarding.remainders[0].left.value_usd",
            ],
        ),
        (
            "another dimension",
            |s| remainders(s)[1].left = amount("", "1"),
            &[
                "E307 onboarding.remainders[1].left.quantity",
                "E307 onboarding.remainders[1].left.value_usd",
            ],
        ),
        (
            "none stated",
            |s| remainders(s)[1].left = None,
            &["E307 onboarding.remainders[1].left.quantity"],
        ),
        (
            "malformed",
            |s| remainders(s)[1].left = amount("-1", ""),
            &["S103 onboarding.remainders[1].left.quantity"],
        ),
        (
            "one missing",
            |s| {
                remainders(s).pop();
            },
            &["E307 onboarding.remainders"],
        ),
        (
            "one twice",
            |s| {
                let copy = remainders(s)[0].clone();
                remainders(s).push(copy);
            },
            &["E307 onboarding.remainders[2].line_no"],
        ),
        (
            "no such line",
            |s| remainders(s)[1].line_no = 9,
            &["E307 onboarding.remainders[1].line_no", "E307 onboarding.remainders"],
        ),
        ("begun long ago", |s| taken_over(s).valid_from = "2024-01-01".into(), &[]),
        (
            "its license is checked",
            |s| taken_over(s).offices = None,
            &["S101 onboarding.license.offices"],
        ),
        ("version 2", |s| s.version = 2, &["E305 version"]),
    ];
    run(support::onboarding, cases);
}

#[test]
fn a_grant_holds_what_was_submitted() {
    let grant = check(&support::submission()).grant.unwrap();
    assert_eq!(grant.license.lookup_number, "SE-0001");
    assert_eq!(grant.holder.as_str(), "EKU9003173C9");
    assert_eq!(
        (grant.valid_from.to_string(), grant.valid_to.to_string()),
        ("2026-04-01".to_owned(), "2026-12-31".to_owned())
    );
    assert!(grant.notified);
    let [first, second] = grant.lines.as_slice() else { panic!("two lines") };
    assert_eq!((first.line_no, first.unit, second.line_no, second.unit), (1, 1, 2, 8));
    assert_eq!(first.authorized.to_pb(), amount("1000", "5000").unwrap());
    assert_eq!(first.available, first.authorized);
    let mut awaiting = support::submission();
    issued(&mut awaiting).notified_at = None;
    assert!(!check(&awaiting).grant.unwrap().notified);
    let taken_over = check(&support::onboarding()).grant.unwrap();
    assert_eq!(taken_over.lines[0].available.to_pb(), amount("400.5", "0").unwrap());
    assert_eq!(taken_over.lines[0].authorized.to_pb(), amount("1000", "5000").unwrap());
}

#[test]
fn a_signature_is_believed_within_its_window() {
    let cases = [
        ("2026-03-31T17:55:00Z", &[][..]),
        ("2026-03-31T17:54:59.999999999Z", &["F508 signed_at"][..]),
        ("2026-04-07T18:00:00Z", &[][..]),
        ("2026-04-07T18:00:00.000000001Z", &["F508 signed_at"][..]),
    ];
    for (received_at, expected) in cases {
        let mut submission = support::submission();
        // Else it would have been notified in the future.
        issued(&mut submission).notified_at = None;
        let checked = check_received(&submission, received_at);
        assert_eq!(support::told(&checked.findings), expected, "{received_at}");
    }
    let mut impossible = support::submission();
    impossible.signed_at = Some(prost_types::Timestamp { seconds: 0, nanos: 0 });
    assert_eq!(support::told(&check(&impossible).findings), ["S104 signed_at"]);
}

#[test]
fn a_code_that_the_tariff_lacks_warns_once_the_tariff_ends() {
    let told = |signed_at: &str, refuse: bool| {
        let mut rules = support::rules();
        if refuse {
            rules.policy.unknown_tariff_code = descargo_rules::policy::UnknownTariffCode::Refuse;
        }
        let mut submission = support::submission();
        submission.signed_at = Some(timestamp(signed_at));
        let license = issued(&mut submission);
        license.valid_from = "2026-08-01".into();
        license.lines[1].tariff_codes = vec![tariff("85171301", "00")];
        let registry = support::registry();
        let agencies = support::listed_for("SE");
        let context = SubmissionContext {
            rules: &rules,
            validator: "descargo.test",
            received_at: support::instant(signed_at),
            caller_agencies: &agencies,
            signer: Some(support::signer()),
            signer_registry: &registry,
            subject: Subject::Unknown,
        };
        let checked = check_submission(&submission, &context);
        (support::told(&checked.findings), checked.grant.is_some())
    };
    let at = |code: &str| vec![format!("{code} issue.lines[1].tariff_codes[0]")];
    // The tariff is known through 30 June; in Mexico City that day ends at 06:00 UTC.
    assert_eq!(told("2026-07-01T05:59:59Z", false), (at("C203"), false));
    assert_eq!(told("2026-07-01T06:00:00Z", false), (at("W803"), true));
    assert_eq!(told("2026-07-01T06:00:00Z", true), (at("C203"), false));
}

#[test]
fn caller_and_signer_must_be_the_agencys() {
    let rules = support::rules();
    let registry = support::registry();
    let agencies = support::listed_for("SE");
    let base = SubmissionContext {
        rules: &rules,
        validator: "descargo.test",
        received_at: support::instant(support::RECEIVED_AT),
        caller_agencies: &agencies,
        signer: Some(support::signer()),
        signer_registry: &registry,
        subject: Subject::Unknown,
    };
    let told = |context: SubmissionContext<'_>| {
        support::told(&check_submission(&support::submission(), &context).findings)
    };
    let signer = |rfc, name| {
        let certificate_sha256 = "";
        Some(descargo_rules::signers::SignerFacts { rfc, curp: "", name, certificate_sha256 })
    };
    assert!(told(base).is_empty());
    let by = |listed: &[(&str, &[&str])]| {
        let own = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let agencies: Vec<AgencyKeys> = listed
            .iter()
            .map(|(agency, keys)| AgencyKeys {
                agency: (*agency).to_owned(),
                permit_keys: own(keys),
            })
            .collect();
        told(SubmissionContext { caller_agencies: &agencies, ..base })
    };
    assert_eq!(by(&[]), ["F509 license.agency"]);
    assert_eq!(by(&[("SENER", &[])]), ["F509 license.agency"]);
    assert_eq!(by(&[("SE", &["C1"])]), ["F509 license.permit_key"]);
    // A hub is listed for several; a key counts for the agency that it is listed with.
    assert!(by(&[("SE", &["AV", "C1"]), ("SENER", &["C1"])]).is_empty());
    assert_eq!(by(&[("SE", &["C1"]), ("SENER", &["AV"])]), ["F509 license.permit_key"]);
    assert_eq!(by(&[("SEMARNAT", &[]), ("SENER", &[])]), ["F509 license.agency"]);
    let other = signer("EKU9003173C9", "PERSONA DE PRUEBA UNICA");
    assert_eq!(
        told(SubmissionContext { signer: other, ..base }),
        ["F506 envelope.certificate_der"]
    );
    let renamed = signer("CACX7605101P8", "OTRA PERSONA");
    assert_eq!(
        told(SubmissionContext { signer: renamed, ..base }),
        ["W802 envelope.certificate_der"]
    );
    assert!(told(SubmissionContext { signer: None, ..base }).is_empty());
}

#[test]
fn a_signer_signs_for_a_key_within_a_period() {
    let on = |key: &str, agency: &str, day: &str| {
        let day = descargo_model::date::Day::parse(day).unwrap();
        support::registry().standing(support::signer(), agency, key, day)
    };
    use descargo_rules::signers::SignerStanding::{NotRegistered, Registered};
    assert_eq!(on("AV", "SE", "2026-01-01"), Registered);
    assert_eq!(on("AV", "SE", "2026-12-31"), Registered);
    assert_eq!(on("AV", "SE", "2025-12-31"), NotRegistered);
    assert_eq!(on("AV", "SE", "2027-01-01"), NotRegistered);
    assert_eq!(on("A1", "SENASICA", "2031-01-01"), Registered);
    assert_eq!(on("AV", "SENASICA", "2026-05-01"), NotRegistered);
}

#[test]
fn everything_is_told_at_once_and_in_order() {
    let mut submission = support::submission();
    submission.validator = "x".into();
    submission.version = 3;
    issued(&mut submission).offices = None;
    line(&mut submission, 1).unit = 0;
    let told = support::told(&check(&submission).findings);
    let expected =
        ["F511 validator", "E305 version", "S101 issue.offices", "S101 issue.lines[1].unit"];
    assert_eq!(told, expected);
}
