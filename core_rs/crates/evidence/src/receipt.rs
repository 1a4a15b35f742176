//! The key that signs receipts.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use pem_rfc7468::LineEnding;

use crate::EvidenceError;

const PRIVATE_KEY: &str = "PRIVATE KEY";
const PUBLIC_KEY: &str = "PUBLIC KEY";
/// Bytes of the fingerprint that a key is named by.
const KEY_ID_BYTES: usize = 8;

/// A P-256 key that signs receipts. Its private half is never shown.
pub struct ReceiptKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    key_id: String,
    public_key_pem: String,
}

impl ReceiptKey {
    /// The key in an unencrypted PKCS#8 file.
    pub fn from_pkcs8_pem(pem: &[u8]) -> Result<ReceiptKey, EvidenceError> {
        let (label, pkcs8) = pem_rfc7468::decode_vec(pem).map_err(|_| EvidenceError::KeyNotPem)?;
        if label != PRIVATE_KEY {
            let remedy = remedy_for(label);
            return Err(EvidenceError::KeyOfOtherForm { label: label.to_owned(), remedy });
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8)
            .map_err(|_| EvidenceError::KeyNotP256)?;
        let spki: PublicKeyX509Der<'_> =
            pair.public_key().as_der().map_err(|_| EvidenceError::KeyNotP256)?;
        let (key_id, public_key_pem) = (key_id(spki.as_ref()), pem_of(PUBLIC_KEY, spki.as_ref())?);
        Ok(ReceiptKey { pair, random: SystemRandom::new(), key_id, public_key_pem })
    }

    /// A new key as a PKCS#8 PEM file, for demonstrations and tests.
    pub fn generate_pem() -> Result<String, EvidenceError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map_err(|_| EvidenceError::NoRandomness)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| EvidenceError::NoRandomness)?;
        pem_of(PRIVATE_KEY, pkcs8.as_ref())
    }

    /// An ECDSA signature with SHA-256, in DER.
    pub fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, EvidenceError> {
        let signature =
            self.pair.sign(&self.random, payload).map_err(|_| EvidenceError::NoRandomness)?;
        Ok(signature.as_ref().to_vec())
    }

    /// First 16 hex digits of the SHA-256 of the public key in DER, as in
    /// `openssl pkey -pubin -outform DER | sha256sum`.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public half for those who check receipts.
    pub fn public_key_pem(&self) -> &str {
        &self.public_key_pem
    }
}

impl std::fmt::Debug for ReceiptKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ReceiptKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

fn remedy_for(label: &str) -> &'static str {
    match label {
        "ENCRYPTED PRIVATE KEY" | "EC PRIVATE KEY" => {
            "convert it with `openssl pkcs8 -topk8 -nocrypt`"
        }
        "PUBLIC KEY" => "give the private half",
        _ => "give a P-256 private key in PKCS#8",
    }
}

fn key_id(spki: &[u8]) -> String {
    let fingerprint = digest(&SHA256, spki);
    fingerprint.as_ref().iter().take(KEY_ID_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

fn pem_of(label: &str, der: &[u8]) -> Result<String, EvidenceError> {
    // It fails for labels and lengths that we do not have.
    pem_rfc7468::encode_string(label, LineEnding::LF, der).map_err(|_| EvidenceError::KeyNotPem)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

    use super::*;

    fn key() -> ReceiptKey {
        ReceiptKey::from_pkcs8_pem(ReceiptKey::generate_pem().unwrap().as_bytes()).unwrap()
    }

    fn check(key: &ReceiptKey, payload: &[u8], signature: &[u8]) -> bool {
        let (label, spki) = pem_rfc7468::decode_vec(key.public_key_pem().as_bytes()).unwrap();
        assert_eq!(label, "PUBLIC KEY");
        // P-256 keys in SubjectPublicKeyInfo end with the 65 bytes of the point.
        let point = &spki[spki.len().saturating_sub(65)..];
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(payload, signature).is_ok()
    }

    #[test]
    fn the_published_key_checks_what_was_signed() {
        let (key, other) = (key(), key());
        let signature = key.sign(b"verdict").unwrap();
        assert!(check(&key, b"verdict", &signature));
        assert!(!check(&key, b"Verdict", &signature));
        assert!(!check(&other, b"verdict", &signature));
        assert!(!check(&key, b"verdict", &signature[1..]));
    }

    #[test]
    fn the_key_is_named_by_its_public_half() {
        let pem = ReceiptKey::generate_pem().unwrap();
        let key = ReceiptKey::from_pkcs8_pem(pem.as_bytes()).unwrap();
        let again = ReceiptKey::from_pkcs8_pem(pem.as_bytes()).unwrap();
        assert_eq!(key.key_id(), again.key_id());
        assert_eq!(key.key_id().len(), 16);
        let (_, spki) = pem_rfc7468::decode_vec(key.public_key_pem().as_bytes()).unwrap();
        let expected: String =
            crate::sha256(&spki).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(key.key_id(), &expected[..16]);
    }

    #[test]
    fn a_key_shows_nothing_private() {
        let key = key();
        assert_eq!(format!("{key:?}"), format!("ReceiptKey {{ key_id: {:?}, .. }}", key.key_id()));
    }

    #[test]
    fn a_wrong_key_file_names_its_remedy() {
        let refused = |pem: &str| ReceiptKey::from_pkcs8_pem(pem.as_bytes()).unwrap_err();
        assert_eq!(refused(""), EvidenceError::KeyNotPem);
        assert!(refused("no key").to_string().contains("openssl genpkey"));
        let good = ReceiptKey::generate_pem().unwrap();
        for (label, remedy) in [
            ("ENCRYPTED PRIVATE KEY", "-nocrypt"),
            ("EC PRIVATE KEY", "openssl pkcs8"),
            ("PUBLIC KEY", "private half"),
            ("CERTIFICATE", "PKCS#8"),
        ] {
            let error = refused(&good.replace("PRIVATE KEY", label)).to_string();
            assert!(error.contains(remedy), "{label}: {error}");
        }
        let p384 =
            EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
        let p384 = p384.to_pkcs8v1().unwrap();
        let p384 = pem_of(PRIVATE_KEY, p384.as_ref()).unwrap();
        assert_eq!(refused(&p384), EvidenceError::KeyNotP256);
        let truncated = pem_of(PRIVATE_KEY, &[0x30, 0x03, 0x02]).unwrap();
        assert_eq!(refused(&truncated), EvidenceError::KeyNotP256);
    }
}
