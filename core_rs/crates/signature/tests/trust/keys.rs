//! The one accepted form of each key, and the policy for RSA.

use descargo_signature::Algorithm::{self, RsaPkcs1Sha256};
use descargo_signature::Algorithm::{EcdsaP256Sha256, EcdsaP256Sha256P1363, Ed25519};
use descargo_signature::verify_raw;

use crate::MESSAGE;
use crate::support::{Key, bit_string, holder_key, oid, rsa_spki_of, sequence, spki, tlv};

const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];

fn reason(algorithm: Algorithm, spki: &[u8]) -> String {
    verify_raw(algorithm, spki, MESSAGE, &[0; 64]).unwrap_err().to_string()
}

/// A modulus of that many bits, odd, as an INTEGER's content.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xFF; bits.div_ceil(8)];
    bytes[0] = 0xFF >> ((8 - bits % 8) % 8);
    if bytes[0] >= 0x80 { [&[0], &bytes[..]].concat() } else { bytes }
}

fn key_bits(spki: &[u8]) -> Vec<u8> {
    match spki.len() {
        91 => spki[26..].to_vec(),
        _ => panic!("not P-256"),
    }
}

#[test]
fn algorithms_are_read_by_the_name_they_print() {
    for algorithm in [RsaPkcs1Sha256, EcdsaP256Sha256, EcdsaP256Sha256P1363, Ed25519] {
        assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
    }
    assert_eq!(Algorithm::parse("rsa-pkcs1-sha1"), None);
    assert_eq!(Algorithm::parse("ED25519"), None);
}

#[test]
fn rsa_keys_are_within_policy() {
    let e = &[1, 0, 1];
    let of = |bits: usize| reason(RsaPkcs1Sha256, &rsa_spki_of(&modulus(bits), e));
    assert_eq!(of(1024), "key below policy: RSA of 1024 bits, at least 2048");
    assert_eq!(of(2047), "key below policy: RSA of 2047 bits, at least 2048");
    assert_eq!(of(2048), "signature does not verify");
    assert_eq!(of(8192), "signature does not verify");
    assert_eq!(of(8193), "key above policy: RSA of 8193 bits, at most 8192");
    let with = |exponent: &[u8]| reason(RsaPkcs1Sha256, &rsa_spki_of(&modulus(2048), exponent));
    assert_eq!(with(&[3]), "key below policy: RSA exponent of 3, at least 65537");
    assert_eq!(with(&[0, 0xFF, 0xFF]), "key below policy: RSA exponent of 65535, at least 65537");
    assert_eq!(with(&[1, 0, 1]), "signature does not verify");
    assert_eq!(with(&[0, 0xFF, 0xFF, 0xFF, 0xFF]), "signature does not verify");
    assert_eq!(with(&[1, 0, 2]), "key below policy: RSA exponent is even");
    assert_eq!(with(&[1, 0, 0, 0, 1]), "key above policy: RSA exponent of more than 32 bits");
    let mut even = modulus(2048);
    *even.last_mut().unwrap() = 0xFE;
    assert_eq!(
        reason(RsaPkcs1Sha256, &rsa_spki_of(&even, e)),
        "key unreadable: RSA modulus is even"
    );
}

#[test]
fn rsa_parameters_are_null() {
    let Key::Rsa(pair) = holder_key() else { panic!("RSA") };
    let pkcs1 = aws_lc_rs::signature::KeyPair::public_key(&**pair).as_ref();
    let signature = holder_key().sign(MESSAGE);
    let check = |parameters: &[u8]| {
        let spki = spki(&sequence(&[&oid(RSA), parameters]), pkcs1);
        verify_raw(RsaPkcs1Sha256, &spki, MESSAGE, &signature)
    };
    assert_eq!(check(&[5, 0]), Ok(()));
    for refused in [&[][..], &[5, 1, 0], &[5, 0, 5, 0], &[2, 1, 0]] {
        let error = check(refused).unwrap_err().to_string();
        assert_eq!(error, "key unreadable: RSA parameters are not NULL", "{refused:?}");
    }
}

