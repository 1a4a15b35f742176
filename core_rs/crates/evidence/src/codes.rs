//! Discharge signatures and acceptance codes: eight characters that a person can copy.
//!
//! The computation of the real firma de descargo is not published, so this definition is our own:
//!
//! ```text
//! code  = the first 40 bits of HMAC-SHA256(secret, input), that are not all zero, in base 32
//! input = for each part, domain first: length in bytes (8 bytes, big-endian) || bytes
//! ```
//!
//! Numbers are parts of 8 bytes, big-endian. The lengths keep `("AB", "C")` apart from `("A",
//! "BC")`, and the domain keeps one kind of code from passing for the other. The 40 bits are read
//! in groups at multiples of 40: when the first group is all zero the second is taken, and so on to
//! the sixth; when all are zero (a chance of 2^-240) the code is `00000001`. So `00000000`, which
//! stands for an absent code in a declaration, is never given.
//!
//! Forty bits prove nothing alone: whoever may try a million codes each second finds one in a week.
//! A code is compared with the one in the ledger, wrong ones are counted and stopped by the engine,
//! and the proof of an answer is its receipt.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256};

use crate::EvidenceError;

/// Below the output of SHA-256 the secret, not the hash, would be what a guesser attacks.
pub const CODE_SECRET_BYTES_MIN: usize = 32;
/// Length of every code.
pub const CODE_CHARACTERS: usize = 8;

const GROUP_BYTES: usize = 5;
const BITS_PER_CHARACTER: u32 = 5;
/// Without I, L, O and U: the first three are read as digits, the last one spells words.
const ALPHABET: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J',
    'K', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
];
const DISCHARGE_DOMAIN: &[u8] = b"descargo.v1.discharge_signature";
const PLACE_DOMAIN: &[u8] = b"descargo.v1.place";
const ACCEPTANCE_DOMAIN: &[u8] = b"descargo.v1.acceptance_code";

/// The secret that codes are made from. It is never shown.
pub struct CodeSecret {
    key: hmac::Key,
}

impl CodeSecret {
    /// A secret of at least [`CODE_SECRET_BYTES_MIN`] random bytes.
    pub fn new(bytes: &[u8]) -> Result<CodeSecret, EvidenceError> {
        match bytes.len() {
            length if length < CODE_SECRET_BYTES_MIN => {
                Err(EvidenceError::SecretTooShort { bytes: length })
            }
            _ => Ok(CodeSecret { key: hmac::Key::new(HMAC_SHA256, bytes) }),
        }
    }

    /// The discharge signature (firma de descargo) of one version of one license.
    pub fn discharge_signature(
        &self,
        agency: &str,
        key: &str,
        number: &str,
        version: u64,
        content_hash: &[u8; 32],
    ) -> String {
        self.code(&[
            DISCHARGE_DOMAIN,
            agency.as_bytes(),
            key.as_bytes(),
            number.as_bytes(),
            &version.to_be_bytes(),
            content_hash,
        ])
    }

    /// The acceptance code of one position of one declaration under one verdict.
    pub fn acceptance_code(
        &self,
        verdict_id: &str,
        declaration_number: &str,
        position_no: u64,
    ) -> String {
        self.code(&[
            ACCEPTANCE_DOMAIN,
            verdict_id.as_bytes(),
            declaration_number.as_bytes(),
            &position_no.to_be_bytes(),
        ])
    }

    /// The mark on a place in a feed or a list, so that only places that we gave are taken back. It
    /// keeps mistakes out, not secrets: what may be read is decided anew each time.
    pub fn place_mark(&self, bound_to: &[&str], place: &str) -> String {
        let mut parts = vec![PLACE_DOMAIN];
        parts.extend(bound_to.iter().map(|part| part.as_bytes()));
        parts.push(place.as_bytes());
        self.code(&parts)
    }

    fn code(&self, parts: &[&[u8]]) -> String {
        let mut mac = hmac::Context::with_key(&self.key);
        for part in parts {
            // A usize never has more than 64 bits here, so the length is exact.
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            mac.update(&length.to_be_bytes());
            mac.update(part);
        }
        code_of(mac.sign().as_ref())
    }
}

