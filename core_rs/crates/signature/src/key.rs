//! Keys and the bare check of one signature: the function the lane's path uses and outside vectors
//! are run against.
//!
//! A key is read from its SubjectPublicKeyInfo byte by byte, and each kind has one accepted form:
//! - RSA: parameters NULL. RFC 3279 (2.3.1) and RFC 4055 (1.2) say they MUST be NULL in a key; the
//!   leniency towards absent ones is for signature algorithms only.
//! - P-256 and P-384: named curve, uncompressed point. RFC 5480 leaves compressed points optional;
//!   one key with two encodings would have two fingerprints, so they are refused.
//! - Ed25519: parameters absent (RFC 8410), and no point of small order.

use aws_lc_rs::signature as lc;
use aws_lc_rs::signature::{ParsedPublicKey, VerificationAlgorithm};

use crate::der::{DerFault, NULL, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use crate::small_order::is_small_order;

/// NIST SP 800-131A: below 2048 bits RSA is no longer acceptable.
const RSA_BITS_MIN: usize = 2_048;
/// Above it a check costs milliseconds; nobody issues such e.firmas.
const RSA_BITS_MAX: usize = 8_192;
/// FIPS 186-5: smaller exponents turn padding mistakes into forgeries.
const RSA_EXPONENT_MIN: u32 = 65_537;

const OID_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const OID_EC: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const OID_ED25519: &[u8] = &[0x2B, 0x65, 0x70];
const CURVE_P256: &[u8] = &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const CURVE_P384: &[u8] = &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22];

/// How a message is signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// ECDSA on P-256 with SHA-256, the signature in DER.
    EcdsaP256Sha256,
    /// ECDSA on P-256 with SHA-256, the signature as 64 bytes (IEEE P1363).
    EcdsaP256Sha256P1363,
    /// Ed25519 without context.
    Ed25519,
}

impl Algorithm {
    /// The algorithm of this name, if we know it.
    pub fn parse(name: &str) -> Option<Algorithm> {
        match name {
            "rsa-pkcs1-sha256" => Some(Algorithm::RsaPkcs1Sha256),
            "ecdsa-p256-sha256" => Some(Algorithm::EcdsaP256Sha256),
            "ecdsa-p256-sha256-p1363" => Some(Algorithm::EcdsaP256Sha256P1363),
            "ed25519" => Some(Algorithm::Ed25519),
            _ => None,
        }
    }

    /// The name that [`Algorithm::parse`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Algorithm::EcdsaP256Sha256 => "ecdsa-p256-sha256",
            Algorithm::EcdsaP256Sha256P1363 => "ecdsa-p256-sha256-p1363",
            Algorithm::Ed25519 => "ed25519",
        }
    }
}

/// Why a signature is not believed. The texts are stable: they are compared from outside.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    /// The key's bytes are not what their kind prescribes.
    #[error("key unreadable: {0}")]
    KeyUnreadable(&'static str),
    /// The key is of a kind, curve or encoding that we do not take.
    #[error("key not supported: {0}")]
    KeyNotSupported(&'static str),
    /// The RSA modulus is too short to be safe.
    #[error("key below policy: RSA of {bits} bits, at least {RSA_BITS_MIN}")]
    RsaTooShort {
        /// Length of the modulus.
        bits: usize,
    },
    /// The RSA modulus is too long to be checked in time.
    #[error("key above policy: RSA of {bits} bits, at most {RSA_BITS_MAX}")]
    RsaTooLong {
        /// Length of the modulus.
        bits: usize,
    },
    /// The RSA exponent is too small to be safe.
    #[error("key below policy: RSA exponent of {exponent}, at least {RSA_EXPONENT_MIN}")]
    RsaExponentTooSmall {
        /// The public exponent.
        exponent: u32,
    },
    /// An even exponent belongs to no RSA key.
    #[error("key below policy: RSA exponent is even")]
    RsaExponentEven,
    /// The RSA exponent is longer than anybody needs, which only costs us time.
    #[error("key above policy: RSA exponent of more than 32 bits")]
    RsaExponentTooLong,
    /// The signature is said to be of a kind that this key cannot make.
    #[error("algorithm `{}` does not match the key, which is {key}", algorithm.name())]
    AlgorithmMismatch {
        /// What was asked for.
        algorithm: Algorithm,
        /// The kind of the key.
        key: &'static str,
    },
    /// Key and form are fine, but this signature is not of this message by this key.
    #[error("signature does not verify")]
    DoesNotVerify,
}

/// Checks one signature of one message with the key in `spki_der`, a SubjectPublicKeyInfo.
///
/// The trust store takes the same two steps and only keeps the first one's result per certificate.
pub fn verify_raw(
    algorithm: Algorithm,
    spki_der: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    PublicKey::from_spki(spki_der)?.verifier(algorithm)?.verify(message, signature)
}

/// A key that is ready to check signatures.
#[derive(Debug)]
pub(crate) struct Verifier {
    key: ParsedPublicKey,
}

impl Verifier {
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.key.verify_sig(message, signature).map_err(|_| SignatureError::DoesNotVerify)
    }
}

