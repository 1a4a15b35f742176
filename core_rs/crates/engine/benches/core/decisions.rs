//! Nanoseconds of what a decision is made of: reading, checks, signatures, receipts.

use std::path::Path;
use std::time::Duration;

use descargo_evidence::ReceiptKey;
use descargo_model::decimal::AmountValue;
use descargo_model::{pb, wire};
use descargo_rules::Rules;
use descargo_rules::agencies::AgencyKeys;
use descargo_rules::catalogue::Catalogue;
use descargo_rules::coverage::{LicenseState, LineAvailable, coverage};
use descargo_rules::declaration::{DeclarationContext, check_declaration};
use descargo_rules::instruments::Instruments;
use descargo_rules::signers::{SignerFacts, SignerRegistry};
use descargo_rules::submission::{Subject, SubmissionContext, check_submission};
use descargo_rules::terms::LicenseTerms;
use descargo_signature::{Algorithm, Signer, TrustStore, certificates_from_pem, verify_raw};
use prost::Message;

use crate::inputs::Inputs;
use crate::keys::Key;
use crate::report::{Report, nanos_each};

/// About a signed submission with one line, and about a verdict.
const MESSAGE: &[u8] = &[7; 512];

pub fn time(inputs: &Inputs, rounds: usize, milliseconds: u64, report: &mut Report) {
    let length = Duration::from_millis(milliseconds);
    let bench = Bench::new(inputs);
    for _ in 0..rounds {
        bench.reading(length, report);
        bench.checks(length, report);
        bench.signatures(length, report);
    }
}

/// Reads one request and decides it, so many times and nothing else, for whoever counts instructions:
/// no signature, since making one takes another number of them each time.
pub fn decide(inputs: &Inputs, count: usize) {
    let rules = rules(inputs);
    let context = DeclarationContext { rules: &rules, at: jiff::Timestamp::now() };
    let shape = wire::shape("ValidateLicenseRequest").unwrap();
    let envelope = inputs.envelope();
    let Some(pb::envelope::Form::Payload(payload)) = envelope.form else {
        panic!("the example submission has no payload")
    };
    let submission = pb::Submission::decode(payload.as_slice()).unwrap();
    let id = submission.license.unwrap();
    let Some(pb::submission::Change::Issue(license)) = &submission.change else {
        panic!("the example submission issues no license")
    };
    let terms = LicenseTerms::parse(&id, license).unwrap();
    let profile = rules.instruments.profile(&id.permit_key, &id.agency).unwrap();
    let granted = license.lines[0].authorized.as_ref().unwrap();
    let available = [LineAvailable { line_no: 1, available: AmountValue::parse(granted).unwrap() }];
    let declaration = inputs.declaration();
    let state = LicenseState {
        status: pb::LicenseStatus::Active,
        stops: &[],
        available: &available,
        discharge_signature: &declaration.lines[0].draws[0].discharge_signature,
    };
    for _ in 0..count {
        let bytes = std::hint::black_box(inputs.validation.as_slice());
        wire::inspect(shape, bytes).unwrap();
        let request = pb::ValidateLicenseRequest::decode(bytes).unwrap();
        let checked = check_declaration(&request.declaration.unwrap(), &context);
        let covered = coverage(&checked.claim().unwrap(), &terms, profile, &state, &context);
        assert!(covered.findings.is_empty());
    }
}

fn rules(inputs: &Inputs) -> Rules {
    let settings = &inputs.settings;
    let instruments = std::fs::read_to_string(&settings.instruments_path).unwrap();
    let catalogue = std::fs::read(&settings.catalogue_path).unwrap();
    Rules {
        catalogue: Catalogue::load("catalogue", &catalogue).unwrap(),
        instruments: Instruments::load("instruments", &instruments).unwrap(),
        policy: settings.policy.clone(),
    }
}

struct Bench<'a> {
    inputs: &'a Inputs,
    rules: Rules,
    trust: TrustStore,
    registry: SignerRegistry,
    agencies: [AgencyKeys; 1],
    envelope: pb::Envelope,
    payload: Vec<u8>,
    submission: pb::Submission,
    receipts: ReceiptKey,
    /// Algorithm, public key, signature over [`MESSAGE`].
    bare: Vec<(Algorithm, Vec<u8>, Vec<u8>)>,
}

impl<'a> Bench<'a> {
    fn new(inputs: &'a Inputs) -> Self {
        let settings = &inputs.settings;
        let read = |path: &Path| std::fs::read(path).unwrap();
        let certificates = |path: &Path| certificates_from_pem(&read(path)).unwrap();
        let envelope = inputs.envelope();
        let Some(pb::envelope::Form::Payload(payload)) = envelope.form.clone() else {
            panic!("the example submission has no payload")
        };
        let intermediates = settings.intermediates_path.as_deref().map(certificates);
        Self {
            inputs,
            rules: rules(inputs),
            trust: TrustStore::new(
                certificates(&settings.anchors_path),
                intermediates.unwrap_or_default(),
                Vec::new(),
            )
            .unwrap(),
            registry: SignerRegistry::new(settings.signers.clone()).unwrap(),
            agencies: [AgencyKeys { agency: "SE".into(), permit_keys: Vec::new() }],
            submission: pb::Submission::decode(payload.as_slice()).unwrap(),
            envelope,
            payload,
            receipts: ReceiptKey::from_pkcs8_pem(&read(&settings.receipt_key_path)).unwrap(),
            bare: [
                (Algorithm::RsaPkcs1Sha256, Key::rsa()),
                (Algorithm::EcdsaP256Sha256, Key::p256()),
                (Algorithm::Ed25519, Key::ed25519()),
            ]
            .into_iter()
            .map(|(algorithm, key)| (algorithm, key.spki(), key.sign(MESSAGE)))
            .collect(),
        }
    }

