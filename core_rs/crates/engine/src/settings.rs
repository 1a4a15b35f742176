//! The engine's settings, and reading every file that they name.
//!
//! A bad file stops the start: each error says which file, which line where there is one, what is
//! wrong, and what to do.

use std::path::{Path, PathBuf};

use descargo_evidence::{CodeSecret, ReceiptKey, sha256};
use descargo_model::finding::FindingTexts;
use descargo_rules::Rules;
use descargo_rules::catalogue::Catalogue;
use descargo_rules::instruments::Instruments;
use descargo_rules::policy::Policy;
use descargo_rules::signers::SignerRecord;
use descargo_signature::{Revocation, RevokedCertificate, TrustStore, certificates_from_pem};
use serde::Deserialize;
use thiserror::Error;

use crate::answer::Letterhead;
use crate::authority::{Authorities, Files};
use crate::command::Desk;
use crate::rulesets::CheckedRuleset;
use crate::wrong_signatures::WrongSignatures;

/// Why the engine does not start.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

impl SettingsError {
    fn of_file(path: &Path, what: impl std::fmt::Display, remedy: &str) -> Self {
        Self(format!("{}: {what}; {remedy}", path.display()))
    }
}

/// What the engine is told, as JSON.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Name of this validator, which agencies sign into each submission.
    pub validator: String,
    /// File of the ledger; created when absent.
    pub ledger_path: PathBuf,
    /// P-256 key that signs receipts, PKCS#8 PEM.
    pub receipt_key_path: PathBuf,
    /// At least 32 random bytes from which firmas and acuses are computed.
    pub code_secret_path: PathBuf,
    /// The dated catalogue.
    pub catalogue_path: PathBuf,
    /// The instrument profiles.
    pub instruments_path: PathBuf,
    /// Certificate authorities whose e.firmas are believed, PEM.
    pub anchors_path: PathBuf,
    /// Issuing authorities below them, PEM.
    #[serde(default)]
    pub intermediates_path: Option<PathBuf>,
    /// Revoked certificates.
    #[serde(default)]
    pub revocations_path: Option<PathBuf>,
    /// Officials who may sign.
    #[serde(default)]
    pub signers: Vec<SignerRecord>,
    /// Limits that the law leaves open.
    #[serde(default)]
    pub policy: Policy,
    /// Test clock: a file with one RFC 3339 instant.
    #[serde(default)]
    pub clock_path: Option<PathBuf>,
    /// Files of the ruleset that says which licenses a line needs; none: nothing is judged.
    #[serde(default)]
    pub ruleset_paths: Vec<PathBuf>,
    /// Processes that serve this ledger, this one among them.
    #[serde(default = "processes")]
    pub processes: usize,
    /// Requests that wait for the ledger at most.
    #[serde(default = "queue_max")]
    pub queue_max: usize,
    /// Refusals kept for each caller, so that a repeated request gets the same bytes.
    #[serde(default = "refusals_kept_per_caller")]
    pub refusals_kept_per_caller: u32,
}

fn processes() -> usize {
    1
}

fn queue_max() -> usize {
    4_096
}

fn refusals_kept_per_caller() -> u32 {
    10_000
}

impl Settings {
    /// Reads the JSON.
    ///
    /// # Errors
    /// [`SettingsError`] with the place in the text.
    pub fn parse(json: &str) -> Result<Self, SettingsError> {
        serde_json::from_str(json)
            .map_err(|error| SettingsError(format!("engine settings: {error}")))
    }

    /// Reads every file and builds what decides.
    pub(crate) fn desk(&self) -> Result<Desk, SettingsError> {
        let texts =
            FindingTexts::compiled_in().map_err(|error| SettingsError(error.to_string()))?;
        let catalogue = self.catalogue()?;
        let instruments_text = read_text(&self.instruments_path)?;
        let instruments = Instruments::load(&shown(&self.instruments_path), &instruments_text)
            .map_err(|error| SettingsError(error.to_string()))?;
        let letterhead = Letterhead {
            validator: self.validator.clone(),
            ruleset_hash: ruleset_hash(&instruments_text, &self.policy)?,
            catalogue_version: catalogue.version().to_owned(),
            texts,
        };
        let ruleset = self.ruleset(&catalogue, &instruments)?;
        // Each process counts for itself: whoever guesses at all of them must not get more guesses.
        let wrong_signature_limit = usize::try_from(self.policy.wrong_signature_limit)
            .unwrap_or(usize::MAX)
            .checked_div(self.processes)
            .unwrap_or(1)
            .max(1);
        Ok(Desk {
            rules: Rules { catalogue, instruments, policy: self.policy.clone() },
            authorities: Authorities::new(self.authority()?)
                .map_err(|error| SettingsError(error.to_string()))?,
            codes: self.codes()?,
            receipts: self.receipts()?,
            letterhead,
            ruleset,
            wrong_signatures: WrongSignatures::new(wrong_signature_limit),
        })
    }

