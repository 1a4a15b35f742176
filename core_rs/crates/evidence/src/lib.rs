//! Receipts and codes: what makes an answer provable.
//!
//! A *receipt* is a verdict with a P-256 signature; whoever holds the public key can check it with
//! `openssl` and without us. A *code* is eight characters that a person can copy into a
//! declaration; it points to an answer and proves nothing alone.
//!
//! The numbers (one core of a small machine, 1 KiB): a signature about 30 us, a code and a SHA-256
//! less than 1 us each. `benches/evidence.rs` measures them.
#![forbid(unsafe_code)]

mod codes;
mod receipt;

use aws_lc_rs::digest::{SHA256, digest};

pub use codes::{CODE_CHARACTERS, CODE_SECRET_BYTES_MIN, CodeSecret, codes_equal};
pub use receipt::ReceiptKey;

/// Why there is no key, secret or signature; each says what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The file is no PEM.
    #[error("receipt key is not PEM: make one with `{MAKE_KEY}`")]
    KeyNotPem,
    /// The file is PEM of something else.
    #[error("receipt key is PEM of `{label}`, not of `PRIVATE KEY`: {remedy}")]
    KeyOfOtherForm {
        /// What the PEM says it is.
        label: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The key is of another kind or damaged.
    #[error("receipt key is not a P-256 key in PKCS#8: make one with `{MAKE_KEY}`")]
    KeyNotP256,
    /// No key could be made, or no signature: the system has no randomness to give.
    #[error("no randomness from the system: check its entropy source, then start again")]
    NoRandomness,
    /// A secret that could be guessed.
    #[error(
        "code secret of {bytes} bytes is shorter than {CODE_SECRET_BYTES_MIN}: \
         make one with `openssl rand -out codes.secret {CODE_SECRET_BYTES_MIN}`"
    )]
    SecretTooShort {
        /// Its length.
        bytes: usize,
    },
}

const MAKE_KEY: &str = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256";

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sha256 = [0; 32];
    // The digest is 32 bytes by definition; `zip` cannot fail and cannot panic.
    for (to, from) in sha256.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    sha256
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of FIPS 180-4.
    #[test]
    fn sha256_is_the_standards() {
        let expected = [0xBA, 0x78, 0x16, 0xBF];
        assert_eq!(sha256(b"abc").first_chunk(), Some(&expected));
        assert_eq!(sha256(b"").first_chunk(), Some(&[0xE3, 0xB0, 0xC4, 0x42]));
    }
}