/// A public key within policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PublicKey {
    /// The RSAPublicKey structure in DER.
    Rsa(Vec<u8>),
    /// The uncompressed point.
    P256(Vec<u8>),
    /// The uncompressed point. Authorities only.
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    pub(crate) fn from_spki(spki_der: &[u8]) -> Result<PublicKey, SignatureError> {
        let spki = Spki::read(spki_der).map_err(SignatureError::KeyUnreadable)?;
        match (spki.algorithm, spki.parameters) {
            (OID_RSA, parameters) if parameters == NULL => rsa(spki.key),
            (OID_RSA, _) => Err(SignatureError::KeyUnreadable("RSA parameters are not NULL")),
            (OID_EC, CURVE_P256) => point(spki.key, 32).map(PublicKey::P256),
            (OID_EC, CURVE_P384) => point(spki.key, 48).map(PublicKey::P384),
            (OID_EC, _) => {
                Err(SignatureError::KeyNotSupported("curve is not the named P-256 or P-384"))
            }
            (OID_ED25519, []) => ed25519(spki.key),
            (OID_ED25519, _) => {
                Err(SignatureError::KeyUnreadable("Ed25519 key carries parameters"))
            }
            _ => Err(SignatureError::KeyNotSupported("not RSA, P-256 or Ed25519")),
        }
    }

    /// The one algorithm a signer with this key uses; the key decides it, the sender never does.
    pub(crate) fn algorithm(&self) -> Result<Algorithm, SignatureError> {
        match self {
            PublicKey::Rsa(_) => Ok(Algorithm::RsaPkcs1Sha256),
            PublicKey::P256(_) => Ok(Algorithm::EcdsaP256Sha256),
            PublicKey::Ed25519(_) => Ok(Algorithm::Ed25519),
            PublicKey::P384(_) => {
                Err(SignatureError::KeyNotSupported("P-384 signs certificates only"))
            }
        }
    }

    pub(crate) fn verifier(&self, algorithm: Algorithm) -> Result<Verifier, SignatureError> {
        let how: &'static dyn VerificationAlgorithm = match (self, algorithm) {
            (PublicKey::Rsa(_), Algorithm::RsaPkcs1Sha256) => &lc::RSA_PKCS1_2048_8192_SHA256,
            (PublicKey::P256(_), Algorithm::EcdsaP256Sha256) => &lc::ECDSA_P256_SHA256_ASN1,
            (PublicKey::P256(_), Algorithm::EcdsaP256Sha256P1363) => &lc::ECDSA_P256_SHA256_FIXED,
            (PublicKey::Ed25519(_), Algorithm::Ed25519) => &lc::ED25519,
            (key, algorithm) => {
                return Err(SignatureError::AlgorithmMismatch { algorithm, key: key.kind() });
            }
        };
        self.verifier_with(how)
    }

    pub(crate) fn verifier_with(
        &self,
        how: &'static dyn VerificationAlgorithm,
    ) -> Result<Verifier, SignatureError> {
        match ParsedPublicKey::new(how, self.bytes()) {
            Ok(key) => Ok(Verifier { key }),
            Err(_) => Err(SignatureError::KeyUnreadable("not a key of its kind")),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            PublicKey::Rsa(_) => "RSA",
            PublicKey::P256(_) => "P-256",
            PublicKey::P384(_) => "P-384",
            PublicKey::Ed25519(_) => "Ed25519",
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            PublicKey::Rsa(bytes)
            | PublicKey::P256(bytes)
            | PublicKey::P384(bytes)
            | PublicKey::Ed25519(bytes) => bytes,
        }
    }
}

