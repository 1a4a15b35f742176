//! A tiny certificate maker with SAT's profile: RFC in 2.5.4.45 as a string, serials of 20 digits,
//! and every shape that a forger might try.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};

pub const PRINTABLE: u8 = 0x13;
pub const UTF8: u8 = 0x0C;
pub const T61: u8 = 0x14;
pub const BMP: u8 = 0x1E;

const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const SHA256_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];
const ECDSA_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const ECDSA_SHA384: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];

/// A key pair of any kind we meet.
pub enum Key {
    Rsa(Box<RsaKeyPair>),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    pub fn rsa() -> Key {
        Key::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    pub fn p256() -> Key {
        Key::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub fn p384() -> Key {
        Key::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap())
    }

    pub fn ed25519() -> Key {
        Key::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    pub fn spki(&self) -> Vec<u8> {
        match self {
            Key::Rsa(pair) => rsa_spki(pair.public_key().as_ref()),
            Key::P256(pair) => ec_spki(P256, pair.public_key().as_ref()),
            Key::P384(pair) => ec_spki(P384, pair.public_key().as_ref()),
            Key::Ed25519(pair) => spki(&sequence(&[&oid(ED25519)]), pair.public_key().as_ref()),
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Key::P256(pair) | Key::P384(pair) => {
                pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
            }
            Key::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Key::Rsa(_) => sequence(&[&oid(SHA256_RSA), &[5, 0]]),
            Key::P256(_) => sequence(&[&oid(ECDSA_SHA256)]),
            Key::P384(_) => sequence(&[&oid(ECDSA_SHA384)]),
            Key::Ed25519(_) => sequence(&[&oid(ED25519)]),
        }
    }
}

/// RSA keys take a while to make, so each test binary makes each of these once.
pub fn root_key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(Key::rsa)
}

pub fn issuing_key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(Key::rsa)
}

pub fn holder_key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(Key::rsa)
}

/// What a certificate will say.
#[derive(Clone)]
pub struct Draft {
    pub version: u8,
    pub serial: Vec<u8>,
    pub issuer: Vec<u8>,
    pub subject: Vec<u8>,
    pub not_before: i64,
    pub not_after: i64,
    pub spki: Vec<u8>,
    pub extensions: Vec<Vec<u8>>,
    /// Said outside, instead of what the signing key would say.
    pub outer_algorithm: Option<Vec<u8>>,
}

impl Draft {
    /// An e.firma of a fictional agency, as SAT shapes it.
    pub fn efirma(issuer: &str, spki: Vec<u8>) -> Draft {
        Draft {
            version: 2,
            serial: b"30001000000400002335".to_vec(),
            issuer: authority_name(issuer),
            subject: efirma_subject(),
            not_before: at("2024-01-01T00:00:00Z"),
            not_after: at("2027-12-31T23:59:59Z"),
            spki,
            extensions: vec![basic_constraints(false, None), key_usage(&[0xD8], 3), mail_and_tls()],
            outer_algorithm: None,
        }
    }

    pub fn authority(subject: &str, issuer: &str, spki: Vec<u8>) -> Draft {
        Draft {
            version: 2,
            serial: vec![1],
            issuer: authority_name(issuer),
            subject: authority_name(subject),
            not_before: at("2020-01-01T00:00:00Z"),
            not_after: at("2034-12-31T23:59:59Z"),
            spki,
            extensions: vec![basic_constraints(true, None), key_usage(&[0x06], 1)],
            outer_algorithm: None,
        }
    }

    pub fn signed_by(&self, key: &Key) -> Vec<u8> {
        let algorithm = key.signature_algorithm();
        let content = self.content(&algorithm);
        let signature = bit_string(&key.sign(&content));
        let outer = self.outer_algorithm.as_ref().unwrap_or(&algorithm);
        sequence(&[&content, outer, &signature])
    }

    fn content(&self, algorithm: &[u8]) -> Vec<u8> {
        let validity = sequence(&[&utc_time(self.not_before), &utc_time(self.not_after)]);
        let extensions: Vec<&[u8]> = self.extensions.iter().map(Vec::as_slice).collect();
        let extensions = match self.extensions.is_empty() {
            true => Vec::new(),
            false => tlv(0xA3, &sequence(&extensions)),
        };
        sequence(&[
            &tlv(0xA0, &tlv(0x02, &[self.version])),
            &tlv(0x02, &self.serial),
            algorithm,
            &self.issuer,
            &validity,
            &self.subject,
            &self.spki,
            &extensions,
        ])
    }
}

