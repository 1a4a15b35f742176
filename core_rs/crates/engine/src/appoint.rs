//! What operators say of signatures: who may sign, and which certificate is believed no more.
//!
//! Each is recorded as a verdict of its own, so that who said it and when is signed evidence, and a
//! repeated request gets the same revision.

use std::sync::Arc;

use descargo_evidence::sha256;
use descargo_ledger::appointed::{Appointment, RevocationRow, SignerRow};
use descargo_ledger::command::{Decision, Effect, Keys, Record, RequestKey, View};
use descargo_model::date::{Day, instant_of};
use descargo_model::finding::StatedBy;
use descargo_model::pb::{self, verdict::Outcome};
use descargo_model::rfc::Rfc;
use descargo_rules::instruments::Instruments;

use crate::answer::{Draft, Matter};
use crate::caller::{Caller, Role};
use crate::command::{Desk, Terms};
use crate::limits::{CERTIFICATE_BYTES_MAX, OPERATION_BYTES_MAX};
use crate::refusal::{Reason, Refusal};
use crate::request;

/// Longest name of an official, and longest reason.
const TEXT_MAX: usize = 250;
/// Keys of one official.
const KEYS_MAX: usize = 100;

/// An operator's word that waits to be recorded.
#[derive(Debug)]
pub(crate) struct Appoint {
    caller: Arc<Caller>,
    request_id: String,
    request: Vec<u8>,
    request_sha256: [u8; 32],
    keys: Keys,
    added: Appointment,
}

