//! What an agency signed, in either of its two forms: the bytes of a submission, or its cadena
//! original with the submission beside it.

use descargo_model::canonical::{canonical_string, first_difference};
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb::{self, envelope::Form};
use descargo_signature::{Signer, TrustStore};
use prost::Message;

use crate::limits::{CERTIFICATE_BYTES_MAX, PAYLOAD_BYTES_MAX, SIGNATURE_BYTES_MAX};
use crate::refusal::{Reason, Refusal};
use crate::request;

/// Where the string stands in the request.
const CANONICAL: &str = "envelope.canonical_string";

/// A submission, and what is wrong with how it was written down.
pub(crate) struct SignedForm {
    pub submission: pb::Submission,
    /// S108 of a payload. Of a canonical string F510, or why there can be none.
    pub irregular: Vec<Finding>,
}

impl SignedForm {
    /// Reads the form that the envelope has.
    ///
    /// # Errors
    /// [`Refusal`] when a part is absent, too long or unreadable, or when the submission stands
    /// beside a payload, where it would say the same thing twice.
    pub fn read(envelope: &pb::Envelope, beside: Option<pb::Submission>) -> Result<Self, Refusal> {
        match &envelope.form {
            None => request::required("envelope.payload", None),
            Some(Form::Payload(_)) if beside.is_some() => Err(Refusal::of_field(
                Reason::FieldInvalid,
                "submission",
                "`submission` stands beside a payload; it belongs to a canonical string only",
            )),
            Some(Form::Payload(payload)) => {
                request::within("envelope.payload", payload.len(), PAYLOAD_BYTES_MAX)?;
                signature_parts(envelope)?;
                Self::of_payload(payload)
            }
            Some(Form::CanonicalString(sent)) => {
                request::within(CANONICAL, sent.len(), PAYLOAD_BYTES_MAX)?;
                signature_parts(envelope)?;
                let submission = request::required("submission", beside)?;
                request::within("submission", submission.encoded_len(), PAYLOAD_BYTES_MAX)?;
                let irregular = differences(&submission, sent);
                Ok(Self { submission, irregular })
            }
        }
    }

    fn of_payload(payload: &[u8]) -> Result<Self, Refusal> {
        let irregular = request::irregularities("Submission", payload, "envelope.payload")?
            .iter()
            .map(|found| Finding::new(Code::S108, Locator::field(found.path())))
            .collect();
        let submission = pb::Submission::decode(payload)
            .map_err(|error| request::unreadable("envelope.payload", &error.to_string()))?;
        Ok(Self { submission, irregular })
    }
}

/// The bytes that the signature covers.
pub(crate) fn signed_bytes(envelope: &pb::Envelope) -> &[u8] {
    match &envelope.form {
        None => &[],
        Some(Form::Payload(payload)) => payload,
        Some(Form::CanonicalString(text)) => text.as_bytes(),
    }
}

fn signature_parts(envelope: &pb::Envelope) -> Result<(), Refusal> {
    request::within("envelope.signature", envelope.signature.len(), SIGNATURE_BYTES_MAX)?;
    let certificate = &envelope.certificate_der;
    request::within("envelope.certificate_der", certificate.len(), CERTIFICATE_BYTES_MAX)?;
    match (envelope.signature.is_empty(), certificate.is_empty()) {
        (true, _) => request::required("envelope.signature", None),
        (_, true) => request::required("envelope.certificate_der", None),
        _ => Ok(()),
    }
}

/// The string is built again and never taken at its word: F510 where the two part. A string that is
/// not in NFC or begins with a byte order mark differs for that alone, since ours never does.
fn differences(submission: &pb::Submission, sent: &str) -> Vec<Finding> {
    match canonical_string(submission) {
        Ok(built) if built == sent => Vec::new(),
        Ok(_) => first_difference(submission, sent)
            .map(|difference| {
                let path = difference.path.unwrap_or_else(|| CANONICAL.to_owned());
                let (line_no, position) = (difference.line_no, difference.position);
                Finding::new(Code::F510, Locator { line_no, ..Locator::field(path) })
                    .declared(format_args!("{position}: {}", difference.sent))
                    .granted(format_args!("{position}: {}", difference.built))
            })
            .into_iter()
            .collect(),
        Err(parts) => parts
            .into_iter()
            .map(|part| {
                let locator = Locator { line_no: part.line_no, ..Locator::field(part.path) };
                Finding::new(part.code, locator).declared(part.value)
            })
            .collect(),
    }
}

/// Who signed a submission, or everything that is wrong with the signature.
pub(crate) fn signer(
    trust: &TrustStore,
    envelope: &pb::Envelope,
    submission: &pb::Submission,
) -> Result<Signer, Vec<Finding>> {
    // Without a signing time the certificate is judged at the epoch: it does not hold then, and
    // S101 says why.
    let signed_at = submission.signed_at.as_ref().map_or(0, |at| at.seconds);
    let signed = signed_bytes(envelope);
    trust.signer(signed, &envelope.signature, &envelope.certificate_der, signed_at).map_err(
        |problems| {
            problems
                .iter()
                .map(|problem| {
                    let field = match problem.code() {
                        "F501" => "envelope.signature",
                        _ => "envelope.certificate_der",
                    };
                    let code = problem.code().parse().unwrap_or(Code::F503);
                    Finding::new(code, Locator::field(field))
                        .declared(problem.declared())
                        .granted(problem.granted())
                })
                .collect()
        },
    )
}
