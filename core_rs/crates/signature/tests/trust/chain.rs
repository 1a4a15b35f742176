//! A good chain and each broken link.

use descargo_signature::{CHAIN_DEPTH_MAX, ChainFault, SignatureProblem, TrustStore};

use crate::support::{
    Draft, Key, at, authority_key_id, basic_constraints, holder_key, issuing_key, key_usage,
    name_constraints, root_key, rsa_spki_of, subject_key_id, unknown_extension,
};
use crate::{ISSUING, MESSAGE, ROOT, ask, codes, efirma, issuing, root, store, store_of};

fn fault(store: &TrustStore, certificate: &[u8]) -> ChainFault {
    match ask(store, certificate).unwrap_err().as_slice() {
        [SignatureProblem::Chain(fault)] => fault.clone(),
        other => panic!("{other:?}"),
    }
}

fn store_with(issuing: &Draft) -> TrustStore {
    store_of(&[root().signed_by(root_key())], &[issuing.signed_by(root_key())])
}

fn certificate() -> Vec<u8> {
    efirma().signed_by(issuing_key())
}

#[test]
fn an_unknown_issuer_is_refused() {
    let store = store_of(&[root().signed_by(root_key())], &[]);
    assert_eq!(fault(&store, &certificate()), ChainFault::IssuerUnknown { issuer: ISSUING.into() });
}

#[test]
fn a_namesake_that_did_not_sign_is_refused() {
    let other = Key::p256();
    assert_eq!(
        fault(&store(), &efirma().signed_by(holder_key())),
        ChainFault::NotSignedByIssuer { issuer: ISSUING.into() }
    );
    assert_eq!(
        fault(&store(), &efirma().signed_by(&other)),
        ChainFault::SignatureAlgorithm { issuer: ISSUING.into() }
    );
    let intermediate = issuing().signed_by(&other);
    assert_eq!(
        fault(&store_of(&[root().signed_by(root_key())], &[intermediate]), &certificate()),
        ChainFault::NotAnchored { issuer: ISSUING.into() }
    );
}

#[test]
fn a_chain_to_another_root_is_refused() {
    let other = Key::p256();
    let draft = Draft::authority("AC raíz ajena", "AC raíz ajena", other.spki());
    let store = store_of(&[draft.signed_by(&other)], &[issuing().signed_by(root_key())]);
    assert!(matches!(fault(&store, &certificate()), ChainFault::NotAnchored { .. }));
}

#[test]
fn an_issuer_must_be_an_authority_that_signs_certificates() {
    let signing = || key_usage(&[0x06], 1);
    let authority = || basic_constraints(true, None);
    let not_authority = ChainFault::IssuerNotAuthority { issuer: ISSUING.into() };
    let may_not_sign = ChainFault::IssuerMayNotSign { issuer: ISSUING.into() };
    for (expected, extensions) in [
        (&not_authority, vec![basic_constraints(false, None), signing()]),
        (&not_authority, vec![signing()]),
        (&may_not_sign, vec![authority(), key_usage(&[0xC0], 6)]),
        (&may_not_sign, vec![authority()]),
    ] {
        let store = store_with(&Draft { extensions, ..issuing() });
        assert_eq!(fault(&store, &certificate()), *expected);
    }
}

#[test]
fn an_agency_cannot_issue_for_another() {
    let stolen = Draft { subject: issuing().subject, ..efirma() };
    let stolen = Draft { issuer: root().subject, spki: issuing_key().spki(), ..stolen };
    let answer = ask(&store_with(&stolen), &certificate());
    assert_eq!(codes(&answer), ["F503", "F503"], "neither CA nor keyCertSign: {answer:?}");
}

#[test]
fn roots_are_held_to_the_same_rules() {
    let extensions = vec![basic_constraints(true, None), key_usage(&[0xC0], 6)];
    let root = Draft { extensions, ..root() }.signed_by(root_key());
    let store = store_of(&[root], &[issuing().signed_by(root_key())]);
    assert_eq!(fault(&store, &certificate()), ChainFault::IssuerMayNotSign { issuer: ROOT.into() });
}