    /// Reads the files that say whose signatures count.
    pub(crate) fn authority(&self) -> Result<Files, SettingsError> {
        Ok(Files { trust: self.trust()?, signers: self.signers.clone() })
    }

    fn catalogue(&self) -> Result<Catalogue, SettingsError> {
        Catalogue::load(&shown(&self.catalogue_path), &read(&self.catalogue_path)?)
            .map_err(|error| SettingsError(error.to_string()))
    }

    fn ruleset(
        &self,
        catalogue: &Catalogue,
        instruments: &Instruments,
    ) -> Result<Option<CheckedRuleset>, SettingsError> {
        if self.ruleset_paths.is_empty() {
            return Ok(None);
        }
        let file = |path: &PathBuf| Ok((shown(path), read(path)?));
        let files = self.ruleset_paths.iter().map(file).collect::<Result<Vec<_>, _>>()?;
        CheckedRuleset::compile(&files, catalogue, instruments)
            .map(Some)
            .map_err(|problems| SettingsError(problems.join("\n")))
    }

    fn receipts(&self) -> Result<ReceiptKey, SettingsError> {
        let path = &self.receipt_key_path;
        ReceiptKey::from_pkcs8_pem(&read(path)?).map_err(|error| {
            SettingsError::of_file(path, error, "it must hold a P-256 key as PKCS#8 PEM")
        })
    }

    fn codes(&self) -> Result<CodeSecret, SettingsError> {
        let path = &self.code_secret_path;
        CodeSecret::new(&read(path)?).map_err(|error| {
            SettingsError::of_file(path, error, "it must hold at least 32 random bytes")
        })
    }

    fn trust(&self) -> Result<TrustStore, SettingsError> {
        let roots = certificates(&self.anchors_path)?;
        let intermediates = match &self.intermediates_path {
            Some(path) => certificates(path)?,
            None => Vec::new(),
        };
        let revocations = match &self.revocations_path {
            Some(path) => revocations(path)?,
            None => Vec::new(),
        };
        TrustStore::new(roots, intermediates, revocations).map_err(|error| {
            SettingsError::of_file(&self.anchors_path, error, "check the files under [trust]")
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, SettingsError> {
    certificates_from_pem(&read(path)?)
        .map_err(|error| SettingsError::of_file(path, error, "it must hold certificates in PEM"))
}

fn ruleset_hash(instruments: &str, policy: &Policy) -> Result<[u8; 32], SettingsError> {
    let policy = serde_json::to_string(policy).map_err(|error| SettingsError(error.to_string()))?;
    Ok(sha256(format!("{instruments}\0{policy}").as_bytes()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationFile {
    #[serde(default)]
    revoked: Vec<RevokedRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokedRow {
    serial: Option<String>,
    certificate_sha256: Option<String>,
    at: String,
    reason: String,
}

fn revocations(path: &Path) -> Result<Vec<Revocation>, SettingsError> {
    const REMEDY: &str =
        "each [[revoked]] has `serial` or `certificate_sha256`, `at` as RFC 3339, and `reason`";
    let text = read_text(path)?;
    let file: RevocationFile =
        toml::from_str(&text).map_err(|error| SettingsError::of_file(path, error, REMEDY))?;
    let row = |(number, row): (usize, RevokedRow)| {
        let wrong = |what: &str| {
            SettingsError::of_file(path, format!("revocation {number}: {what}"), REMEDY)
        };
        let certificate = match (row.serial, row.certificate_sha256) {
            (Some(serial), None) => RevokedCertificate::SerialDigits(serial),
            (None, Some(hex)) => RevokedCertificate::Sha256(
                hex_32(&hex).ok_or_else(|| wrong("`certificate_sha256` is not 64 hex digits"))?,
            ),
            _ => return Err(wrong("it needs `serial` or `certificate_sha256`, not both")),
        };
        let at: jiff::Timestamp =
            row.at.parse().map_err(|_| wrong("`at` is not an RFC 3339 instant"))?;
        Ok(Revocation { certificate, at: at.as_second(), reason: row.reason })
    };
    (1..).zip(file.revoked).map(row).collect()
}

pub(crate) fn hex_32(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        let start = at.checked_mul(2)?;
        *byte = u8::from_str_radix(text.get(start..start.checked_add(2)?)?, 16).ok()?;
    }
    Some(bytes)
}

fn read(path: &Path) -> Result<Vec<u8>, SettingsError> {
    std::fs::read(path).map_err(|error| {
        SettingsError::of_file(
            path,
            error,
            "check the path in the configuration, and who may read it",
        )
    })
}

fn read_text(path: &Path) -> Result<String, SettingsError> {
    String::from_utf8(read(path)?)
        .map_err(|error| SettingsError::of_file(path, error, "save it as UTF-8"))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
