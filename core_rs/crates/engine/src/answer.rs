//! Making answers: the verdict, its receipt, its texts.

use descargo_evidence::ReceiptKey;
use descargo_ledger::command::{Nanos, View};
use descargo_ledger::state::{Balance, LicenseState, Movement};
use descargo_model::decimal::AmountValue;
use descargo_model::finding::{Finding, FindingTexts, StatedBy};
use descargo_model::pb::{self, verdict::Outcome};
use prost::Message;

use crate::clock::instant;

/// What every verdict of this validator says alike.
#[derive(Debug)]
pub(crate) struct Letterhead {
    pub validator: String,
    pub ruleset_hash: [u8; 32],
    pub catalogue_version: String,
    pub texts: &'static FindingTexts,
}

/// A verdict before it is signed, with what stands beside it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub verdict: pb::Verdict,
    pub revision: String,
    pub texts: Vec<pb::FindingText>,
}

/// What a verdict is about.
#[derive(Debug, Clone)]
pub(crate) struct Matter<'a> {
    pub request_id: &'a str,
    pub request_sha256: [u8; 32],
    pub caller: &'a str,
    pub signer_sha256: Vec<u8>,
    pub stated_by: StatedBy,
}

impl Letterhead {
    /// A verdict that is recorded in the ledger.
    pub fn recorded<T>(
        &self,
        matter: &Matter<'_>,
        view: &View<'_, T>,
        findings: &[Finding],
        position: Option<pb::Position>,
        outcome: Outcome,
    ) -> Draft {
        let mut draft = self.unrecorded(matter, view.decided_at, findings, outcome);
        draft.verdict.verdict_id = verdict_id(view.ledger_id, view.verdict_no);
        draft.verdict.position = position;
        draft.revision = revision(view.ledger_id, view.verdict_no);
        draft
    }

    /// A verdict that is only told: the answer to a check.
    pub fn unrecorded(
        &self,
        matter: &Matter<'_>,
        decided_at: Nanos,
        findings: &[Finding],
        outcome: Outcome,
    ) -> Draft {
        let verdict = pb::Verdict {
            r#type: "descargo.v1.Verdict".into(),
            validator: self.validator.clone(),
            verdict_id: String::new(),
            request_id: matter.request_id.to_owned(),
            request_sha256: matter.request_sha256.to_vec(),
            caller: matter.caller.to_owned(),
            signer_sha256: matter.signer_sha256.clone(),
            decided_at: Some(descargo_model::date::timestamp_of(instant(decided_at))),
            ruleset_hash: self.ruleset_hash.to_vec(),
            catalogue_version: self.catalogue_version.clone(),
            position: None,
            findings: findings.iter().map(Finding::to_pb).collect(),
            outcome: Some(outcome),
        };
        Draft { verdict, revision: String::new(), texts: self.texts.of(findings, matter.stated_by) }
    }
}

impl Draft {
    /// The signed answer's bytes.
    ///
    /// # Errors
    /// A sentence, when the key refuses.
    pub fn sealed(&self, key: &ReceiptKey) -> Result<Vec<u8>, String> {
        let payload = self.verdict.encode_to_vec();
        let signature = key.sign(&payload).map_err(|error| error.to_string())?;
        let receipt = pb::Receipt { payload, signature, key_id: key.key_id().to_owned() };
        Ok(self.with_receipt(Some(receipt)))
    }

    /// The answer's bytes without receipt.
    pub fn unsealed(&self) -> Vec<u8> {
        self.with_receipt(None)
    }

    fn with_receipt(&self, receipt: Option<pb::Receipt>) -> Vec<u8> {
        // The verdict stands first, as the very bytes that are signed, so that both are the same.
        let verdict = match &receipt {
            Some(receipt) => receipt.payload.clone(),
            None => self.verdict.encode_to_vec(),
        };
        let rest = pb::Answer {
            verdict: None,
            receipt,
            revision: self.revision.clone(),
            texts: self.texts.clone(),
        };
        let mut answer = as_first_field(&verdict, rest.encoded_len());
        // Fields of a prost message cannot fail to be written to a growing buffer.
        let _ = rest.encode(&mut answer);
        answer
    }
}

/// `{answer = 1}`, the response of every deciding call.
#[must_use]
pub(crate) fn as_response(answer: &[u8]) -> Vec<u8> {
    as_first_field(answer, 0)
}

/// A message whose first field is `bytes`, with room for `more`.
fn as_first_field(bytes: &[u8], more: usize) -> Vec<u8> {
    const LENGTH_DELIMITED_FIELD_1: u8 = 0x0a;
    let mut message = Vec::with_capacity(bytes.len().saturating_add(more).saturating_add(11));
    message.push(LENGTH_DELIMITED_FIELD_1);
    let _ = prost::encode_length_delimiter(bytes.len(), &mut message);
    message.extend_from_slice(bytes);
    message
}

/// Name of a verdict: the ledger's identity and the verdict's number.
pub(crate) fn verdict_id(ledger_id: &str, verdict_no: i64) -> String {
    format!("{ledger_id}-{verdict_no:012}")
}

/// A point in the ledger's history.
pub(crate) fn revision(ledger_id: &str, verdict_no: i64) -> String {
    format!("{ledger_id}.{verdict_no}")
}

/// The verdict number of a revision, when it is one of this ledger.
pub(crate) fn verdict_no_of(revision: &str, ledger_id: &str) -> Option<i64> {
    revision.strip_prefix(ledger_id)?.strip_prefix('.')?.parse().ok()
}

/// Yes to a change of a license.
pub(crate) fn firma(state: &LicenseState, movements: &[Movement]) -> Outcome {
    Outcome::Firma(pb::Firma {
        acceptance_code: String::new(),
        discharge_signature: state.discharge_signature.clone(),
        movements: movements.iter().map(|movement| movement_pb(state, movement)).collect(),
    })
}

pub(crate) fn movement_pb(state: &LicenseState, movement: &Movement) -> pb::Movement {
    pb::Movement {
        license: Some(state.name.to_pb()),
        permit_seq: movement.permit_seq,
        kind: movement.kind.into(),
        version: movement.version,
        status: movement.status.into(),
        license_line_no: movement.balance_after.license_line_no,
        line_no: movement.line_no,
        taken: stated(movement.taken),
        returned: stated(movement.returned),
        balance_after: Some(&movement.balance_after)
            .filter(|balance| !balance.is_none())
            .map(balance_pb),
    }
}

pub(crate) fn balance_pb(balance: &Balance) -> pb::Balance {
    pb::Balance {
        license_line_no: balance.license_line_no,
        unit: balance.unit,
        authorized: Some(balance.authorized.to_pb()),
        available: Some(balance.available.to_pb()),
        reserved: Some(balance.reserved.to_pb()),
        exercised: Some(balance.exercised.to_pb()),
    }
}

pub(crate) fn standing_pb(state: &LicenseState, status: pb::LicenseStatus) -> pb::Standing {
    pb::Standing {
        license: Some(state.name.to_pb()),
        permit_seq: state.permit_seq,
        version: state.version,
        status: status.into(),
        balances: state.balances.iter().map(balance_pb).collect(),
    }
}

fn stated(amount: AmountValue) -> Option<pb::Amount> {
    (!amount.is_none()).then(|| amount.to_pb())
}
