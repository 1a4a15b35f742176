//! Forged, damaged and truncated: never believed, and never a panic.

use descargo_signature::{CERTIFICATE_BYTES_MAX, ChainFault, SignatureProblem};

use crate::support::{
    Draft, Key, basic_constraints, extension, holder_key, issuing_key, key_usage, oid, sequence,
};
use crate::{MESSAGE, ask, codes, efirma, noon, store};

fn every_flip(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        flipped
    })
}

#[test]
fn no_bit_of_the_message_or_the_signature_may_change() {
    let (store, certificate) = (store(), efirma().signed_by(issuing_key()));
    let signature = holder_key().sign(MESSAGE);
    for message in every_flip(MESSAGE) {
        let answer = store.signer(&message, &signature, &certificate, noon());
        assert_eq!(codes(&answer), ["F501"]);
    }
    for forged in every_flip(&signature) {
        let answer = store.signer(MESSAGE, &forged, &certificate, noon());
        assert_eq!(codes(&answer), ["F501"]);
    }
    for length in 0..signature.len() {
        let answer = store.signer(MESSAGE, &signature[..length], &certificate, noon());
        assert_eq!(codes(&answer), ["F501"]);
    }
}

#[test]
fn no_bit_of_the_certificate_may_change() {
    let store = store();
    let signature = holder_key().sign(MESSAGE);
    let certificate = efirma().signed_by(issuing_key());
    for (bit, forged) in every_flip(&certificate).enumerate() {
        let answer = store.signer(MESSAGE, &signature, &forged, noon());
        assert!(answer.is_err(), "bit {bit}");
        let codes = codes(&answer);
        assert!(codes.contains(&"F503"), "bit {bit}: {codes:?}");
    }
}

#[test]
fn a_truncated_certificate_is_unreadable() {
    let certificate = efirma().signed_by(issuing_key());
    for length in 0..certificate.len() {
        let problems = ask(&store(), &certificate[..length]).unwrap_err();
        assert!(
            matches!(problems[..], [SignatureProblem::Chain(ChainFault::Unreadable(_))]),
            "{length}: {problems:?}"
        );
    }
}

fn unreadable(certificate: &[u8]) -> &'static str {
    match ask(&store(), certificate).unwrap_err()[..] {
        [SignatureProblem::Chain(ChainFault::Unreadable(reason))] => reason,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_may_follow_or_hide_in_a_certificate() {
    let certificate = efirma().signed_by(issuing_key());
    assert_eq!(unreadable(&[&certificate[..], &[0]].concat()), "trailing bytes");
    assert_eq!(unreadable(&[&certificate[..], &certificate].concat()), "trailing bytes");
    // The outer SEQUENCE has a header of 4 bytes; one more element inside it.
    assert_eq!(unreadable(&sequence(&[&certificate[4..], &[5, 0]])), "trailing bytes");
    let long = vec![0x30; CERTIFICATE_BYTES_MAX + 1];
    assert_eq!(unreadable(&long), "longer than 8 KiB");
}

#[test]
fn the_signature_algorithm_is_the_same_inside_and_outside() {
    let sha384 = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C];
    let sha256 = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
    for outer in [sequence(&[&oid(&sha384), &[5, 0]]), sequence(&[&oid(&sha256)])] {
        let draft = Draft { outer_algorithm: Some(outer), ..efirma() };
        assert_eq!(
            unreadable(&draft.signed_by(issuing_key())),
            "inner and outer signature algorithms differ"
        );
    }
}

#[test]
fn contradictory_or_damaged_extensions_are_refused() {
    let twice = vec![key_usage(&[0xC0], 6), key_usage(&[0xC0], 6)];
    let damaged = vec![basic_constraints(false, None), extension(&[0x55, 0x1D, 0x0F], false, b"?")];
    for (expected, extensions) in
        [("an extension is repeated", twice), ("an extension is damaged", damaged)]
    {
        let draft = Draft { extensions, ..efirma() };
        assert_eq!(unreadable(&draft.signed_by(issuing_key())), expected);
    }
    let old = Draft { version: 0, ..efirma() };
    assert_eq!(unreadable(&old.signed_by(issuing_key())), "not version 3");
}

#[test]
fn anothers_certificate_does_not_fit_the_signature() {
    let other = Key::p256();
    let same_name = Draft { spki: other.spki(), ..efirma() }.signed_by(issuing_key());
    assert_eq!(codes(&ask(&store(), &same_name)), ["F501"]);
}

#[test]
fn a_self_made_certificate_is_not_believed_however_often() {
    let key = Key::p256();
    let made_at_home = Draft { spki: key.spki(), ..efirma() }.signed_by(&key);
    let store = store();
    for _ in 0..3 {
        let answer = store.signer(MESSAGE, &key.sign(MESSAGE), &made_at_home, noon());
        assert_eq!(codes(&answer), ["F503"]);
    }
}
