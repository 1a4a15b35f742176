//! From request bytes to answer bytes.
//!
//! `request` reads bytes strictly, `submit` and `exercise` decide, `answer` makes verdicts and
//! signs them, `engine` ties them to the ledger. Nothing here knows Python or gRPC: identity and
//! bytes come in, bytes and completions go out, so another transport can stand in front of it.

mod answer;
pub mod caller;
pub mod clock;
mod command;
pub mod engine;
mod exercise;
pub mod limits;
mod read;
pub mod refusal;
mod request;
pub mod settings;
mod submit;
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
