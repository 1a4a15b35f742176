//! Project Wycheproof's vectors against the function the lane's path uses.
//!
//! `valid` must be accepted and `invalid` refused. `acceptable` marks RSA signatures whose
//! DigestInfo lacks the NULL parameter: RFC 8017 (8.2.2, note 2) lets a checker take them, and we
//! do not, because a signature should have one encoding only.
//!
//! Some valid vectors use the exponent 3, which our policy refuses; exactly those, with exactly
//! that reason, are counted apart.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use descargo_signature::{Algorithm, SignatureError, verify_raw};
use wycheproof::TestResult;

/// Vectors of one file: the key, the message, the signature, what is expected and a name.
struct Vector {
    spki: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
    expected: TestResult,
    name: String,
}

/// Runs `count` vectors. How many valid vectors were refused for the exponent alone.
fn check(algorithm: Algorithm, vectors: &[Vector], count: usize) -> usize {
    assert_eq!(vectors.len(), count);
    let (mut accepted, mut exponent_3) = (Vec::new(), Vec::new());
    for vector in vectors {
        let got = verify_raw(algorithm, &vector.spki, &vector.message, &vector.signature);
        match (vector.expected, got) {
            (TestResult::Valid, Ok(())) => accepted.push(vector),
            (TestResult::Valid, Err(SignatureError::RsaExponentTooSmall { exponent: 3 })) => {
                exponent_3.push(vector);
            }
            (TestResult::Valid, Err(error)) => panic!("{}: {error}", vector.name),
            (TestResult::Invalid | TestResult::Acceptable, got) => {
                assert!(got.is_err(), "accepted: {}", vector.name);
            }
        }
    }
    assert!(!accepted.is_empty(), "a refusal of everything would pass");
    exponent_3.len()
}

macro_rules! vectors {
    ($module:ident, $set:ident) => {{
        let set = wycheproof::$module::TestSet::load(wycheproof::$module::TestName::$set).unwrap();
        let mut vectors = Vec::new();
        for group in &set.test_groups {
            for test in &group.tests {
                vectors.push(Vector {
                    spki: group.der.to_vec(),
                    message: test.msg.to_vec(),
                    signature: test.sig.to_vec(),
                    expected: test.result,
                    name: format!("{} {}: {}", stringify!($set), test.tc_id, test.comment),
                });
            }
        }
        vectors
    }};
}

#[test]
fn rsa_pkcs1_vectors() {
    let algorithm = Algorithm::RsaPkcs1Sha256;
    assert_eq!(check(algorithm, &vectors!(rsa_pkcs1_verify, Rsa2048Sha256), 259), 2);
    assert_eq!(check(algorithm, &vectors!(rsa_pkcs1_verify, Rsa3072Sha256), 259), 1);
    assert_eq!(check(algorithm, &vectors!(rsa_pkcs1_verify, Rsa4096Sha256), 258), 0);
    assert_eq!(check(algorithm, &vectors!(rsa_pkcs1_verify, Rsa8192Sha256), 258), 0);
}

#[test]
fn ecdsa_p256_vectors() {
    assert_eq!(check(Algorithm::EcdsaP256Sha256, &vectors!(ecdsa, EcdsaSecp256r1Sha256), 484), 0);
    let algorithm = Algorithm::EcdsaP256Sha256P1363;
    assert_eq!(check(algorithm, &vectors!(ecdsa, EcdsaSecp256r1Sha256P1363), 262), 0);
}

#[test]
fn ed25519_vectors() {
    assert_eq!(check(Algorithm::Ed25519, &vectors!(eddsa, Ed25519), 151), 0);
}

/// Valid signatures with another hash or on another curve must not pass under our names.
#[test]
fn vectors_of_other_algorithms_are_refused() {
    for (algorithm, vectors) in [
        (Algorithm::RsaPkcs1Sha256, vectors!(rsa_pkcs1_verify, Rsa2048Sha512)),
        (Algorithm::EcdsaP256Sha256, vectors!(ecdsa, EcdsaSecp256r1Sha512)),
        (Algorithm::EcdsaP256Sha256, vectors!(ecdsa, EcdsaSecp256k1Sha256)),
        (Algorithm::EcdsaP256Sha256, vectors!(ecdsa, EcdsaSecp384r1Sha256)),
        (Algorithm::EcdsaP256Sha256P1363, vectors!(ecdsa, EcdsaSecp256r1Sha256)),
        (Algorithm::RsaPkcs1Sha256, vectors!(eddsa, Ed25519)),
        (Algorithm::Ed25519, vectors!(ecdsa, EcdsaSecp256r1Sha256)),
    ] {
        // The invalid ones of one hash are at times valid ones of ours.
        for vector in vectors.iter().filter(|vector| vector.expected == TestResult::Valid) {
            let got = verify_raw(algorithm, &vector.spki, &vector.message, &vector.signature);
            assert!(got.is_err(), "{}", vector.name);
        }
    }
}