#[test]
fn an_authority_with_a_key_below_policy_issues_nothing() {
    let short = rsa_spki_of(&[&[0], [0xC1; 128].as_slice()].concat(), &[1, 0, 1]);
    let store = store_with(&Draft { spki: short, ..issuing() });
    assert!(matches!(fault(&store, &certificate()), ChainFault::IssuerKey { .. }));
}

#[test]
fn path_length_is_counted_in_authorities_below() {
    for (allowed, good) in [(0, false), (1, true)] {
        let extensions = vec![basic_constraints(true, Some(allowed)), key_usage(&[0x06], 1)];
        let root = Draft { extensions, ..root() }.signed_by(root_key());
        let store = store_of(&[root], &[issuing().signed_by(root_key())]);
        assert_eq!(ask(&store, &certificate()).is_ok(), good, "{allowed}");
        if !good {
            let expected = ChainFault::PathTooLong { issuer: ROOT.into(), allowed: 0, found: 1 };
            assert_eq!(fault(&store, &certificate()), expected);
        }
    }
    let extensions = vec![basic_constraints(true, Some(0)), key_usage(&[0x06], 1)];
    assert!(ask(&store_with(&Draft { extensions, ..issuing() }), &certificate()).is_ok());
}

#[test]
fn a_renewed_key_of_the_same_name_does_not_count_in_path_length() {
    for (allowed, good) in [(0, false), (1, true)] {
        let extensions = vec![basic_constraints(true, Some(allowed)), key_usage(&[0x06], 1)];
        let root = Draft { extensions, ..root() }.signed_by(root_key());
        let renewed = Key::p256();
        let rollover = Draft::authority(ROOT, ROOT, renewed.spki()).signed_by(root_key());
        let store = store_of(&[root], &[rollover, issuing().signed_by(&renewed)]);
        assert_eq!(ask(&store, &certificate()).is_ok(), good, "{allowed}");
    }
}

#[test]
fn an_issuer_must_hold_when_the_signature_is_made() {
    let draft = Draft {
        not_before: at("2026-01-01T00:00:00Z"),
        not_after: at("2026-06-30T23:59:59Z"),
        ..issuing()
    };
    let root = || root().signed_by(root_key());
    let short_issuing = store_of(&[root()], &[draft.signed_by(root_key())]);
    let short_root =
        Draft { not_before: draft.not_before, not_after: draft.not_after, ..crate::root() };
    let short_root =
        store_of(&[short_root.signed_by(root_key())], &[issuing().signed_by(root_key())]);
    let signature = holder_key().sign(MESSAGE);
    for store in [short_issuing, short_root] {
        for (moment, expected) in [
            ("2025-12-31T23:59:59Z", &["F503"][..]),
            ("2026-01-01T00:00:00Z", &[]),
            ("2026-06-30T23:59:59Z", &[]),
            ("2026-07-01T00:00:00Z", &["F503"]),
        ] {
            let answer = store.signer(MESSAGE, &signature, &certificate(), at(moment));
            assert_eq!(codes(&answer), expected, "{moment}");
        }
    }
}

#[test]
fn unknown_critical_extensions_are_refused_and_others_passed_over() {
    let add = |mut draft: Draft, critical| {
        draft.extensions.push(unknown_extension(critical));
        draft
    };
    let of_signer = |critical| add(efirma(), critical).signed_by(issuing_key());
    assert!(ask(&store(), &of_signer(false)).is_ok());
    assert!(matches!(
        fault(&store(), &of_signer(true)),
        ChainFault::CriticalExtension { oid, .. } if oid == "1.3.6.1.4.1.99999"
    ));
    assert!(ask(&store_with(&add(issuing(), false)), &certificate()).is_ok());
    assert!(matches!(
        fault(&store_with(&add(issuing(), true)), &certificate()),
        ChainFault::CriticalExtension { holder, .. } if holder == ISSUING
    ));
}

