//! One certificate, read once into what the checks need.
//!
//! Reading refuses only what cannot be understood. What is understood and not allowed is a fault
//! that the chain or the profile reports, so that an agency hears of everything at once.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature as lc;
use aws_lc_rs::signature::VerificationAlgorithm;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{KeyUsage, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::{X509Name, X509Version};

use crate::CERTIFICATE_BYTES_MAX;
use crate::der::{BIT_STRING, NULL, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use crate::efirma::Subject;
use crate::key::{PublicKey, SignatureError};
use crate::names;

const SHA256_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B];
const SHA384_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C];
const SHA512_RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0D];
const ECDSA_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
const ECDSA_SHA384: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];

/// Why bytes are no certificate that we can read.
pub(crate) type Unreadable = &'static str;

/// The seconds in which a certificate holds, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

impl Window {
    pub(crate) fn contains(self, unix_s: i64) -> bool {
        self.not_before <= unix_s && unix_s <= self.not_after
    }
}

/// A certificate's content, owned.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) sha256: [u8; 32],
    /// Serial: 20 digits as SAT writes them, else lower-case hex.
    pub(crate) number: String,
    pub(crate) window: Window,
    /// The names in DER. They are compared as bytes: SAT copies them, and any reading of ours that
    /// made two names equal would be a way in.
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) issuer_shown: String,
    pub(crate) subject_shown: String,
    pub(crate) holder: Subject,
    pub(crate) key: Result<PublicKey, SignatureError>,
    pub(crate) extensions: Extensions,
    signed: Signed,
}

/// What the issuer signed, and how.
#[derive(Debug)]
struct Signed {
    content: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
}

/// What the extensions say. Absent ones leave the default.
#[derive(Default, Debug)]
pub(crate) struct Extensions {
    pub(crate) is_authority: bool,
    pub(crate) path_length_max: Option<u32>,
    pub(crate) key_usage: Option<Usage>,
    pub(crate) has_name_constraints: bool,
    /// Object identifier of a critical extension that we do not understand.
    pub(crate) critical_unknown: Option<String>,
    pub(crate) authority_key_id: Option<Vec<u8>>,
    pub(crate) subject_key_id: Option<Vec<u8>>,
}

/// The uses of a key that matter here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Usage {
    pub(crate) digital_signature: bool,
    pub(crate) non_repudiation: bool,
    pub(crate) certificate_signing: bool,
}

impl From<&KeyUsage> for Usage {
    fn from(usage: &KeyUsage) -> Usage {
        Usage {
            digital_signature: usage.digital_signature(),
            non_repudiation: usage.non_repudiation(),
            certificate_signing: usage.key_cert_sign(),
        }
    }
}

impl Certificate {
    pub(crate) fn read(der: &[u8]) -> Result<Certificate, Unreadable> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err("longer than 8 KiB");
        }
        let signed = Signed::read(der)?;
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| "not X.509")?;
        if !rest.is_empty() {
            return Err("trailing bytes");
        }
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return Err("inner and outer signature algorithms differ");
        }
        if parsed.version() != X509Version::V3 {
            return Err("not version 3");
        }
        let validity = parsed.validity();
        Ok(Certificate {
            sha256: fingerprint(der),
            number: number(parsed.raw_serial()),
            window: Window {
                not_before: validity.not_before.timestamp(),
                not_after: validity.not_after.timestamp(),
            },
            issuer: raw(parsed.issuer()),
            subject: raw(parsed.subject()),
            issuer_shown: names::shown(parsed.issuer()),
            subject_shown: names::shown(parsed.subject()),
            holder: Subject::read(parsed.subject()),
            key: PublicKey::from_spki(parsed.public_key().raw),
            extensions: Extensions::read(&parsed)?,
            signed,
        })
    }

    /// Whether subject and issuer are the same name.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether `authority`'s key made this certificate's signature.
    pub(crate) fn check_issued_by(&self, authority: &Certificate) -> Result<(), NotIssued> {
        let key = authority.key.as_ref().map_err(|error| NotIssued::Key(error.clone()))?;
        let how = certificate_algorithm(key, &self.signed.algorithm).ok_or(NotIssued::Algorithm)?;
        let verifier = key.verifier_with(how).map_err(NotIssued::Key)?;
        let checked = verifier.verify(&self.signed.content, &self.signed.signature);
        checked.map_err(|_| NotIssued::Signature)
    }
}

/// Why an authority of the right name did not issue a certificate.
#[derive(Debug)]
pub(crate) enum NotIssued {
    Key(SignatureError),
    Algorithm,
    Signature,
}

