//! Reads what was answered: a server that refuses everything would look fast.

use descargo_model::pb;
use prost::Message;

use crate::connection::Answer;

/// Answers that are not what was expected.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusals {
    pub(crate) count: usize,
    pub(crate) first: String,
}

/// Finds the answers whose outcome is another than `expect`; of an empty handler only the status is
/// looked at.
pub(crate) fn refusals(answers: &[Answer], expect: &str) -> Refusals {
    let mut refusals = Refusals::default();
    for answer in answers {
        if let Err(why) = said(answer, expect) {
            refusals.count = refusals.count.saturating_add(1);
            if refusals.first.is_empty() {
                refusals.first = why;
            }
        }
    }
    refusals
}

fn said(answer: &Answer, expect: &str) -> Result<(), String> {
    let body = answer.as_ref().map_err(Clone::clone)?;
    if expect.is_empty() {
        return Ok(());
    }
    let outcome = outcome(body)?;
    if outcome == expect { Ok(()) } else { Err(format!("the outcome is `{outcome}`")) }
}

/// Which outcome a response carries; the responses of both methods have the same shape.
fn outcome(body: &[u8]) -> Result<&'static str, String> {
    use pb::verdict::Outcome;
    let response = pb::ValidateLicenseResponse::decode(body)
        .map_err(|error| format!("unreadable answer: {error}"))?;
    let verdict = response.answer.and_then(|answer| answer.verdict);
    Ok(match verdict.and_then(|verdict| verdict.outcome) {
        Some(Outcome::Firma(_)) => "firma",
        Some(Outcome::Preview(_)) => "preview",
        Some(_) => "another",
        None => "none",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(outcome: Option<pb::verdict::Outcome>) -> Answer {
        let verdict = Some(pb::Verdict { outcome, ..Default::default() });
        let answer = Some(pb::Answer { verdict, ..Default::default() });
        Ok(pb::ValidateLicenseResponse { answer }.encode_to_vec().into())
    }

    #[test]
    fn only_the_expected_outcome_passes() {
        let firma = answer(Some(pb::verdict::Outcome::Firma(pb::Firma::default())));
        let preview = answer(Some(pb::verdict::Outcome::Preview(pb::Preview::default())));
        let answers = [firma, preview, answer(None), Err("UNAVAILABLE".into())];
        let seen = refusals(&answers, "firma");
        assert_eq!(seen, Refusals { count: 3, first: "the outcome is `preview`".into() });
    }

    #[test]
    fn of_an_empty_handler_only_the_status_counts() {
        let answers = [Ok(b"\0\0".as_slice().into()), Err("grpc-status 13".into())];
        let seen = refusals(&answers, "");
        assert_eq!(seen, Refusals { count: 1, first: "grpc-status 13".into() });
    }
}
