//! From request bytes to answer bytes.
//!
//! `request` reads bytes strictly, `submit` and `declaration` decide, `answer` makes verdicts and
//! signs them, `engine` ties them to the ledger, `streams` does all that for many at a time. Nothing here knows Python or gRPC: identity and
//! bytes come in, bytes and completions go out, so another transport can stand in front of it.

use descargo_model::{canonical, pb};
use prost::Message;

mod activity;
mod affected;
mod answer;
mod appoint;
mod authority;
pub mod caller;
mod change;
mod changes;
pub mod clock;
mod command;
pub mod day_alerts;
mod declaration;
mod deliver;
pub mod engine;
pub mod feed;
mod filter;
mod frame;
mod leases;
pub mod limits;
mod list;
mod movements;
mod place;
mod pool;
mod quarantine;
mod read;
mod reasons;
mod recorded;
pub mod refusal;
mod request;
mod required;
pub mod rulesets;
pub mod settings;
mod signed_form;
mod signers;
pub mod streams;
mod submission_tally;
mod submit;
mod window;
mod wrong_signatures;

/// Checks a bare signature with the very function that submissions are checked with: empty when it
/// is valid, else why it is not.
#[must_use]
pub fn verify_raw(algorithm: &str, spki: &[u8], message: &[u8], signature: &[u8]) -> String {
    let Some(algorithm) = descargo_signature::Algorithm::parse(algorithm) else {
        return format!("unknown algorithm `{algorithm}`");
    };
    match descargo_signature::verify_raw(algorithm, spki, message, signature) {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    }
}

/// Who a certificate is of that an official is to be enrolled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// SHA-256 of the certificate, in lower-case hex.
    pub certificate_sha256: String,
    /// RFC of its holder.
    pub rfc: String,
    /// Name of its holder.
    pub name: String,
}

/// Reads the certificate of an official, DER or PEM.
///
/// # Errors
/// A sentence with everything that makes it unfit: an unreadable certificate, a weak or unknown
/// key, another kind than e.firma.
pub fn enrolled(certificate: &[u8]) -> Result<Enrolled, String> {
    let der = match certificate.starts_with(b"-----BEGIN") {
        false => certificate.to_vec(),
        true => descargo_signature::certificates_from_pem(certificate)
            .map_err(|error| error.to_string())?
            .into_iter()
            .next()
            .ok_or("no certificate in PEM")?,
    };
    let signer = descargo_signature::enrolled(&der)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    Ok(Enrolled {
        certificate_sha256: hex(&signer.certificate_sha256),
        rfc: signer.rfc,
        name: signer.name,
    })
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The canonical string of a serialised `Submission`, as submissions are compared with.
///
/// # Errors
/// A sentence, when the bytes are no submission or the form cannot write what it says.
pub fn canonical_string(submission: &[u8]) -> Result<String, String> {
    let submission = pb::Submission::decode(submission).map_err(|error| error.to_string())?;
    canonical::canonical_string(&submission).map_err(|parts| {
        let told = parts.iter().map(|part| format!("{} `{}`", part.code, part.path));
        told.collect::<Vec<_>>().join(", ")
    })
}
