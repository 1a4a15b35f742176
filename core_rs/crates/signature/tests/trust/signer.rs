//! Good signers, and what keeps a good chain's certificate from signing permits.

use descargo_signature::{ProfileFault, Revocation, RevokedCertificate, SignatureProblem};
use descargo_signature::{TrustStore, verify_raw};

use crate::support::{
    BMP, Draft, Key, PRINTABLE, T61, UTF8, at, basic_constraints, holder_key, issuing_key,
    key_usage, name, root_key, rsa_spki_of,
};
use crate::{MESSAGE, ask, ask_with, codes, efirma, issuing, noon, root, store, store_of};

#[test]
fn a_good_chain_names_its_signer() {
    let signer = ask(&store(), &efirma().signed_by(issuing_key())).unwrap();
    assert_eq!(signer.rfc, "AFP200101AB1");
    assert_eq!(signer.representative_rfc.as_deref(), Some("XAXX800101AB2"));
    assert_eq!(signer.curp.as_deref(), Some("XAXX800101HDFXXX05"));
    assert_eq!(signer.name, "AGENCIA FICTICIA DE PRUEBAS");
    assert_eq!(signer.number, "30001000000400002335");
    assert_eq!(signer.not_before, at("2024-01-01T00:00:00Z"));
    assert_eq!(signer.not_after, at("2027-12-31T23:59:59Z"));
}

#[test]
fn names_survive_in_every_string_type() {
    let bmp: Vec<u8> = "Ñ&A800101AB2".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let latin: Vec<u8> = [&[0xD1], &b"&A800101AB2"[..]].concat();
    let utf8 = "Ñ&A800101AB2".as_bytes();
    for (tag, rfc) in
        [(UTF8, utf8), (PRINTABLE, utf8), (PRINTABLE, &latin), (T61, &latin), (BMP, &bmp)]
    {
        let subject = name(&[(3, tag, rfc), (45, tag, rfc)]);
        let certificate = Draft { subject, ..efirma() }.signed_by(issuing_key());
        let signer = ask(&store(), &certificate).unwrap();
        assert_eq!(signer.rfc, "Ñ&A800101AB2");
        assert_eq!(signer.name, "Ñ&A800101AB2");
        assert_eq!((signer.representative_rfc, signer.curp), (None, None));
    }
}

#[test]
fn a_serial_of_other_bytes_is_shown_in_hex() {
    let certificate = Draft { serial: vec![0x0A, 0xFF], ..efirma() }.signed_by(issuing_key());
    assert_eq!(ask(&store(), &certificate).unwrap().number, "0aff");
}

#[test]
fn p256_and_ed25519_sign_as_well() {
    for key in [Key::p256(), Key::ed25519()] {
        let certificate = Draft { spki: key.spki(), ..efirma() }.signed_by(issuing_key());
        let store = store();
        assert!(ask_with(&store, &certificate, &key).is_ok());
        assert_eq!(codes(&ask(&store, &certificate)), ["F501"], "another key");
    }
}

#[test]
fn the_root_itself_may_issue() {
    let certificate = Draft::efirma(crate::ROOT, holder_key().spki()).signed_by(root_key());
    assert!(ask(&store(), &certificate).is_ok());
}

#[test]
fn a_known_certificate_is_judged_anew_by_moment_and_message() {
    let store = store();
    let certificate = efirma().signed_by(issuing_key());
    let signature = holder_key().sign(MESSAGE);
    let signer = |message: &[u8], when: &str| {
        codes(&store.signer(message, &signature, &certificate, at(when)))
    };
    for _ in 0..2 {
        assert!(signer(MESSAGE, "2024-01-01T00:00:00Z").is_empty(), "first valid second");
        assert_eq!(signer(MESSAGE, "2023-12-31T23:59:59Z"), ["F502"], "second before");
        assert!(signer(MESSAGE, "2027-12-31T23:59:59Z").is_empty(), "last valid second");
        assert_eq!(signer(MESSAGE, "2028-01-01T00:00:00Z"), ["F502"], "second after");
        assert_eq!(signer(b"another", "2026-01-01T00:00:00Z"), ["F501"]);
    }
}

#[test]
fn a_revocation_binds_from_its_second_on() {
    let certificate = efirma().signed_by(issuing_key());
    let intermediate = issuing().signed_by(root_key());
    let sha256 = |der: &[u8]| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
        RevokedCertificate::Sha256(digest.as_ref().try_into().unwrap())
    };
    let serial = |digits: &str| RevokedCertificate::SerialDigits(digits.to_owned());
    for revoked in [
        serial("30001000000400002335"),
        sha256(&certificate),
        serial("02"),
        sha256(&intermediate),
        sha256(&root().signed_by(root_key())),
    ] {
        let revocation =
            |at| Revocation { certificate: revoked.clone(), at, reason: "loss".into() };
        let store_revoking = |at| {
            // The later of two revocations must not hide the earlier one.
            let both = vec![revocation(at), revocation(at + 9)];
            TrustStore::new(vec![root().signed_by(root_key())], vec![intermediate.clone()], both)
        };
        let earlier = store_revoking(noon()).unwrap();
        assert_eq!(codes(&ask(&earlier, &certificate)), ["F504"], "{revoked:?}");
        assert_eq!(codes(&ask(&earlier, &certificate)), ["F504"], "remembered, {revoked:?}");
        assert!(ask(&store_revoking(noon() + 1).unwrap(), &certificate).is_ok(), "{revoked:?}");
    }
}

