//! Whose signatures count: certificates that are believed and officials who may sign.
//!
//! Both come from files that are read anew on a signal, and from rows that operators add to the
//! ledger. They are joined and replaced whole, and a decision is made under one of them: the files as
//! they were read last, and the rows of the very transaction that it is made in. What was checked
//! under an earlier one while it waited in the queue is checked again.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use descargo_ledger::appointed::{Appointed, SignerRow};
use descargo_rules::load::LoadError;
use descargo_rules::signers::{SignerRecord, SignerRegistry};
use descargo_signature::{Revocation, RevokedCertificate, TrustStore};

/// Certificates and officials, as the files said at one moment.
#[derive(Debug)]
pub(crate) struct Files {
    pub trust: TrustStore,
    pub signers: Vec<SignerRecord>,
}

/// Certificates and officials of files and ledger together.
#[derive(Debug)]
pub(crate) struct Authority {
    pub trust: TrustStore,
    pub signers: SignerRegistry,
    files: Arc<Files>,
    appointed: Arc<Appointed>,
}

impl Authority {
    /// # Errors
    /// The first official whose dates are wrong.
    pub fn new(files: Arc<Files>, appointed: Arc<Appointed>) -> Result<Self, LoadError> {
        let revocations = appointed.revocations.iter().map(|row| Revocation {
            certificate: RevokedCertificate::Sha256(row.certificate_sha256),
            at: row.revoked_at,
            reason: row.reason.clone(),
        });
        let enrolled = in_force(&appointed.signers).map(record);
        let signers = files.signers.iter().cloned().chain(enrolled).collect();
        Ok(Self {
            trust: files.trust.also_revoking(revocations),
            signers: SignerRegistry::new(signers)?,
            files,
            appointed,
        })
    }
}

/// The newest enrolment of each RFC, agency and certificate.
pub(crate) fn in_force(rows: &[SignerRow]) -> impl Iterator<Item = &SignerRow> {
    rows.iter().enumerate().filter_map(|(at, row)| {
        let replaces = |later: &&SignerRow| {
            (&later.rfc, &later.agency, &later.certificate_sha256)
                == (&row.rfc, &row.agency, &row.certificate_sha256)
        };
        let later = rows.get(at.saturating_add(1)..).unwrap_or_default();
        later.iter().find(replaces).is_none().then_some(row)
    })
}

fn record(row: &SignerRow) -> SignerRecord {
    SignerRecord {
        rfc: row.rfc.clone(),
        name: row.name.clone(),
        agency: row.agency.clone(),
        permit_keys: row.permit_keys.clone(),
        from: row.valid_from.clone(),
        to: row.valid_to.clone(),
        certificate_sha256: row.certificate_sha256.clone(),
    }
}

/// The present authority.
#[derive(Debug)]
pub(crate) struct Authorities {
    present: RwLock<Arc<Authority>>,
}

impl Authorities {
    /// # Errors
    /// The first official whose dates are wrong.
    pub fn new(files: Files) -> Result<Self, LoadError> {
        let authority = Authority::new(Arc::new(files), Arc::default())?;
        Ok(Self { present: RwLock::new(Arc::new(authority)) })
    }

    /// The present one, to check a signature with.
    pub fn present(&self) -> Arc<Authority> {
        // Only whole values are ever put in, so a poisoned lock is still good.
        Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The officials of the files that are in use.
    pub fn signers_of_files(&self) -> Vec<SignerRecord> {
        self.present().files.signers.clone()
    }

    /// The authority of a decision that sees these rows. It stays so until the guard goes: a
    /// decision is made meanwhile.
    ///
    /// # Errors
    /// When the ledger has an official with wrong dates, which is our fault.
    pub fn held(
        &self,
        appointed: &Arc<Appointed>,
    ) -> Result<RwLockReadGuard<'_, Arc<Authority>>, LoadError> {
        loop {
            let held = self.present.read().unwrap_or_else(PoisonError::into_inner);
            // The same rows are the same allocation; equal numbers would not say so after a batch
            // that was rolled back.
            if Arc::ptr_eq(&held.appointed, appointed) {
                return Ok(held);
            }
            drop(held);
            let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
            *present = Arc::new(Authority::new(present.files.clone(), appointed.clone())?);
        }
    }

    /// Puts other files in the place of the present ones. Waits for the decision that is being made;
    /// none that begins after the return is made under the old ones.
    ///
    /// # Errors
    /// The first official whose dates are wrong: then nothing has changed.
    pub fn replace(&self, files: Files) -> Result<(), LoadError> {
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        *present = Arc::new(Authority::new(Arc::new(files), present.appointed.clone())?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(rfc: &str, certificate: &str, valid_to: &str) -> SignerRow {
        SignerRow {
            verdict_no: 0,
            rfc: rfc.into(),
            name: "A".into(),
            agency: "SE".into(),
            permit_keys: Vec::new(),
            valid_from: "2026-01-01".into(),
            valid_to: valid_to.into(),
            certificate_sha256: certificate.into(),
            reason: "r".into(),
        }
    }

    #[test]
    fn the_newest_enrolment_of_a_person_and_certificate_counts() {
        let rows = [
            row("A", "", "2026-12-31"),
            row("A", "ab", ""),
            row("B", "", ""),
            row("A", "", "2026-06-30"),
        ];
        let kept: Vec<_> =
            in_force(&rows).map(|row| (row.rfc.as_str(), row.valid_to.as_str())).collect();
        assert_eq!(kept, [("A", ""), ("B", ""), ("A", "2026-06-30")]);
    }
}
