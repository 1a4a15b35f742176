//! Decides one submission of an agency: signature, checks, and the license that comes of it.

use std::sync::Arc;

use descargo_evidence::sha256;
use descargo_ledger::command::{
    Changed, Decision, Effect, Issued, Keys, LicenseKey, Loaded, Record, RequestKey, View,
};
use descargo_ledger::quarantine::Resigned;
use descargo_ledger::state::{self, LicenseState, Movement, OpenedLine};
use descargo_model::finding::{Code, Finding, Locator, StatedBy};
use descargo_model::pb::{self, submission::Change, verdict::Outcome};
use descargo_model::text::lookup_number;
use descargo_rules::signers::SignerFacts;
use descargo_rules::submission::{
    CheckedSubmission, Grant, LicenseChange, Subject, SubmissionContext, check_submission,
};
use descargo_rules::terms::LicenseTerms;
use descargo_signature::Signer;
use prost::Message;

use crate::answer::{Draft, Matter, firma, standing_pb};
use crate::authority::Authority;
use crate::caller::{Caller, Role};
use crate::change::{self, Standing};
use crate::clock::instant;
use crate::command::{Desk, Terms};
use crate::hex;
use crate::limits::SUBMISSION_BYTES_MAX;
use crate::refusal::{Reason, Refusal};
use crate::request;
use crate::signed_form::{SignedForm, signed_bytes, signer};

/// A submission that an agency sent.
#[derive(Debug, Clone)]
pub(crate) struct Submit {
    pub caller: Arc<Caller>,
    request_id: String,
    request: Vec<u8>,
    signed_sha256: [u8; 32],
    envelope: pb::Envelope,
    pub submission: pb::Submission,
    change_sha256: [u8; 32],
    /// What is wrong with how the submission was written down, before anything is checked.
    irregular: Vec<Finding>,
    signer: Result<Signer, Vec<Finding>>,
    /// What the signer was found under.
    authority: Arc<Authority>,
    certificate_sha256: [u8; 32],
    keys: Keys,
}

