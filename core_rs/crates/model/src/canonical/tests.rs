use super::*;
use crate::pb::submission::Change;

fn at(seconds: i64, nanos: i32) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos })
}

fn notification() -> pb::Submission {
    pb::Submission {
        r#type: "descargo.v1.Submission".into(),
        validator: "descargo.demo".into(),
        signed_at: at(1_774_980_000, 0),
        license: Some(pb::LicenseId {
            agency: "SE".into(),
            permit_key: "AV".into(),
            permit_number: "SE-0001".into(),
        }),
        version: 2,
        change: Some(Change::Notification(Timestamp { seconds: 1_774_980_000, nanos: 0 })),
    }
}

const NOTIFICATION: &str = "||1|descargo.v1.Submission|descargo.demo|2026-03-31T18:00:00Z|SE|AV|\
                            SE-0001|2|notification|2026-03-31T18:00:00Z||";

fn unwritable(submission: &pb::Submission) -> Vec<(String, Code)> {
    let parts = canonical_string(submission).unwrap_err();
    parts.into_iter().map(|part| (part.path, part.code)).collect()
}

#[test]
fn leaves_stand_in_the_order_of_their_numbers() {
    assert_eq!(canonical_string(&notification()).unwrap(), NOTIFICATION);
    assert_eq!(canonical_string(&pb::Submission::default()).unwrap(), "||1||||||||||");
}

#[test]
fn an_instant_has_whole_seconds_and_a_year_of_four_digits() {
    for (seconds, text) in [
        (-62_135_596_800, "0001-01-01T00:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (253_370_764_799, "9998-12-31T23:59:59Z"),
    ] {
        let submission = pb::Submission { signed_at: at(seconds, 0), ..Default::default() };
        assert_eq!(canonical_string(&submission).unwrap(), format!("||1|||{text}|||||||"));
    }
    for (seconds, nanos) in [(0, 1), (0, -1), (-62_135_596_801, 0), (253_370_764_800, 0)] {
        let submission = pb::Submission { signed_at: at(seconds, nanos), ..Default::default() };
        assert_eq!(unwritable(&submission), [("signed_at".into(), Code::S104)], "{seconds}");
    }
}

#[test]
fn what_could_be_read_two_ways_is_not_written() {
    let empty = pb::Amount { quantity: Some(String::new()), value_usd: Some("1".into()) };
    let line = pb::LicenseLine { authorized: Some(pb::Amount::default()), ..Default::default() };
    let license = pb::License {
        instrument_kind: 99,
        holder: Some(pb::Party { legal_name: "A|B".into(), ..Default::default() }),
        regimes: Some(pb::Extent { every: false, only: vec!["n\u{303}".into()] }),
        lines: vec![line],
        total: Some(empty),
        ..Default::default()
    };
    let submission = pb::Submission {
        license: Some(pb::LicenseId::default()),
        change: Some(Change::Issue(license)),
        ..Default::default()
    };
    assert_eq!(
        unwritable(&submission),
        [
            ("license", Code::S101),
            ("issue.instrument_kind", Code::S101),
            ("issue.holder.legal_name", Code::S102),
            ("issue.regimes.only[0]", Code::S102),
            ("issue.lines[0].authorized", Code::S101),
            ("issue.total.quantity", Code::S103),
        ]
        .map(|(path, code)| (path.to_owned(), code))
    );
}

#[test]
fn only_so_many_unwritable_parts_are_told() {
    let line = pb::LicenseLine { description: "|".into(), ..Default::default() };
    let license = pb::License { lines: vec![line; 500], ..Default::default() };
    let submission = pb::Submission { change: Some(Change::Issue(license)), ..Default::default() };
    assert_eq!(unwritable(&submission).len(), UNWRITABLE_MAX);
}

#[test]
fn a_message_without_content_differs_from_an_absent_one() {
    let of = |countries| {
        let line = pb::LicenseLine { countries_seller_buyer: countries, ..Default::default() };
        let license = pb::License { lines: vec![line], ..Default::default() };
        canonical_string(&pb::Submission {
            change: Some(Change::Issue(license)),
            ..Default::default()
        })
        .unwrap()
    };
    assert_ne!(of(None), of(Some(pb::Extent::default())));
}

#[test]
fn the_first_difference_is_named_with_its_field() {
    let submission = notification();
    assert_eq!(first_difference(&submission, NOTIFICATION), None);
    let cases = [
        ("|SE|", "|SÉ|", 64, Some("license.agency")),
        ("|SE|", "|SEN|", 65, Some("license.agency")),
        ("|SE|", "||", 63, Some("license.agency")),
        ("|2|", "|3|", 77, Some("version")),
        ("||1|", "||2|", 3, None),
        ("||1|", "\u{feff}||1|", 1, None),
        ("00:00Z||", "00:00Z|", 113, None),
        ("00:00Z||", "00:00Z", 112, Some("notification")),
        ("00:00Z||", "00:00Z||\n", 114, None),
        ("notification", "suspension", 79, Some("change")),
    ];
    for (from, to, position, path) in cases {
        let at = NOTIFICATION.rfind(from).unwrap();
        let (head, tail) = NOTIFICATION.split_at(at);
        let sent = format!("{head}{}", tail.replacen(from, to, 1));
        let found = first_difference(&submission, &sent).unwrap();
        assert_eq!((found.position, found.path.as_deref()), (position, path), "{from:?} {to:?}");
    }
}

#[test]
fn an_excerpt_shows_what_people_cannot_see() {
    let sent = NOTIFICATION.replace("SE-0001", "SEN\u{303}\u{200b}1");
    let found = first_difference(&notification(), &sent).unwrap();
    assert_eq!(found.built, "SE|AV|SE-0001|2|notification|202");
    assert_eq!(found.sent, "SE|AV|SEN\\u{303}\\u{200b}1|2|notification|2026");
}