#[test]
fn what_is_no_efirma_is_refused() {
    let plain = |attributes: &[(u8, u8, &[u8])]| Draft { subject: name(attributes), ..efirma() };
    let rfc = (45, PRINTABLE, &b"AFP200101AB1"[..]);
    let with = |extensions| Draft { extensions, ..efirma() };
    let leaf = || basic_constraints(false, None);
    for (fault, draft) in [
        (ProfileFault::InvoiceSeal, plain(&[rfc, (11, UTF8, b"SUCURSAL")])),
        (ProfileFault::RfcMissing, plain(&[(3, UTF8, b"SIN RFC")])),
        (ProfileFault::RfcUnreadable, plain(&[(45, PRINTABLE, b"AFP201301AB1")])),
        (ProfileFault::RfcUnreadable, plain(&[(45, 0x03, b"\0AFP200101AB1")])),
        (ProfileFault::RfcRepeated, plain(&[rfc, rfc])),
        (ProfileFault::KeyUsage, with(vec![leaf(), key_usage(&[0x80], 7)])),
        (ProfileFault::KeyUsage, with(vec![leaf(), key_usage(&[0x40], 6)])),
        (ProfileFault::Authority, with(vec![leaf(), key_usage(&[0xC4], 2)])),
        (ProfileFault::Authority, with(vec![basic_constraints(true, None)])),
    ] {
        let problems = ask(&store(), &draft.signed_by(issuing_key())).unwrap_err();
        assert_eq!(problems, [SignatureProblem::NotEfirma(fault)]);
    }
}

#[test]
fn a_missing_key_usage_is_no_fault_of_an_efirma() {
    for extensions in [vec![], vec![basic_constraints(false, None), key_usage(&[0xC0], 6)]] {
        let certificate = Draft { extensions, ..efirma() }.signed_by(issuing_key());
        assert!(ask(&store(), &certificate).is_ok());
    }
}

#[test]
fn a_key_below_policy_is_refused() {
    let p384 = Key::p384();
    let short = rsa_spki_of(&[&[0], [0xC1; 128].as_slice()].concat(), &[1, 0, 1]);
    for spki in [short, p384.spki()] {
        let certificate = Draft { spki, ..efirma() }.signed_by(issuing_key());
        let answer = ask_with(&store(), &certificate, &p384);
        assert_eq!(codes(&answer), ["F507"]);
        assert!(!answer.unwrap_err()[0].declared().is_empty());
    }
}

#[test]
fn everything_is_said_in_one_go() {
    let csd = name(&[(45, PRINTABLE, b"not an RFC"), (11, UTF8, b"SUCURSAL")]);
    let draft = Draft { subject: csd, issuer: name(&[(3, UTF8, b"AC ajena")]), ..efirma() };
    let revocation = Revocation {
        certificate: RevokedCertificate::SerialDigits("30001000000400002335".into()),
        at: 0,
        reason: "loss".into(),
    };
    let store = TrustStore::new(vec![root().signed_by(root_key())], vec![], vec![revocation]);
    let certificate = draft.signed_by(issuing_key());
    let late = at("2030-01-01T00:00:00Z");
    let answer = store.unwrap().signer(MESSAGE, b"no signature", &certificate, late);
    assert_eq!(codes(&answer), ["F501", "F502", "F503", "F504", "F505", "F505"]);
    let problems = answer.unwrap_err();
    assert_eq!(problems[1].declared(), "2030-01-01T00:00:00Z");
    assert_eq!(problems[1].granted(), "2024-01-01T00:00:00Z to 2027-12-31T23:59:59Z");
    assert_eq!(problems[2].declared(), "issuer `AC ajena` is not known");
    assert_eq!(
        problems[3].granted(),
        "certificate 30001000000400002335 before 1970-01-01T00:00:00Z"
    );
    assert_eq!(problems[4].granted(), "e.firma");
}

#[test]
fn the_bare_check_and_the_store_agree() {
    let signature = holder_key().sign(MESSAGE);
    let spki = holder_key().spki();
    let algorithm = descargo_signature::Algorithm::RsaPkcs1Sha256;
    assert_eq!(verify_raw(algorithm, &spki, MESSAGE, &signature), Ok(()));
    let only_root = store_of(&[root().signed_by(root_key())], &[]);
    assert_eq!(codes(&ask(&only_root, &efirma().signed_by(issuing_key()))), ["F503"]);
}