impl Submit {
    /// Reads a `SubmitLicenseRequest` and checks its signature.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn read(
        caller: Arc<Caller>,
        bytes: &[u8],
        authority: Arc<Authority>,
    ) -> Result<Self, Refusal> {
        let message: pb::SubmitLicenseRequest =
            request::read("SubmitLicenseRequest", bytes, SUBMISSION_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let envelope = request::required("envelope", message.envelope)?;
        let SignedForm { submission, irregular } = SignedForm::read(&envelope, message.submission)?;
        let signer = signer(&authority.trust, &envelope, &submission);
        let license = submission.license.clone().unwrap_or_default();
        let request_key =
            RequestKey { caller: caller.name.clone(), request_id: request_id.clone() };
        let keys = Keys {
            request: Some((request_key, sha256(bytes))),
            licenses: vec![LicenseKey {
                permit_key: license.permit_key,
                lookup_number: lookup_number(&license.permit_number),
            }],
            version: Some(submission.version),
            content: true,
            ..Keys::default()
        };
        Ok(Self {
            caller,
            request_id,
            request: bytes.to_vec(),
            signed_sha256: sha256(signed_bytes(&envelope)),
            change_sha256: change_sha256(&submission),
            certificate_sha256: sha256(&envelope.certificate_der),
            envelope,
            submission,
            irregular,
            signer,
            authority,
            keys,
        })
    }

    /// Whether the signer was looked for under this authority.
    pub fn is_checked_under(&self, authority: &Arc<Authority>) -> bool {
        Arc::ptr_eq(&self.authority, authority)
    }

    /// The same submission, its signer looked for under another authority.
    pub fn checked_again(&self, authority: &Arc<Authority>) -> Self {
        let signer = signer(&authority.trust, &self.envelope, &self.submission);
        Self { signer, authority: Arc::clone(authority), ..self.clone() }
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Decides, for the ledger to record.
    pub fn decide(&self, desk: &Desk, view: &View<'_, Terms>) -> Decision<Terms, Draft, Refusal> {
        let named = self.named(view);
        let standing = match named.map(|row| Standing::read(row, view)) {
            None => None,
            Some(Some(standing)) => Some(standing),
            Some(None) => return fault("a license's content is damaged"),
        };
        let accepted_before = named.and_then(|row| self.accepted_before(row));
        let present = standing.as_ref().map(Standing::present);
        let subject = match (accepted_before, &present) {
            (Some(_), _) => Subject::Changed,
            (None, Some(present)) => Subject::Present(present),
            (None, None) => Subject::Unknown,
        };
        let checked = self.check(desk, view, subject);
        let CheckedSubmission { findings, grant, change } = checked;
        let mut findings = self.with_irregular(findings);
        if let Err(problems) = &self.signer {
            findings.extend(problems.iter().cloned());
        }
        let known = standing.as_ref().filter(|_| may_know(&findings));
        if let Some(known) = known {
            match accepted_before {
                Some(_) if self.is_believed(&findings) && known.doubts(self.submission.version) => {
                    return self.sign_again(desk, view, &findings, known);
                }
                Some(verdict_no) if self.is_believed(&findings) => {
                    return Decision::SameAs(verdict_no);
                }
                // The accepted change itself is no other license; why it is not believed this time
                // has been told.
                Some(_) => {}
                None if self.begins() => findings.push(already_issued(known.row)),
                None => {}
            }
        }
        if findings.iter().any(Finding::refuses) {
            // A hub reads no license: a worthless signature must not tell it what stands in one.
            let reads = self.caller.role != Role::Hub || self.is_believed(&findings);
            if !reads {
                let of_law = |finding: &&mut Finding| finding.code.as_str().starts_with('N');
                findings.iter_mut().filter(of_law).for_each(|each| each.granted.clear());
            }
            return self.refuse(desk, view, &findings, known.filter(|_| reads));
        }
        match (grant, change, &standing) {
            (Some(grant), _, _) => self.issue(desk, view, &findings, grant),
            (None, Some(change), Some(standing)) => {
                self.change(desk, view, &findings, standing, change)
            }
            _ => fault("a submission without finding neither begins nor changes a license"),
        }
    }

    fn refuse(
        &self,
        desk: &Desk,
        view: &View<'_, Terms>,
        findings: &[Finding],
        known: Option<&Standing<'_>>,
    ) -> Decision<Terms, Draft, Refusal> {
        let standings =
            known.map(|known| standing_pb(&known.row.state, known.status)).into_iter().collect();
        let outcome = Outcome::Error(pb::Refusal { standings });
        let draft = desk.letterhead.recorded(&self.matter(), view, findings, None, outcome);
        Decision::Record(Box::new(Record { refused: true, draft, effect: Effect::Nothing }))
    }

    fn issue(
        &self,
        desk: &Desk,
        view: &View<'_, Terms>,
        findings: &[Finding],
        grant: Grant,
    ) -> Decision<Terms, Draft, Refusal> {
        let lines: Vec<OpenedLine> = grant
            .lines
            .iter()
            .map(|line| OpenedLine {
                line_no: line.line_no,
                unit: line.unit,
                authorized: line.authorized,
                available: line.available,
            })
            .collect();
        let signature = desk.codes.discharge_signature(
            &grant.license.agency,
            &grant.license.permit_key,
            &grant.license.lookup_number,
            1,
            &self.change_sha256,
        );
        match state::issue(view.next_license_id, grant.license, signature, grant.notified, &lines) {
            Ok((state, movements)) => {
                let at = instant(view.decided_at);
                let movements = change::shown(&state, movements, at, grant.valid_to);
                self.accept(desk, view, findings, state, movements)
            }
            Err(error) => fault(&format!("a grant without finding cannot be opened: {error}")),
        }
    }

    fn change(
        &self,
        desk: &Desk,
        view: &View<'_, Terms>,
        findings: &[Finding],
        standing: &Standing<'_>,
        change: LicenseChange,
    ) -> Decision<Terms, Draft, Refusal> {
        let Some(stated) = &self.submission.change else { return fault("a change is absent") };
        let next = match standing.changed(change, stated) {
            Ok(next) => next,
            Err(what) => return fault(&what),
        };
        let outcome = firma(&next.state, &next.movements);
        let draft = desk.letterhead.recorded(&self.matter(), view, findings, None, outcome);
        let changed = Changed {
            state: next.state,
            movements: next.movements,
            change_sha256: self.change_sha256,
            content: next.content,
            envelope: self.envelope.encode_to_vec(),
            terms: next.terms,
            ends_suspension: next.ends_suspension,
        };
        let effect = Effect::Change(changed);
        Decision::Record(Box::new(Record { refused: false, draft, effect }))
    }

    /// The same change under another signature lifts the doubt that the license is in. As to a
    /// repeat, what the law would say of it today does not matter.
    fn sign_again(
        &self,
        desk: &Desk,
        view: &View<'_, Terms>,
        findings: &[Finding],
        standing: &Standing<'_>,
    ) -> Decision<Terms, Draft, Refusal> {
        let (state, movement) = match standing.signed_again(self.submission.version) {
            Ok(next) => next,
            Err(what) => return fault(&what),
        };
        let warnings: Vec<Finding> =
            findings.iter().filter(|finding| !finding.refuses()).cloned().collect();
        let outcome = firma(&state, std::slice::from_ref(&movement));
        let draft = desk.letterhead.recorded(&self.matter(), view, &warnings, None, outcome);
        let envelope = self.envelope.encode_to_vec();
        let effect = Effect::Resign(Resigned { state, movement, envelope });
        Decision::Record(Box::new(Record { refused: false, draft, effect }))
    }

    fn accept(
        &self,
        desk: &Desk,
        view: &View<'_, Terms>,
        findings: &[Finding],
        state: LicenseState,
        movements: Vec<Movement>,
    ) -> Decision<Terms, Draft, Refusal> {
        let license = license_of(&self.submission).cloned().unwrap_or_default();
        let terms = match LicenseTerms::parse(&state.name.to_pb(), &license) {
            Ok(terms) => Arc::new(Terms::new(terms)),
            Err(error) => {
                return Decision::Refuse(Refusal::new(Reason::Fault, error.to_string()));
            }
        };
        let outcome = firma(&state, &movements);
        let draft = desk.letterhead.recorded(&self.matter(), view, findings, None, outcome);
        let issued = Issued {
            state,
            movements,
            change_sha256: self.change_sha256,
            content: license.encode_to_vec(),
            envelope: self.envelope.encode_to_vec(),
            terms,
        };
        Decision::Record(Box::new(Record { refused: false, draft, effect: Effect::Issue(issued) }))
    }

    fn check(
        &self,
        desk: &Desk,
        view: &View<'_, Terms>,
        subject: Subject<'_>,
    ) -> CheckedSubmission {
        let certificate_sha256 = hex(&self.certificate_sha256);
        let signer = self.signer.as_ref().ok().map(|signer| SignerFacts {
            rfc: &signer.rfc,
            curp: signer.curp.as_deref().unwrap_or(""),
            name: &signer.name,
            certificate_sha256: &certificate_sha256,
        });
        check_submission(
            &self.submission,
            &SubmissionContext {
                rules: &desk.rules,
                validator: &desk.letterhead.validator,
                received_at: instant(view.decided_at),
                caller_agencies: &self.caller.agencies,
                signer,
                signer_registry: &self.authority.signers,
                subject,
            },
        )
    }

    /// The findings after what is irregular, each told once: a text that no canonical string can
    /// hold is mostly one that the rules refuse too.
    fn with_irregular(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let told = |irregular: &&Finding| {
            findings.iter().any(|finding| {
                finding.code == irregular.code && finding.locator.field == irregular.locator.field
            })
        };
        let untold = self.irregular.iter().filter(|irregular| !told(irregular)).cloned();
        untold.chain(findings.iter().cloned()).collect()
    }

    /// The license that stands under the agency's name.
    fn named<'a>(&self, view: &'a View<'_, Terms>) -> Option<&'a Loaded<Terms>> {
        let agency = &self.submission.license.as_ref()?.agency;
        let rows = view.licenses(self.keys.licenses.first()?);
        rows.iter().find(|row| row.state.name.agency == *agency)
    }

    /// Whether it begins a license.
    fn begins(&self) -> bool {
        matches!(&self.submission.change, Some(Change::Issue(_) | Change::Onboarding(_)) | None)
    }

    /// The verdict that accepted this very change before (N402).
    fn accepted_before(&self, earlier: &Loaded<Terms>) -> Option<i64> {
        let mark = earlier.version(self.submission.version)?;
        (mark.change_sha256 == self.change_sha256).then_some(mark.verdict_no)
    }

    /// Whether this is truly signed. What the law would say today of a change that is already
    /// accepted does not matter; this does.
    fn is_believed(&self, findings: &[Finding]) -> bool {
        let signature_stands =
            findings.iter().all(|finding| !finding.code.as_str().starts_with('F'));
        signature_stands && self.irregular.is_empty()
    }

    fn matter(&self) -> Matter<'_> {
        Matter {
            request_id: &self.request_id,
            request_sha256: self.signed_sha256,
            caller: &self.caller.name,
            signer_sha256: self.certificate_sha256.to_vec(),
            stated_by: StatedBy::Agency,
        }
    }
}

fn license_of(submission: &pb::Submission) -> Option<&pb::License> {
    match submission.change.as_ref()? {
        Change::Issue(license) => Some(license),
        Change::Onboarding(onboarding) => onboarding.license.as_ref(),
        _ => None,
    }
}

/// Identity of the change, whenever it was signed.
fn change_sha256(submission: &pb::Submission) -> [u8; 32] {
    let unsigned = pb::Submission { signed_at: None, ..submission.clone() };
    sha256(&unsigned.encode_to_vec())
}

/// Whether the caller may know the license that it names: nothing is told of another agency's.
fn may_know(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| !matches!(finding.code, Code::F509 | Code::C202))
}

fn fault(what: &str) -> Decision<Terms, Draft, Refusal> {
    Decision::Refuse(Refusal::new(Reason::Fault, what))
}

fn already_issued(earlier: &Loaded<Terms>) -> Finding {
    Finding::new(Code::N401, Locator::field("license"))
        .declared(&earlier.state.name.permit_number)
        .granted(format!("version {}", earlier.state.version))
}
