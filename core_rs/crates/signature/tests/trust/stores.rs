//! Building a store: bundles, limits and what an operator is told.

use descargo_signature::{AUTHORITIES_MAX, Revocation, RevokedCertificate};
use descargo_signature::{TrustError, TrustStore, certificates_from_pem};

use crate::root;
use crate::support::root_key;

fn pem(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for (place, group) in der.chunks(3).enumerate() {
        let bytes = [group[0], *group.get(1).unwrap_or(&0), *group.get(2).unwrap_or(&0)];
        let word = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        for digit in 0..4 {
            let index = usize::try_from(word >> (18 - 6 * digit) & 63).unwrap();
            let padded = digit > group.len();
            text.push(if padded { '=' } else { char::from(ALPHABET[index]) });
        }
        if place % 16 == 15 {
            text.push('\n');
        }
    }
    format!("{text}\n-----END {label}-----\n")
}

#[test]
fn a_store_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<TrustStore>();
}

#[test]
fn a_bundle_gives_its_certificates_in_order() {
    let (first, second) = (vec![0x30, 0x01, 0x05], root().signed_by(root_key()));
    let bundle =
        format!("a comment\n{}\n{}", pem("CERTIFICATE", &first), pem("CERTIFICATE", &second));
    assert_eq!(certificates_from_pem(bundle.as_bytes()), Ok(vec![first.clone(), second.clone()]));
    let windows = bundle.replace('\n', "\r\n");
    assert_eq!(certificates_from_pem(windows.as_bytes()), Ok(vec![first, second]));
}

#[test]
fn a_bundle_of_anything_else_is_refused() {
    let certificate = pem("CERTIFICATE", &[0x30, 0x00]);
    let key = pem("PRIVATE KEY", &[0x30, 0x00]);
    assert_eq!(certificates_from_pem(b""), Err(TrustError::NoCertificate));
    assert_eq!(certificates_from_pem(&[0x30, 0x82, 1, 2]), Err(TrustError::NoCertificate));
    assert_eq!(
        certificates_from_pem(format!("{certificate}{key}").as_bytes()),
        Err(TrustError::ForeignSection)
    );
    let damaged = certificate.replace("-----END CERTIFICATE-----", "");
    assert!(matches!(certificates_from_pem(damaged.as_bytes()), Err(TrustError::Pem(_))));
}

#[test]
fn a_store_needs_readable_authorities_within_the_limit() {
    let root = root().signed_by(root_key());
    let new = |roots: &[Vec<u8>], intermediates: &[Vec<u8>]| {
        TrustStore::new(roots.to_vec(), intermediates.to_vec(), vec![]).map(|_| ()).unwrap_err()
    };
    assert_eq!(new(&[], std::slice::from_ref(&root)), TrustError::NoRoots);
    let count = AUTHORITIES_MAX + 1;
    assert_eq!(new(&vec![root.clone(); count], &[]), TrustError::TooManyAuthorities { count });
    let error = new(std::slice::from_ref(&root), &[root.clone(), root[1..].to_vec()]);
    assert!(matches!(error, TrustError::Unreadable { kind: "intermediate", position: 2, .. }));
    assert!(TrustStore::new(vec![root; AUTHORITIES_MAX], vec![], vec![]).is_ok());
}

#[test]
fn a_revocation_that_could_never_match_is_refused() {
    let root = root().signed_by(root_key());
    for (serial, good) in [
        ("30001000000400002335", true),
        ("0AFF", true),
        ("", false),
        ("3000100000040000233", false),
        ("30001000000400002335 ", false),
        ("0a:ff", false),
    ] {
        let certificate = RevokedCertificate::SerialDigits(serial.to_owned());
        let revocation = Revocation { certificate, at: 0, reason: String::new() };
        let store = TrustStore::new(vec![root.clone()], vec![], vec![revocation]);
        let expected = (!good).then_some(TrustError::RevokedSerial { position: 1 });
        assert_eq!(store.err(), expected, "{serial}");
    }
}