#[test]
fn name_constraints_are_not_passed_over() {
    let mut draft = issuing();
    draft.extensions.push(name_constraints());
    assert_eq!(
        fault(&store_with(&draft), &certificate()),
        ChainFault::NameConstraints { issuer: ISSUING.into() }
    );
}

#[test]
fn all_authorities_of_one_name_are_tried() {
    let others: Vec<Vec<u8>> = (0..3)
        .map(|_| Key::p256())
        .map(|key| Draft::authority(ROOT, ROOT, key.spki()).signed_by(&key))
        .collect();
    let good = root().signed_by(root_key());
    let intermediate = issuing().signed_by(root_key());
    for roots in
        [[&others[..], std::slice::from_ref(&good)].concat(), [&[good], &others[..]].concat()]
    {
        assert!(
            ask(&store_of(&roots, std::slice::from_ref(&intermediate)), &certificate()).is_ok()
        );
    }
}

#[test]
fn key_identifiers_are_only_a_hint() {
    let mut authority = issuing();
    authority.extensions.push(subject_key_id(&[1, 2, 3]));
    for id in [[1, 2, 3], [9, 9, 9]] {
        let mut draft = efirma();
        draft.extensions.push(authority_key_id(&id));
        assert!(ask(&store_with(&authority), &draft.signed_by(issuing_key())).is_ok());
    }
}

#[test]
fn a_cross_signed_authority_holds_while_one_way_holds() {
    let expired = Draft { not_after: at("2021-01-01T00:00:00Z"), serial: vec![3], ..issuing() };
    let intermediates = [expired.signed_by(root_key()), issuing().signed_by(root_key())];
    let root = root().signed_by(root_key());
    assert!(ask(&store_of(std::slice::from_ref(&root), &intermediates), &certificate()).is_ok());
    assert!(matches!(
        fault(&store_of(&[root], &intermediates[..1]), &certificate()),
        ChainFault::IssuerOutsideValidity { .. }
    ));
}

#[test]
fn authorities_of_every_kind_of_key_may_issue() {
    for key in [Key::p256(), Key::p384(), Key::ed25519()] {
        let draft = Draft { spki: key.spki(), ..issuing() };
        assert!(ask(&store_with(&draft), &efirma().signed_by(&key)).is_ok());
    }
}

#[test]
fn authorities_that_signed_each_other_lead_nowhere() {
    let (one, two) = (Key::p256(), Key::p256());
    let first = Draft::authority("AC uno", "AC dos", one.spki()).signed_by(&two);
    let second = Draft::authority("AC dos", "AC uno", two.spki()).signed_by(&one);
    let store = store_of(&[root().signed_by(root_key())], &[first, second]);
    let certificate = Draft::efirma("AC uno", holder_key().spki()).signed_by(&one);
    assert!(matches!(fault(&store, &certificate), ChainFault::NotAnchored { .. }));
}

#[test]
fn the_longest_chain_is_taken_and_one_more_is_not() {
    for (authorities, good) in [(CHAIN_DEPTH_MAX, true), (CHAIN_DEPTH_MAX + 1, false)] {
        let keys: Vec<Key> = (0..authorities).map(|_| Key::p256()).collect();
        let name = |level: usize| format!("AC nivel {level}");
        let mut ders: Vec<Vec<u8>> = (0..authorities)
            .map(|level| {
                let above = level.saturating_sub(1);
                let draft = Draft::authority(&name(level), &name(above), keys[level].spki());
                draft.signed_by(&keys[above])
            })
            .collect();
        let intermediates = ders.split_off(1);
        let last = authorities - 1;
        let certificate = Draft::efirma(&name(last), holder_key().spki()).signed_by(&keys[last]);
        let answer = ask(&store_of(&ders, &intermediates), &certificate);
        assert_eq!(answer.is_ok(), good, "{authorities} authorities: {answer:?}");
    }
}
