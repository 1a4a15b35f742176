//! What has been revoked, and from when.
//!
//! SAT's certificates name no list and no responder, so the operator keeps this table. It is asked
//! on every call and never remembered.

use std::collections::HashMap;
use std::hash::Hash;

use crate::problem::SignatureProblem;
use crate::trust::TrustError;

/// A certificate that must no longer be believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// Which one.
    pub certificate: RevokedCertificate,
    /// From this second on, since 1970 UTC, its signatures are refused.
    pub at: i64,
    /// Why, for people.
    pub reason: String,
}

/// How a revocation names its certificate.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum RevokedCertificate {
    /// Certificate number: 20 digits as SAT prints it, or the serial in hex.
    SerialDigits(String),
    /// SHA-256 of the certificate.
    Sha256([u8; 32]),
}

/// Revocations by certificate; of several for one, the earliest holds.
#[derive(Clone, Default, Debug)]
pub(crate) struct Revocations {
    by_number: HashMap<String, Entry>,
    by_sha256: HashMap<[u8; 32], Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    at_unix_s: i64,
    reason: String,
}

impl Revocations {
    pub(crate) fn new(revocations: Vec<Revocation>) -> Result<Revocations, TrustError> {
        let mut table = Revocations::default();
        for (position, revocation) in (1..).zip(revocations) {
            match &revocation.certificate {
                // A mistyped serial would revoke nothing and nobody would notice.
                RevokedCertificate::SerialDigits(serial) if !is_serial(serial) => {
                    return Err(TrustError::RevokedSerial { position });
                }
                _ => table.add(revocation),
            }
        }
        Ok(table)
    }

    /// The same with more.
    pub(crate) fn with(&self, more: impl IntoIterator<Item = Revocation>) -> Revocations {
        let mut table = self.clone();
        more.into_iter().for_each(|revocation| table.add(revocation));
        table
    }

    fn add(&mut self, revocation: Revocation) {
        let entry = Entry { at_unix_s: revocation.at, reason: revocation.reason };
        match revocation.certificate {
            RevokedCertificate::SerialDigits(serial) => {
                keep_earliest(&mut self.by_number, serial.to_ascii_lowercase(), entry);
            }
            RevokedCertificate::Sha256(sha256) => {
                keep_earliest(&mut self.by_sha256, sha256, entry);
            }
        }
    }

    /// The problem of a certificate that was revoked at or before `signed_at_unix_s`.
    pub(crate) fn problem(
        &self,
        number: &str,
        sha256: &[u8; 32],
        signed_at_unix_s: i64,
    ) -> Option<SignatureProblem> {
        let entries = self.by_number.get(number).into_iter().chain(self.by_sha256.get(sha256));
        let earliest = entries.min_by_key(|entry| entry.at_unix_s)?;
        (earliest.at_unix_s <= signed_at_unix_s).then(|| SignatureProblem::Revoked {
            number: number.to_owned(),
            at_unix_s: earliest.at_unix_s,
            signed_at_unix_s,
            reason: earliest.reason.clone(),
        })
    }
}

fn is_serial(serial: &str) -> bool {
    !serial.is_empty()
        && serial.len().is_multiple_of(2)
        && serial.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn keep_earliest<K: Eq + Hash>(table: &mut HashMap<K, Entry>, key: K, entry: Entry) {
    match table.get(&key) {
        Some(known) if known.at_unix_s <= entry.at_unix_s => {}
        _ => drop(table.insert(key, entry)),
    }
}
