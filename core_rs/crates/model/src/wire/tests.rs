//! What the strict reader tells, and what it refuses to read.

use super::*;

fn submission() -> Shape {
    shape("Submission").expect("the contract has it")
}

fn license_bytes() -> Vec<u8> {
    let line = pb::LicenseLine { line_no: 1, unit: 1, ..Default::default() };
    let license = pb::License { lines: vec![line.clone(), line], ..Default::default() };
    let change = Some(pb::submission::Change::Issue(license));
    pb::Submission { version: 1, change, ..Default::default() }.encode_to_vec()
}

#[test]
fn every_message_of_the_descriptor_has_a_shape_with_all_its_fields() {
    let set = FileDescriptorSet::decode(pb::DESCRIPTOR).expect("committed descriptor");
    for message in
        set.file.iter().filter(|f| f.package() == "descargo.v1").flat_map(|f| &f.message_type)
    {
        let Shape(at) = shape(message.name()).expect("shape");
        let known = SCHEMA.messages[at].by_number.iter().flatten().count();
        assert_eq!(known, message.field.len(), "{}", message.name());
    }
}

#[test]
fn a_regular_message_has_nothing_to_report() {
    assert_eq!(inspect(submission(), &license_bytes()), Ok(vec![]));
}

#[test]
fn an_unknown_field_is_told_with_its_path() {
    let mut line = pb::LicenseLine { line_no: 1, ..Default::default() }.encode_to_vec();
    line.extend([0xf8, 0x01, 0x07]); // field 31, varint
    let mut license = vec![0x4a, u8::try_from(line.len()).unwrap()];
    license.extend(line);
    let mut bytes = vec![0x32, u8::try_from(license.len()).unwrap()];
    bytes.extend(license);
    let found = inspect(submission(), &bytes).unwrap();
    assert_eq!(found, [Irregularity::UnknownField { path: "issue.lines[0].31".into() }]);
}

#[test]
fn a_repeated_singular_field_is_told() {
    let mut bytes = license_bytes();
    bytes.extend([0x28, 0x02]); // version again
    let found = inspect(submission(), &bytes).unwrap();
    assert_eq!(found, [Irregularity::RepeatedField { path: "version".into() }]);
}

#[test]
fn two_arms_of_a_choice_are_told() {
    let mut bytes = license_bytes();
    bytes.extend([0x82, 0x01, 0x00]); // onboarding beside issue
    let found = inspect(submission(), &bytes).unwrap();
    assert_eq!(found, [Irregularity::RepeatedField { path: "onboarding".into() }]);
}

#[test]
fn every_truncation_is_unreadable_or_a_shorter_message() {
    let bytes = license_bytes();
    for end in 0..bytes.len() {
        if inspect(submission(), &bytes[..end]).is_ok() {
            assert!(pb::Submission::decode(&bytes[..end]).is_ok(), "prefix of {end}");
        }
    }
}

#[test]
fn values_that_a_decoder_would_truncate_are_unreadable() {
    for (why, bytes) in [
        ("version beyond u32", vec![0x28, 0x81, 0x80, 0x80, 0x80, 0x10]),
        (
            "over-long varint",
            vec![0x28, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
        ),
        ("text not UTF-8", vec![0x0a, 0x01, 0xff]),
        ("text as a number", vec![0x08, 0x01]),
        ("group", vec![0x0b, 0x0c]),
        ("field number zero", vec![0x00, 0x00]),
        ("length beyond the end", vec![0x0a, 0xff, 0xff, 0xff, 0x7f]),
    ] {
        assert!(inspect(submission(), &bytes).is_err(), "{why}");
    }
}

#[test]
fn irregularities_are_bounded() {
    let bytes: Vec<u8> = [0xf8, 0x01, 0x07].repeat(1_000);
    assert_eq!(inspect(submission(), &bytes).unwrap().len(), IRREGULARITIES_MAX);
}
