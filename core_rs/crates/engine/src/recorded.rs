//! A movement with the verdict that made it, as the feed and the lists tell it.

use descargo_ledger::error::StoreFault;
use descargo_ledger::feed::FeedRow;
use descargo_model::{canonical, pb};
use prost::Message;

use crate::refusal::Refusal;

/// A stored verdict with its receipt.
pub(crate) struct Stored {
    verdict: pb::Verdict,
    pub receipt: Option<pb::Receipt>,
}

impl Stored {
    /// Reads the verdict of a movement.
    ///
    /// # Errors
    /// A fault, when it is damaged.
    pub fn read(row: &FeedRow) -> Result<Self, Refusal> {
        let answer = pb::Answer::decode(&*row.answer).map_err(|_| damaged(row))?;
        Ok(Self { verdict: answer.verdict.ok_or_else(|| damaged(row))?, receipt: answer.receipt })
    }

    /// A movement of this verdict.
    ///
    /// # Errors
    /// A fault, when the verdict lacks it.
    pub fn movement(&self, row: &FeedRow) -> Result<pb::RecordedMovement, Refusal> {
        let verdict = &self.verdict;
        let Some(pb::verdict::Outcome::Firma(firma)) = &verdict.outcome else {
            return Err(damaged(row));
        };
        // Movements of one verdict may be of several licenses; their numbers alone do not tell them
        // apart, but their names and numbers do.
        let movement = firma
            .movements
            .iter()
            .find(|movement| {
                movement.permit_seq == row.place.permit_seq.cast_unsigned()
                    && movement.license.as_ref() == Some(&row.license)
            })
            .ok_or_else(|| damaged(row))?;
        Ok(pb::RecordedMovement {
            movement: Some(movement.clone()),
            verdict_id: verdict.verdict_id.clone(),
            decided_at: verdict.decided_at,
            position: verdict.position.clone(),
            caller: verdict.caller.clone(),
            reason: match &row.envelope {
                Some(envelope) => reason_of(envelope),
                None => row.order_reason.clone(),
            },
        })
    }
}

/// Why the agency made a change, where it must say so.
fn reason_of(envelope: &[u8]) -> String {
    use pb::submission::Change;
    let submission = match pb::Envelope::decode(envelope).ok().and_then(|envelope| envelope.form) {
        Some(pb::envelope::Form::Payload(payload)) => pb::Submission::decode(payload.as_slice()),
        Some(pb::envelope::Form::CanonicalString(text)) => {
            return canonical::reason(&text).unwrap_or_default().to_owned();
        }
        None => return String::new(),
    };
    match submission.ok().and_then(|submission| submission.change) {
        Some(Change::Suspension(stop) | Change::Revocation(stop) | Change::Cancellation(stop)) => {
            stop.reason
        }
        Some(Change::Reinstatement(reinstatement)) => reinstatement.reason,
        _ => String::new(),
    }
}

fn damaged(row: &FeedRow) -> Refusal {
    Refusal::from(&StoreFault::Damaged { place: "verdict.answer", row: row.place.verdict_no })
}