pub fn efirma_subject() -> Vec<u8> {
    name(&[
        (3, UTF8, "AGENCIA FICTICIA DE PRUEBAS".as_bytes()),
        (41, UTF8, "AGENCIA FICTICIA DE PRUEBAS".as_bytes()),
        (10, UTF8, "AGENCIA FICTICIA DE PRUEBAS".as_bytes()),
        (45, PRINTABLE, b"AFP200101AB1 / XAXX800101AB2"),
        (5, PRINTABLE, b" / XAXX800101HDFXXX05"),
    ])
}

pub fn authority_name(text: &str) -> Vec<u8> {
    name(&[(3, UTF8, text.as_bytes()), (11, UTF8, b"Autoridad de pruebas")])
}

/// A name of attributes 2.5.4.N, each with its string type.
pub fn name(attributes: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let sets: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(arc, tag, text)| {
            tlv(0x31, &sequence(&[&oid(&[0x55, 0x04, *arc]), &tlv(*tag, text)]))
        })
        .collect();
    let sets: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
    sequence(&sets)
}

pub fn basic_constraints(authority: bool, path_length: Option<u8>) -> Vec<u8> {
    let authority = if authority { vec![0x01, 0x01, 0xFF] } else { Vec::new() };
    let path_length = path_length.map_or(Vec::new(), |length| tlv(0x02, &[length]));
    extension(&[0x55, 0x1D, 0x13], true, &sequence(&[&authority, &path_length]))
}

/// Bits of keyUsage, the first one highest, and how many low bits of the last byte are unused.
pub fn key_usage(bits: &[u8], unused: u8) -> Vec<u8> {
    extension(&[0x55, 0x1D, 0x0F], false, &tlv(0x03, &[&[unused], bits].concat()))
}

pub fn authority_key_id(id: &[u8]) -> Vec<u8> {
    extension(&[0x55, 0x1D, 0x23], false, &sequence(&[&tlv(0x80, id)]))
}

pub fn subject_key_id(id: &[u8]) -> Vec<u8> {
    extension(&[0x55, 0x1D, 0x0E], false, &tlv(0x04, id))
}

/// permittedSubtrees with one directory name.
pub fn name_constraints() -> Vec<u8> {
    let subtree = sequence(&[&tlv(0xA4, &authority_name("AC de pruebas"))]);
    extension(&[0x55, 0x1D, 0x1E], true, &sequence(&[&tlv(0xA0, &subtree)]))
}

/// An extension of nobody's, 1.3.6.1.4.1.99999.
pub fn unknown_extension(critical: bool) -> Vec<u8> {
    let oid = [0x2B, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8D, 0x1F];
    extension(&oid, critical, &[0x05, 0x00])
}

fn mail_and_tls() -> Vec<u8> {
    let purpose = |last: u8| oid(&[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, last]);
    extension(&[0x55, 0x1D, 0x25], false, &sequence(&[&purpose(4), &purpose(2)]))
}

pub fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { vec![0x01, 0x01, 0xFF] } else { Vec::new() };
    sequence(&[&oid(id), &critical, &tlv(0x04, value)])
}

pub fn rsa_spki(pkcs1: &[u8]) -> Vec<u8> {
    spki(&sequence(&[&oid(RSA_ENCRYPTION), &[5, 0]]), pkcs1)
}

/// A key of any modulus and exponent; nobody has to own it.
pub fn rsa_spki_of(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    rsa_spki(&sequence(&[&tlv(2, modulus), &tlv(2, exponent)]))
}

pub fn ec_spki(curve: &[u8], point: &[u8]) -> Vec<u8> {
    spki(&sequence(&[&oid(EC_PUBLIC_KEY), &oid(curve)]), point)
}

pub fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    sequence(&[algorithm, &bit_string(key)])
}

pub fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes].concat())
}

pub fn oid(content: &[u8]) -> Vec<u8> {
    tlv(0x06, content)
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let header = match length {
        [0, low] if low < 0x80 => vec![tag, low],
        [0, low] => vec![tag, 0x81, low],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [header.as_slice(), content].concat()
}

pub fn at(rfc3339: &str) -> i64 {
    rfc3339.parse::<jiff::Timestamp>().unwrap().as_second()
}

fn utc_time(unix_s: i64) -> Vec<u8> {
    let moment = jiff::Timestamp::from_second(unix_s).unwrap();
    tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
}