#[test]
fn p256_keys_are_uncompressed_points_of_the_named_curve() {
    let key = Key::p256();
    let point = key_bits(&key.spki());
    let named = sequence(&[&oid(EC), &oid(P256)]);
    let signature = key.sign(MESSAGE);
    assert_eq!(verify_raw(EcdsaP256Sha256, &spki(&named, &point), MESSAGE, &signature), Ok(()));
    let odd = 2 + (point[64] & 1);
    let compressed = [&[odd], &point[1..33]].concat();
    let off_curve = [&point[..64], &[point[64] ^ 1]].concat();
    let hybrid = [&[4 + odd], &point[1..]].concat();
    let unreadable = "key unreadable: point is not uncompressed or has another length";
    for (expected, algorithm, key) in [
        ("key not supported: point is compressed", &named, compressed),
        ("key unreadable: not a key of its kind", &named, off_curve),
        (unreadable, &named, hybrid),
        (unreadable, &named, vec![0]),
        (unreadable, &named, point[..64].to_vec()),
        (
            "key not supported: curve is not the named P-256 or P-384",
            &sequence(&[&oid(EC)]),
            point.clone(),
        ),
        (
            "key not supported: curve is not the named P-256 or P-384",
            &sequence(&[&oid(EC), &oid(&[0x2B, 0x81, 0x04, 0x00, 0x0A])]),
            point.clone(),
        ),
    ] {
        assert_eq!(reason(EcdsaP256Sha256, &spki(algorithm, &key)), expected);
    }
}

#[test]
fn ed25519_keys_carry_no_parameters() {
    let key = Key::ed25519();
    let Key::Ed25519(pair) = &key else { panic!("Ed25519") };
    let public = aws_lc_rs::signature::KeyPair::public_key(pair).as_ref();
    let id = oid(&[0x2B, 0x65, 0x70]);
    let signature = key.sign(MESSAGE);
    let check = |algorithm: &[u8], public: &[u8]| {
        verify_raw(Ed25519, &spki(algorithm, public), MESSAGE, &signature)
    };
    assert_eq!(check(&sequence(&[&id]), public), Ok(()));
    assert!(check(&sequence(&[&id, &[5, 0]]), public).is_err());
    assert!(check(&sequence(&[&id]), &public[..31]).is_err());
}

/// The neutral point, R neutral and S zero: without the refusal this signs every message.
#[test]
fn ed25519_keys_of_small_order_are_refused() {
    let id = sequence(&[&oid(&[0x2B, 0x65, 0x70])]);
    let (zero, neutral) = ([0; 32], std::array::from_fn(|place| u8::from(place == 0)));
    let minus_one = [&[0xEC], &[0xFF; 30][..], &[0x7F]].concat().try_into().unwrap();
    let not_reduced = [&[0xEE], &[0xFF; 30][..], &[0x7F]].concat().try_into().unwrap();
    for mut key in [zero, neutral, minus_one, not_reduced] {
        for _ in 0..2 {
            let signature = [&neutral[..], &[0; 32]].concat();
            let error = verify_raw(Ed25519, &spki(&id, &key), MESSAGE, &signature).unwrap_err();
            assert_eq!(error.to_string(), "key not supported: Ed25519 key of small order");
            key[31] ^= 0x80;
        }
    }
}

#[test]
fn the_algorithm_must_match_the_key() {
    for (algorithm, key) in [
        (EcdsaP256Sha256, holder_key()),
        (Ed25519, holder_key()),
        (RsaPkcs1Sha256, &Key::p256()),
        (RsaPkcs1Sha256, &Key::p384()),
        (EcdsaP256Sha256, &Key::p384()),
        (EcdsaP256Sha256P1363, &Key::ed25519()),
    ] {
        let signature = key.sign(MESSAGE);
        let error = verify_raw(algorithm, &key.spki(), MESSAGE, &signature).unwrap_err();
        assert!(error.to_string().starts_with("algorithm `"), "{error}");
    }
}

#[test]
fn a_key_is_strict_der_with_nothing_left_over() {
    let good = Key::p256();
    let (der, signature) = (good.spki(), good.sign(MESSAGE));
    let named = sequence(&[&oid(EC), &oid(P256)]);
    let point = bit_string(&key_bits(&der));
    let long_form = [&[0x30, 0x82, 0x00, 0x59], &der[2..]].concat();
    let unused_bits = sequence(&[&named, &tlv(3, &[&[1], &key_bits(&der)[..]].concat())]);
    for damaged in [
        [&der[..], &[0]].concat(),
        sequence(&[&named, &point, &[5, 0]]),
        sequence(&[&sequence(&[&oid(EC), &oid(P256), &[5, 0]]), &point]),
        long_form,
        unused_bits,
    ] {
        assert!(verify_raw(EcdsaP256Sha256, &damaged, MESSAGE, &signature).is_err());
    }
    for length in 0..der.len() {
        assert!(verify_raw(EcdsaP256Sha256, &der[..length], MESSAGE, &signature).is_err());
    }
}