struct Spki<'a> {
    algorithm: &'a [u8],
    parameters: &'a [u8],
    key: &'a [u8],
}

impl<'a> Spki<'a> {
    fn read(der: &'a [u8]) -> Result<Spki<'a>, DerFault> {
        let mut outer = Reader::new(der);
        let mut body = Reader::new(outer.content(SEQUENCE)?);
        outer.finish()?;
        let mut identifier = Reader::new(body.content(SEQUENCE)?);
        let key = body.octets_of_bit_string()?;
        body.finish()?;
        let algorithm = identifier.content(OBJECT_IDENTIFIER)?;
        Ok(Spki { algorithm, parameters: identifier.remainder(), key })
    }
}

fn rsa(der: &[u8]) -> Result<PublicKey, SignatureError> {
    let (modulus, exponent) = rsa_numbers(der).map_err(SignatureError::KeyUnreadable)?;
    let bits = bit_length(modulus);
    match bits {
        _ if bits < RSA_BITS_MIN => return Err(SignatureError::RsaTooShort { bits }),
        _ if bits > RSA_BITS_MAX => return Err(SignatureError::RsaTooLong { bits }),
        _ if is_even(modulus) => {
            return Err(SignatureError::KeyUnreadable("RSA modulus is even"));
        }
        _ => {}
    }
    if is_even(exponent) {
        return Err(SignatureError::RsaExponentEven);
    }
    match small(exponent) {
        None => Err(SignatureError::RsaExponentTooLong),
        Some(exponent) if exponent < RSA_EXPONENT_MIN => {
            Err(SignatureError::RsaExponentTooSmall { exponent })
        }
        Some(_) => Ok(PublicKey::Rsa(der.into())),
    }
}

fn ed25519(bytes: &[u8]) -> Result<PublicKey, SignatureError> {
    match <&[u8; 32]>::try_from(bytes) {
        Err(_) => Err(SignatureError::KeyUnreadable("Ed25519 key is not 32 bytes")),
        Ok(key) if is_small_order(key) => {
            Err(SignatureError::KeyNotSupported("Ed25519 key of small order"))
        }
        Ok(key) => Ok(PublicKey::Ed25519(key.into())),
    }
}

fn rsa_numbers(der: &[u8]) -> Result<(&[u8], &[u8]), DerFault> {
    let mut outer = Reader::new(der);
    let mut body = Reader::new(outer.content(SEQUENCE)?);
    outer.finish()?;
    let numbers = (body.positive_integer()?, body.positive_integer()?);
    body.finish()?;
    Ok(numbers)
}

fn point(bytes: &[u8], coordinate_bytes: usize) -> Result<Vec<u8>, SignatureError> {
    match bytes {
        [0x04, coordinates @ ..] if coordinates.len() == coordinate_bytes.saturating_mul(2) => {
            Ok(bytes.into())
        }
        [0x02 | 0x03, ..] => Err(SignatureError::KeyNotSupported("point is compressed")),
        _ => Err(SignatureError::KeyUnreadable("point is not uncompressed or has another length")),
    }
}

/// `magnitude` has no leading zeros, as [`Reader::positive_integer`] promises.
fn bit_length(magnitude: &[u8]) -> usize {
    let leading = magnitude.first().map_or(0, |first| first.leading_zeros());
    magnitude.len().saturating_mul(8).saturating_sub(usize::try_from(leading).unwrap_or(0))
}

fn is_even(magnitude: &[u8]) -> bool {
    magnitude.last().is_none_or(|last| last & 1 == 0)
}

fn small(magnitude: &[u8]) -> Option<u32> {
    match *magnitude {
        [a] => Some(u32::from(a)),
        [a, b] => Some(u32::from_be_bytes([0, 0, a, b])),
        [a, b, c] => Some(u32::from_be_bytes([0, a, b, c])),
        [a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
        _ => None,
    }
}
