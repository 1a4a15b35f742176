//! Who may sign for an agency: officials, with the permit keys and the period of each.

use descargo_model::date::Day;
use descargo_model::text::comparable_name;
use serde::Deserialize;

use crate::load::{LoadError, Period};

/// One row of the registry, as the settings state it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerRecord {
    /// RFC of the official.
    pub rfc: String,
    /// Name as registered; empty: not compared.
    #[serde(default)]
    pub name: String,
    /// Agency signed for.
    pub agency: String,
    /// Permit keys signed for; empty: all of the agency's.
    #[serde(default)]
    pub permit_keys: Vec<String>,
    /// First day; empty: open.
    #[serde(default)]
    pub from: String,
    /// Last day; empty: open.
    #[serde(default)]
    pub to: String,
    /// SHA-256 of the only certificate that counts, in lower-case hex; empty: every one of the RFC.
    #[serde(default)]
    pub certificate_sha256: String,
}

/// What a certificate says about who signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignerFacts<'a> {
    /// RFC of the signer.
    pub rfc: &'a str,
    /// CURP of the signer; empty when the certificate has none.
    pub curp: &'a str,
    /// Name of the signer.
    pub name: &'a str,
    /// SHA-256 of the certificate, in lower-case hex.
    pub certificate_sha256: &'a str,
}

/// What the registry says about a signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerStanding {
    /// May sign; the name is the registered one.
    Registered,
    /// May sign, but the certificate's name is not the registered one.
    OtherName,
    /// May not sign this on that day.
    NotRegistered,
}

/// The registry. Few hundred rows, so it is walked.
#[derive(Debug, Default)]
pub struct SignerRegistry {
    rows: Vec<(SignerRecord, Period)>,
}

impl SignerRegistry {
    /// From the settings' rows.
    ///
    /// # Errors
    /// The first row whose dates are wrong, or that lacks RFC or agency.
    pub fn new(records: Vec<SignerRecord>) -> Result<Self, LoadError> {
        let rows = (1..).zip(records).map(|(number, record)| {
            let period = match (record.rfc.as_str(), record.agency.as_str()) {
                ("", _) | (_, "") => Err("it lacks `rfc` or `agency`".to_owned()),
                _ => Period::parse(&record.from, &record.to),
            };
            period.map(|period| (record, period)).map_err(|what| LoadError {
                file: "signers".to_owned(),
                line: number,
                what: format!("signer {number}: {what}"),
                remedy: "mend the [[signer]] in access.toml".to_owned(),
            })
        });
        Ok(Self { rows: rows.collect::<Result<_, _>>()? })
    }

    /// How a signer stands for a key of an agency on a day.
    #[must_use]
    pub fn standing(
        &self,
        signer: SignerFacts<'_>,
        agency: &str,
        permit_key: &str,
        on: Day,
    ) -> SignerStanding {
        let name = comparable_name(signer.name);
        let mut standing = SignerStanding::NotRegistered;
        for (row, period) in &self.rows {
            let keys_fit =
                row.permit_keys.is_empty() || row.permit_keys.iter().any(|key| key == permit_key);
            let certificate_fits = row.certificate_sha256.is_empty()
                || row.certificate_sha256 == signer.certificate_sha256;
            let person_fits = row.rfc == signer.rfc && row.agency == agency;
            let fits = person_fits && keys_fit && certificate_fits;
            if !fits || !period.holds_on(on) {
                continue;
            }
            if row.name.is_empty() || comparable_name(&row.name) == name {
                return SignerStanding::Registered;
            }
            standing = SignerStanding::OtherName;
        }
        standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_certificate_is_the_only_one_that_counts() {
        let record = SignerRecord {
            rfc: "CACX7605101P8".into(),
            name: String::new(),
            agency: "SE".into(),
            permit_keys: Vec::new(),
            from: String::new(),
            to: String::new(),
            certificate_sha256: "ab".into(),
        };
        let registry = SignerRegistry::new(vec![record]).unwrap();
        let day = Day::parse("2026-05-10").unwrap();
        let standing = |certificate_sha256| {
            let rfc = "CACX7605101P8";
            let facts = SignerFacts { rfc, curp: "", name: "", certificate_sha256 };
            registry.standing(facts, "SE", "C1", day)
        };
        assert_eq!(standing("ab"), SignerStanding::Registered);
        assert_eq!(standing("cd"), SignerStanding::NotRegistered);
    }
}