    fn reading(&self, length: Duration, report: &mut Report) {
        const GROUP: &str = "decode, strict walk and prost";
        let shape = |name: &str| wire::shape(name).unwrap();
        let (validation, submit) = (shape("ValidateLicenseRequest"), shape("SubmitLicenseRequest"));
        let payload = shape("Submission");
        let mut tell = |figure: &str, nanos: f64| report.tell(GROUP, figure, "ns", nanos);
        let bytes = self.inputs.validation.as_slice();
        tell("ValidateLicenseRequest, strict walk alone", {
            nanos_each(length, || wire::inspect(validation, bytes).unwrap())
        });
        tell("ValidateLicenseRequest", {
            nanos_each(length, || {
                wire::inspect(validation, bytes).unwrap();
                pb::ValidateLicenseRequest::decode(bytes).unwrap()
            })
        });
        let bytes = self.inputs.submission.as_slice();
        tell("SubmitLicenseRequest with its payload", {
            nanos_each(length, || {
                wire::inspect(submit, bytes).unwrap();
                wire::inspect(payload, &self.payload).unwrap();
                (
                    pb::SubmitLicenseRequest::decode(bytes).unwrap(),
                    pb::Submission::decode(self.payload.as_slice()).unwrap(),
                )
            })
        });
    }

    fn checks(&self, length: Duration, report: &mut Report) {
        const GROUP: &str = "checks";
        let now = jiff::Timestamp::now();
        let context = DeclarationContext { rules: &self.rules, at: now };
        let declaration = self.inputs.declaration();
        let checked = check_declaration(&declaration, &context);
        let claim = checked.claim().unwrap();
        let signer = self.signer();
        let submission = self.submission_context(&signer, now);
        let id = self.submission.license.clone().unwrap();
        let Some(pb::submission::Change::Issue(license)) = &self.submission.change else {
            panic!("the example submission issues no license")
        };
        let terms = LicenseTerms::parse(&id, license).unwrap();
        let profile = self.rules.instruments.profile(&id.permit_key, &id.agency).unwrap();
        let granted = license.lines[0].authorized.as_ref().unwrap();
        let available =
            [LineAvailable { line_no: 1, available: AmountValue::parse(granted).unwrap() }];
        let state = LicenseState {
            status: pb::LicenseStatus::Active,
            stops: &[],
            available: &available,
            discharge_signature: &declaration.lines[0].draws[0].discharge_signature,
        };
        // What is timed must be the way to a yes.
        assert!(coverage(&claim, &terms, profile, &state, &context).findings.is_empty());
        assert!(check_submission(&self.submission, &submission).grant.is_some());
        let mut tell = |figure: &str, nanos: f64| report.tell(GROUP, figure, "ns", nanos);
        tell("declaration", nanos_each(length, || check_declaration(&declaration, &context)));
        tell("coverage", {
            nanos_each(length, || coverage(&claim, &terms, profile, &state, &context))
        });
        tell("submission", {
            nanos_each(length, || check_submission(&self.submission, &submission))
        });
    }

    fn signatures(&self, length: Duration, report: &mut Report) {
        for (algorithm, spki, signature) in &self.bare {
            report.tell("signature verify", algorithm.name(), "ns", {
                nanos_each(length, || {
                    verify_raw(*algorithm, spki, MESSAGE, signature).unwrap();
                })
            });
        }
        let signer = nanos_each(length, || self.signer());
        report.tell(
            "signature verify",
            "e.firma RSA-2048 with its known certificate",
            "ns",
            signer,
        );
        let sign = nanos_each(length, || self.receipts.sign(MESSAGE).unwrap());
        report.tell("receipt sign", "P-256", "ns", sign);
    }

    fn signer(&self) -> Signer {
        let signed_at = self.submission.signed_at.as_ref().unwrap().seconds;
        self.trust
            .signer(
                &self.payload,
                &self.envelope.signature,
                &self.envelope.certificate_der,
                signed_at,
            )
            .unwrap()
    }

    fn submission_context<'b>(
        &'b self,
        signer: &'b Signer,
        received_at: jiff::Timestamp,
    ) -> SubmissionContext<'b> {
        SubmissionContext {
            rules: &self.rules,
            validator: &self.inputs.settings.validator,
            received_at,
            caller_agencies: &self.agencies,
            signer: Some(SignerFacts {
                rfc: &signer.rfc,
                curp: signer.curp.as_deref().unwrap_or(""),
                name: &signer.name,
                certificate_sha256: "",
            }),
            signer_registry: &self.registry,
            subject: Subject::Unknown,
        }
    }
}