impl std::fmt::Debug for CodeSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CodeSecret").finish_non_exhaustive()
    }
}

/// Compares two codes in a time that does not tell how many characters agree.
pub fn codes_equal(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}

fn code_of(mac: &[u8]) -> String {
    let (groups, _) = mac.as_chunks::<GROUP_BYTES>();
    let bits = groups.iter().map(number).find(|bits| *bits != 0).unwrap_or(1);
    (0..8_u32)
        .rev()
        .map(|place| bits >> place.saturating_mul(BITS_PER_CHARACTER) & 31)
        .filter_map(|index| ALPHABET.get(usize::try_from(index).ok()?))
        .collect()
}

fn number(group: &[u8; GROUP_BYTES]) -> u64 {
    let [a, b, c, d, e] = *group;
    u64::from_be_bytes([0, 0, 0, a, b, c, d, e])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> CodeSecret {
        CodeSecret::new(&[7; CODE_SECRET_BYTES_MIN]).unwrap()
    }

    fn discharge(agency: &str, key: &str, number: &str, version: u64, hash: u8) -> String {
        secret().discharge_signature(agency, key, number, version, &[hash; 32])
    }

    /// The definition above, written out with another program:
    /// Python's `hmac` and `base64.b32encode` with the alphabet exchanged.
    #[test]
    fn codes_are_what_the_definition_says() {
        assert_eq!(discharge("SE", "C1", "1234567890", 1, 9), "GYHG45KT");
        assert_eq!(secret().acceptance_code("v-1", "6000001", 2), "TNE61055");
    }

    #[test]
    fn every_part_counts_and_parts_do_not_run_together() {
        let mut codes = vec![
            discharge("SE", "C1", "123", 1, 0),
            discharge("SEC", "1", "123", 1, 0),
            discharge("SE", "C11", "23", 1, 0),
            discharge("SE", "C1", "124", 1, 0),
            discharge("SE", "C1", "123", 2, 0),
            discharge("SE", "C1", "123", 1, 1),
            secret().acceptance_code("SE", "C1", 123),
            secret().acceptance_code("SEC", "1", 123),
            secret().acceptance_code("SE", "C1", 124),
        ];
        let other = CodeSecret::new(&[8; 40]).unwrap();
        codes.push(other.discharge_signature("SE", "C1", "123", 1, &[0; 32]));
        let count = codes.len();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), count, "{codes:?}");
    }

    #[test]
    fn codes_are_eight_characters_of_the_alphabet() {
        for version in 0..1_000 {
            let code = discharge("SE", "C1", "123", version, 0);
            assert_eq!(code.chars().count(), CODE_CHARACTERS);
            assert!(code.chars().all(|c| ALPHABET.contains(&c)), "{code}");
        }
        assert_eq!(code_of(&[0xFF; 32]), "ZZZZZZZZ");
        assert!(!ALPHABET.iter().any(|c| "ILOU".contains(*c)));
    }

    #[test]
    fn eight_zeros_are_never_given() {
        let mut mac = [0; 32];
        assert_eq!(code_of(&mac), "00000001");
        mac[9] = 2;
        assert_eq!(code_of(&mac), "00000002");
        mac[4] = 3;
        assert_eq!(code_of(&mac), "00000003");
    }

    #[test]
    fn a_short_secret_is_refused_with_its_remedy() {
        let error = CodeSecret::new(&[7; CODE_SECRET_BYTES_MIN - 1]).unwrap_err();
        assert_eq!(error, EvidenceError::SecretTooShort { bytes: 31 });
        assert!(error.to_string().contains("openssl rand"));
    }

    #[test]
    fn codes_are_compared_whole() {
        assert!(codes_equal("ABCD1234", "ABCD1234"));
        for other in ["ABCD1235", "ABCD123", "ABCD12345", "", "abcd1234"] {
            assert!(!codes_equal("ABCD1234", other), "{other}");
        }
    }
}
