//! From request bytes to answer bytes.
//!
//! `request` reads bytes strictly, `submit` and `exercise` decide, `answer` makes verdicts and
//! signs them, `engine` ties them to the ledger, `streams` does all that for many at a time. Nothing here knows Python or gRPC: identity and
//! bytes come in, bytes and completions go out, so another transport can stand in front of it.

use descargo_model::{canonical, pb};
use prost::Message;

mod answer;
pub mod caller;
mod change;
mod changes;
pub mod clock;
mod command;
pub mod day_alerts;
mod deliver;
pub mod engine;
mod exercise;
pub mod feed;
mod filter;
mod frame;
pub mod limits;
mod list;
mod place;
mod pool;
mod read;
mod reasons;
pub mod refusal;
mod request;
pub mod settings;
mod signed_form;
pub mod streams;
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
