//! The published canonical strings: tests/vectors/canonical, which the client reads too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use descargo_model::canonical::{canonical_string, first_difference, reason};
use descargo_model::pb;
use prost::Message;
use serde_json::Value;

const UNWRITABLE: &str = "unwritable.json";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/vectors/canonical")
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case.get(key).and_then(Value::as_str).unwrap()
}

fn submission(case: &Value) -> pb::Submission {
    let digits = text(case, "serialized_hex").as_bytes();
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
    pb::Submission::decode(bytes.as_slice()).unwrap()
}

#[test]
fn each_submission_has_its_published_string() {
    let mut arms = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(UNWRITABLE) || path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let case = read(&path);
        let (submission, published) = (submission(&case), text(&case, "canonical_string"));
        assert_eq!(canonical_string(&submission).unwrap(), published, "{}", path.display());
        assert_eq!(first_difference(&submission, published), None, "{}", path.display());
        arms.insert(published.split('|').nth(10).unwrap().to_owned());
    }
    let all = [
        "",
        "amendment",
        "cancellation",
        "extension",
        "issue",
        "notification",
        "onboarding",
        "reinstatement",
        "revocation",
        "suspension",
    ];
    assert!(arms.iter().eq(all.iter()), "{arms:?}");
}

#[test]
fn the_reason_of_a_change_is_read_back() {
    let reason = |name: &str| {
        let case = read(&folder().join(format!("{name}.json")));
        reason(text(&case, "canonical_string")).map(str::to_owned)
    };
    assert_eq!(reason("suspension").as_deref(), Some("Investigación por daño: ¿origen?"));
    assert_eq!(reason("suspension_open").as_deref(), Some("Orden de autoridad"));
    assert_eq!(reason("revocation").as_deref(), Some("Revocación"));
    assert_eq!(reason("cancellation").as_deref(), Some("A petición del titular"));
    assert_eq!(reason("reinstatement").as_deref(), Some("Resuelto a favor del titular"));
    for without in ["issue", "extension", "notification", "onboarding", "no_change"] {
        assert_eq!(reason(without), None, "{without}");
    }
}

#[test]
fn what_has_no_string_says_which_part() {
    let cases = read(&folder().join(UNWRITABLE));
    for case in cases.as_array().unwrap() {
        let parts = canonical_string(&submission(case)).unwrap_err();
        let told: Vec<_> =
            parts.iter().map(|part| format!("{} {}", part.code, part.path)).collect();
        let expected: Vec<_> = case.get("unwritable").and_then(Value::as_array).unwrap().to_vec();
        assert_eq!(told, expected, "{}", text(case, "name"));
    }
}
