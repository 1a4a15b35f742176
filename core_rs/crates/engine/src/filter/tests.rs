use super::*;

/// A license to filter.
fn license(field: Field) -> Option<String> {
    let value = match field {
        Field::Agency => "SE",
        Field::PermitKey => "C1",
        Field::PermitNumber => "SE 0001-a",
        Field::Status => "ACTIVE",
        Field::HolderRfc => "XAXX010101000",
        Field::ValidFrom => "2026-01-01",
        Field::ValidTo => "2026-12-31",
    };
    Some(value.to_owned())
}

/// The same, before its content is read.
fn name_only(field: Field) -> Option<String> {
    let known = matches!(field, Field::Agency | Field::PermitKey | Field::PermitNumber);
    if known { license(field) } else { None }
}

#[test]
fn a_license_passes_what_is_true_of_it() {
    let cases = [
        ("", true),
        ("  ", true),
        ("agency = SE", true),
        ("agency != \"SE\"", false),
        ("permit_key='C1' AND status=ACTIVE", true),
        ("permit_key = C1 AND status = SUSPENDED", false),
        ("status = SUSPENDED OR status = ACTIVE", true),
        ("NOT status = ACTIVE", false),
        ("NOT (status = SUSPENDED AND agency = SE)", true),
        ("valid_to < 2027-01-01", true),
        ("valid_to <= \"2026-12-31\"", true),
        ("valid_to < \"2026-12-31\"", false),
        ("valid_to >= 2026-12-31 AND valid_to > 2026-12-30", true),
        ("valid_from > 2026-01-01", false),
        ("permit_number : \"se0001\"", true),
        ("permit_number:\"SE 0002\"", false),
        ("permit_number = se0001-A", true),
        ("permit_number >= SE0001 AND permit_number < SE0002", true),
        ("holder_rfc = XAXX010101000", true),
        // As in AIP-160, OR binds closer: this is `false AND (false OR true)`.
        ("agency = SENER AND agency = SENER OR agency = SE", false),
        ("(agency = SENER AND agency = SENER) OR agency = SE", true),
    ];
    for (text, expected) in cases {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.passes(&license), Some(expected), "{text}");
    }
}

#[test]
fn a_name_decides_when_the_rest_cannot_change_it() {
    let cases = [
        ("agency = SE", Some(true)),
        ("agency = SENER AND status = ACTIVE", Some(false)),
        ("status = ACTIVE AND agency = SENER", Some(false)),
        ("agency = SE OR status = ACTIVE", Some(true)),
        ("agency = SE AND status = ACTIVE", None),
        ("NOT status = ACTIVE", None),
        ("NOT (status = ACTIVE OR permit_key = C1)", Some(false)),
    ];
    for (text, expected) in cases {
        assert_eq!(Filter::parse(text).unwrap().passes(&name_only), expected, "{text}");
    }
}

#[test]
fn a_wrong_filter_is_refused_with_the_place() {
    let cases = [
        ("color = red", 1, "`color` is no field"),
        ("agency", 7, "an operator is missing"),
        ("agency = ", 10, "a value is missing"),
        ("agency = SE AND", 16, "a field is missing"),
        ("agency = SE permit_key = C1", 13, "AND or OR is missing"),
        ("agency = SE and permit_key = C1", 13, "AND or OR is missing"),
        ("agency = \"SE", 10, "not closed"),
        ("(agency = SE", 1, "not closed"),
        ("(agency = SE agency = SE)", 14, "`)` is missing"),
        ("agency = SE)", 12, "closes nothing"),
        ("agency : SE", 8, "does not go with"),
        ("status < ACTIVE", 8, "does not go with"),
        ("status = active", 10, "no status"),
        ("status = UNSPECIFIED", 10, "no status"),
        ("valid_to < 2026-02-30", 12, "no day"),
        ("valid_to < \"ñ\" AND", 12, "no day"),
        ("permit_number = \"Ñ\" AND x = 1", 25, "`x` is no field"),
        ("agency = \"a\\n\"", 12, "after `\\`"),
        ("agency = SE AND NOT", 20, "a field is missing"),
    ];
    for (text, position, why) in cases {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(error.position, position, "{text}: {error}");
        assert!(error.why.contains(why), "{text}: {error}");
    }
}

#[test]
fn a_filter_has_bounds() {
    let deep = format!("{}agency = SE{}", "(".repeat(16), ")".repeat(16));
    assert!(Filter::parse(&deep).is_ok());
    let deeper = format!("{}agency = SE{}", "(".repeat(17), ")".repeat(17));
    assert!(Filter::parse(&deeper).unwrap_err().why.contains("deep"));
    let many = vec!["agency = SE"; 51].join(" AND ");
    assert!(Filter::parse(&many).unwrap_err().why.contains("restrictions"));
    assert!(Filter::parse(&vec!["agency = SE"; 50].join(" OR ")).is_ok());
    assert!(Filter::parse(&" ".repeat(2_001)).unwrap_err().why.contains("at most"));
}