impl Appoint {
    /// Reads an `EnrollSignerRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it is malformed, or names what nobody can sign for or with.
    pub fn of_enrolment(
        caller: &Arc<Caller>,
        bytes: &[u8],
        instruments: &Instruments,
    ) -> Result<Self, Refusal> {
        only_operators(caller)?;
        let message: pb::EnrollSignerRequest =
            request::read("EnrollSignerRequest", bytes, OPERATION_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let signer = request::required("signer", message.signer)?;
        let row = signer_row(signer, &message.certificate, &message.reason, instruments)?;
        Ok(Self::new(caller, request_id, bytes, Appointment::Signer(row)))
    }

    /// Reads a `RevokeCertificateRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it is malformed.
    pub fn of_revocation(caller: &Arc<Caller>, bytes: &[u8]) -> Result<Self, Refusal> {
        only_operators(caller)?;
        let message: pb::RevokeCertificateRequest =
            request::read("RevokeCertificateRequest", bytes, OPERATION_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let certificate_sha256 = fingerprint(&message.certificate_sha256)?;
        let revoked_at = request::required("revoked_at", message.revoked_at)?;
        let revoked_at = instant_of(&revoked_at)
            .ok_or_else(|| wrong("revoked_at", "`revoked_at` is no instant"))?;
        let row = RevocationRow {
            certificate_sha256,
            revoked_at: revoked_at.as_second(),
            reason: text("reason", &message.reason)?,
        };
        Ok(Self::new(caller, request_id, bytes, Appointment::Revocation(row)))
    }

    /// Reads a `QuarantineCertificateRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it is malformed.
    pub fn of_quarantine(caller: &Arc<Caller>, bytes: &[u8]) -> Result<Self, Refusal> {
        only_operators(caller)?;
        let message: pb::QuarantineCertificateRequest =
            request::read("QuarantineCertificateRequest", bytes, OPERATION_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let revocation = RevocationRow {
            certificate_sha256: fingerprint(&message.certificate_sha256)?,
            // Who has the key writes any signing time, so none of them is believed any more.
            revoked_at: 0,
            reason: text("reason", &message.reason)?,
        };
        let signed_after = nanos("signed_after", message.signed_after)?;
        let added = Appointment::Quarantine { revocation, signed_after };
        Ok(Self::new(caller, request_id, bytes, added))
    }

    fn new(caller: &Arc<Caller>, request_id: String, bytes: &[u8], added: Appointment) -> Self {
        let key = RequestKey { caller: caller.name.clone(), request_id: request_id.clone() };
        let request_sha256 = sha256(bytes);
        Self {
            caller: caller.clone(),
            request_id,
            request: bytes.to_vec(),
            request_sha256,
            keys: Keys { request: Some((key, request_sha256)), ..Keys::default() },
            added,
        }
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Decides, for the ledger to record. Nothing that it sees can speak against it.
    pub fn decide(&self, desk: &Desk, view: &View<'_, Terms>) -> Decision<Terms, Draft, Refusal> {
        let matter = Matter {
            request_id: &self.request_id,
            request_sha256: self.request_sha256,
            caller: &self.caller.name,
            signer_sha256: Vec::new(),
            stated_by: StatedBy::Agency,
        };
        let outcome = Outcome::Firma(pb::Firma::default());
        let draft = desk.letterhead.recorded(&matter, view, &[], None, outcome);
        let effect = Effect::Appoint(self.added.clone());
        Decision::Record(Box::new(Record { refused: false, draft, effect }))
    }
}

/// Lets operators through.
///
/// # Errors
/// `ROLE_NOT_ALLOWED` for everybody else.
pub(crate) fn only_operators(caller: &Caller) -> Result<(), Refusal> {
    match caller.role {
        Role::Operator => Ok(()),
        _ => Err(Refusal::new(Reason::RoleNotAllowed, "this identity is no operator")),
    }
}

/// A certificate's SHA-256.
///
/// # Errors
/// `FIELD_INVALID` when it has not 32 bytes.
pub(crate) fn fingerprint(bytes: &[u8]) -> Result<[u8; 32], Refusal> {
    bytes.try_into().map_err(|_| {
        let what = format!("`certificate_sha256` has {} bytes, not 32", bytes.len());
        wrong("certificate_sha256", &what)
    })
}

/// An instant, in nanoseconds since 1970.
///
/// # Errors
/// `FIELD_INVALID` when it is absent or out of range.
pub(crate) fn nanos(field: &str, stated: Option<prost_types::Timestamp>) -> Result<i64, Refusal> {
    let stated = request::required(field, stated)?;
    instant_of(&stated)
        .and_then(|at| i64::try_from(at.as_nanosecond()).ok())
        .ok_or_else(|| wrong(field, &format!("`{field}` is no instant")))
}

/// A text that must be there.
///
/// # Errors
/// `FIELD_INVALID` when it is blank or too long.
pub(crate) fn text(field: &str, stated: &str) -> Result<String, Refusal> {
    let trimmed = stated.trim();
    let length = trimmed.chars().count();
    match length {
        0 => Err(wrong(field, &format!("`{field}` is absent"))),
        1..=TEXT_MAX => Ok(trimmed.to_owned()),
        _ => Err(wrong(field, &format!("`{field}` has {length} characters, at most {TEXT_MAX}"))),
    }
}

pub(crate) fn wrong(field: &str, what: &str) -> Refusal {
    Refusal::of_field(Reason::FieldInvalid, field, what)
}

fn signer_row(
    signer: pb::Signer,
    certificate: &[u8],
    reason: &str,
    instruments: &Instruments,
) -> Result<SignerRow, Refusal> {
    let set_by_us = [
        ("signer.certificate_sha256", signer.certificate_sha256.is_empty()),
        ("signer.enrolled_by", signer.enrolled_by.is_empty()),
        ("signer.enrolled_at", signer.enrolled_at.is_none()),
        ("signer.reason", signer.reason.is_empty()),
    ];
    if let Some((field, _)) = set_by_us.iter().find(|(_, absent)| !absent) {
        return Err(wrong(field, &format!("`{field}` is set by the validator")));
    }
    // An RFC is personal data: it is not repeated.
    Rfc::parse(&signer.rfc).map_err(|_| wrong("signer.rfc", "`signer.rfc` is no RFC"))?;
    check_agency(&signer, instruments)?;
    let day = |field: &str, text: &str| {
        Day::parse(text).map_err(|_| wrong(field, &format!("`{text}` is no day as YYYY-MM-DD")))
    };
    let from = day("signer.valid_from", &signer.valid_from)?;
    if !signer.valid_to.is_empty() && day("signer.valid_to", &signer.valid_to)? < from {
        let what = format!("`{}` is before `{from}`", signer.valid_to);
        return Err(wrong("signer.valid_to", &what));
    }
    Ok(SignerRow {
        verdict_no: 0,
        certificate_sha256: bound_to(certificate, &signer.rfc)?,
        name: text("signer.name", &signer.name)?,
        reason: text("reason", reason)?,
        rfc: signer.rfc,
        agency: signer.agency,
        permit_keys: signer.permit_keys,
        valid_from: signer.valid_from,
        valid_to: signer.valid_to,
    })
}

/// The agency must be one, and each key its own: a mistyped one would enrol for nothing.
fn check_agency(signer: &pb::Signer, instruments: &Instruments) -> Result<(), Refusal> {
    if !instruments.has_agency(&signer.agency) {
        return Err(wrong("signer.agency", &format!("unknown agency `{}`", signer.agency)));
    }
    if signer.permit_keys.len() > KEYS_MAX {
        let what = format!("{} permit keys, at most {KEYS_MAX}", signer.permit_keys.len());
        return Err(wrong("signer.permit_keys", &what));
    }
    for (at, key) in signer.permit_keys.iter().enumerate() {
        if instruments.profile(key, &signer.agency).is_none() {
            let what = format!("`{key}` is no permit key of `{}`", signer.agency);
            return Err(wrong(&format!("signer.permit_keys[{at}]"), &what));
        }
    }
    Ok(())
}

/// Fingerprint of the certificate, when one is given and fit to sign.
fn bound_to(certificate: &[u8], rfc: &str) -> Result<String, Refusal> {
    if certificate.is_empty() {
        return Ok(String::new());
    }
    // PEM is a third longer, and may have text around it.
    request::within("certificate", certificate.len(), 2 * CERTIFICATE_BYTES_MAX)?;
    let enrolled = crate::enrolled(certificate)
        .map_err(|why| wrong("certificate", &format!("not fit to sign: {why}")))?;
    match enrolled.rfc == rfc {
        true => Ok(enrolled.certificate_sha256),
        false => Err(wrong("certificate", "the certificate is of another RFC")),
    }
}