impl Signed {
    fn read(der: &[u8]) -> Result<Signed, Unreadable> {
        let mut outer = Reader::new(der);
        let mut body = Reader::new(outer.content(SEQUENCE)?);
        outer.finish()?;
        let content = body.whole(SEQUENCE)?.to_vec();
        let algorithm = body.content(SEQUENCE)?.to_vec();
        let mut rest = Reader::new(body.whole(BIT_STRING)?);
        body.finish()?;
        Ok(Signed { content, algorithm, signature: rest.octets_of_bit_string()?.to_vec() })
    }
}

impl Extensions {
    fn read(parsed: &X509Certificate<'_>) -> Result<Extensions, Unreadable> {
        parsed.tbs_certificate.extensions_map().map_err(|_| "an extension is repeated")?;
        let mut extensions = Extensions::default();
        for extension in parsed.extensions() {
            extensions.add(extension)?;
        }
        Ok(extensions)
    }

    fn add(&mut self, extension: &X509Extension<'_>) -> Result<(), Unreadable> {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(constraints) => {
                self.is_authority = constraints.ca;
                self.path_length_max = constraints.path_len_constraint;
            }
            ParsedExtension::KeyUsage(usage) => self.key_usage = Some(usage.into()),
            ParsedExtension::NameConstraints(_) => self.has_name_constraints = true,
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ParsedExtension::SubjectKeyIdentifier(id) => self.subject_key_id = Some(id.0.to_vec()),
            ParsedExtension::ParseError { .. } if is_needed(extension) => {
                return Err("an extension is damaged");
            }
            // These say what else a certificate is for, or where to ask; they take nothing away
            // from a signature that we check against our own table of revocations.
            ParsedExtension::ExtendedKeyUsage(_)
            | ParsedExtension::SubjectAlternativeName(_)
            | ParsedExtension::IssuerAlternativeName(_)
            | ParsedExtension::CertificatePolicies(_)
            | ParsedExtension::CRLDistributionPoints(_)
            | ParsedExtension::NSCertType(_) => {}
            _ if extension.critical => self.critical_unknown = Some(extension.oid.to_id_string()),
            _ => {}
        }
        Ok(())
    }
}

/// basicConstraints, keyUsage and nameConstraints decide even when they are not critical.
fn is_needed(extension: &X509Extension<'_>) -> bool {
    const NEEDED: [&[u8]; 3] = [&[0x55, 0x1D, 0x13], &[0x55, 0x1D, 0x0F], &[0x55, 0x1D, 0x1E]];
    NEEDED.contains(&extension.oid.as_bytes())
}

/// RFC 4055 has readers accept absent parameters of RSA signature algorithms as well as NULL.
/// SHA-1 is not among them: its collisions have been made into certificates.
fn certificate_algorithm(
    key: &PublicKey,
    identifier: &[u8],
) -> Option<&'static dyn VerificationAlgorithm> {
    let mut reader = Reader::new(identifier);
    let oid = reader.content(OBJECT_IDENTIFIER).ok()?;
    match (key, oid, reader.remainder()) {
        (PublicKey::Rsa(_), _, parameters) if !parameters.is_empty() && parameters != NULL => None,
        (PublicKey::Rsa(_), SHA256_RSA, _) => Some(&lc::RSA_PKCS1_2048_8192_SHA256),
        (PublicKey::Rsa(_), SHA384_RSA, _) => Some(&lc::RSA_PKCS1_2048_8192_SHA384),
        (PublicKey::Rsa(_), SHA512_RSA, _) => Some(&lc::RSA_PKCS1_2048_8192_SHA512),
        (PublicKey::P256(_), ECDSA_SHA256, []) => Some(&lc::ECDSA_P256_SHA256_ASN1),
        (PublicKey::P256(_), ECDSA_SHA384, []) => Some(&lc::ECDSA_P256_SHA384_ASN1),
        (PublicKey::P384(_), ECDSA_SHA256, []) => Some(&lc::ECDSA_P384_SHA256_ASN1),
        (PublicKey::P384(_), ECDSA_SHA384, []) => Some(&lc::ECDSA_P384_SHA384_ASN1),
        (PublicKey::Ed25519(_), ED25519, []) => Some(&lc::ED25519),
        _ => None,
    }
}

/// SHA-256 of the certificate in DER.
pub(crate) fn fingerprint(der: &[u8]) -> [u8; 32] {
    let mut sha256 = [0; 32];
    // The digest is 32 bytes by definition; `zip` cannot fail and cannot panic.
    for (to, from) in sha256.iter_mut().zip(digest(&SHA256, der).as_ref()) {
        *to = *from;
    }
    sha256
}

/// SAT's serial is 20 bytes, each an ASCII digit, and is printed as those digits.
fn number(serial: &[u8]) -> String {
    match serial.len() == 20 && serial.iter().all(u8::is_ascii_digit) {
        true => serial.iter().copied().map(char::from).collect(),
        false => hex(serial),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn raw(name: &X509Name<'_>) -> Vec<u8> {
    name.as_raw().to_vec()
}
