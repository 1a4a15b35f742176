//! Turns what the writer tells into outcomes by ticket: a response for a call, messages of answers
//! for a stream. Runs on the writer's thread, so it only copies bytes.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use descargo_ledger::error::StoreFault;
use descargo_ledger::group::Completion;
use descargo_ledger::store::Reply;
use descargo_ledger::streams::Position;
use descargo_model::pb;
use prost::Message;

use crate::answer::as_response;
use crate::limits::{ANSWERS_BYTES, CREDIT_ITEMS};
use crate::reasons::Reasons;
use crate::refusal::{Reason, Refusal};
use crate::streams::{Sent, Stream};

/// What became of a queued request: the response's bytes, or why there are none.
pub type Outcome = Result<Vec<u8>, Refusal>;

/// Takes outcomes by ticket, a batch at a time, on the writer's thread or a stream's.
pub type Notify = Box<dyn Fn(Vec<(u64, Outcome)>) + Send + Sync>;

/// Whose a command in the ledger's queues is.
pub(crate) enum Tag {
    /// A call's, by its ticket.
    Call(u64),
    /// Of somebody inside, who waits for it himself.
    Inside(Sender<Answered>),
    /// An operator's call, by its ticket.
    Operation(u64),
    /// A stream's that is being opened.
    Opening(Arc<Stream>),
    /// An item's.
    Item(Arc<Stream>, Sent),
    /// Nobody's: the validator's own.
    Nobody,
}

pub(crate) type Answered = Result<Reply<Refusal>, Arc<StoreFault>>;

/// What was answered to the items of one stream.
type OfStream = (Arc<Stream>, Vec<(Sent, Answered)>);

/// Tells everybody.
pub(crate) fn deliver(
    completions: Vec<Completion<Tag, Refusal>>,
    reasons: &Reasons,
    notify: &Notify,
) {
    let mut told = Vec::with_capacity(completions.len());
    // The items of a batch belong to a few streams; those of one stand in order.
    let mut streams: Vec<OfStream> = Vec::new();
    for (tag, answered) in completions {
        match tag {
            Tag::Nobody => {}
            Tag::Call(ticket) => told.push((ticket, outcome(answered))),
            Tag::Inside(sender) => {
                // Whoever does not wait any more needs no answer.
                let _ = sender.send(answered);
            }
            Tag::Operation(ticket) => told.push((ticket, revision_of(answered))),
            Tag::Opening(stream) => told.extend(opened(&stream, answered)),
            Tag::Item(stream, sent) => {
                match streams.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &stream)) {
                    Some((_, items)) => items.push((sent, answered)),
                    None => streams.push((stream, vec![(sent, answered)])),
                }
            }
        }
    }
    for (stream, items) in streams {
        tell_items(&stream, items, reasons, &mut told);
    }
    if !told.is_empty() {
        notify(told);
    }
}

fn outcome(answered: Answered) -> Outcome {
    match answered {
        Ok(Ok(answer)) => Ok(as_response(&answer)),
        Ok(Err(refusal)) => Err(refusal),
        Err(fault) => Err(Refusal::from(&*fault)),
    }
}

/// What an operator is told: the revision of the verdict that stands in the ledger.
fn revision_of(answered: Answered) -> Outcome {
    let answer = match answered {
        Ok(answer) => answer?,
        Err(fault) => return Err(Refusal::from(&*fault)),
    };
    let answer = pb::Answer::decode(&*answer)
        .map_err(|_| Refusal::new(Reason::Fault, "a stored answer is damaged"))?;
    // Every response of an operation has the revision as its first field.
    Ok(pb::RevokeCertificateResponse { revision: answer.revision }.encode_to_vec())
}

fn opened(stream: &Stream, answered: Answered) -> Option<(u64, Outcome)> {
    let mut window = stream.window();
    if window.is_over() {
        return None;
    }
    let position = match answered {
        Ok(Ok(reply)) => Position::from_reply(&reply)
            .ok_or_else(|| Refusal::new(Reason::Fault, "an opening without position")),
        Ok(Err(refusal)) => Err(refusal),
        Err(fault) => Err(Refusal::from(&*fault)),
    };
    let told = position.map(|position| {
        window.open(position.epoch, position.answered_sequence);
        window.told(0, 0);
        message(position.answered_sequence, &[])
    });
    if told.is_err() {
        window.end();
    }
    Some((stream.ticket, told))
}

/// The answers of some items as messages, each of a bounded length.
fn tell_items(
    stream: &Stream,
    items: Vec<(Sent, Answered)>,
    reasons: &Reasons,
    told: &mut Vec<(u64, Outcome)>,
) {
    let mut window = stream.window();
    if window.is_over() {
        return;
    }
    let mut answers = Vec::new();
    let (mut last, mut count, mut bytes) = (0, 0_usize, 0_usize);
    let mut end = None;
    for (sent, answered) in items {
        match item_answer(&sent, answered, reasons) {
            Ok(answer) => push_field(&mut answers, 3, &answer),
            Err(refusal) => {
                end = Some(refusal);
                break;
            }
        }
        (last, count) = (sent.sequence, count.saturating_add(1));
        bytes = bytes.saturating_add(sent.bytes);
        if answers.len() >= ANSWERS_BYTES {
            window.told(count, bytes);
            told.push((stream.ticket, Ok(message(last, &answers))));
            answers.clear();
            (count, bytes) = (0, 0);
        }
    }
    if count > 0 {
        window.told(count, bytes);
        told.push((stream.ticket, Ok(message(last, &answers))));
    }
    if let Some(refusal) = end
        && window.end()
    {
        told.push((stream.ticket, Err(refusal)));
    }
}

/// One item's answer; an error ends the stream, since the item has none.
fn item_answer(sent: &Sent, answered: Answered, reasons: &Reasons) -> Outcome {
    let mut answer =
        pb::ItemAnswer { request_id: sent.request_id.clone(), result: None }.encode_to_vec();
    let refusal = match answered {
        Ok(Ok(bytes)) => {
            push_field(&mut answer, 2, &bytes);
            return Ok(answer);
        }
        Ok(Err(refusal)) if ends_the_stream(refusal.reason) => return Err(refusal),
        Ok(Err(refusal)) => refusal,
        Err(fault) if fault.may_be_one_commands() => Refusal::new(Reason::Fault, ""),
        Err(fault) => return Err(Refusal::from(&*fault)),
    };
    push_field(&mut answer, 3, &reasons.item(&refusal).encode_to_vec());
    Ok(answer)
}

/// What is true of the stream, not of an item.
fn ends_the_stream(reason: Reason) -> bool {
    matches!(reason, Reason::StreamSuperseded | Reason::StoreUnavailable)
}

fn message(answered_sequence: u64, answers: &[u8]) -> Vec<u8> {
    let head = pb::SubmitLicensesResponse {
        answered_sequence,
        credit: u32::try_from(CREDIT_ITEMS).unwrap_or(u32::MAX),
        answers: Vec::new(),
    };
    let mut bytes = head.encode_to_vec();
    bytes.extend_from_slice(answers);
    bytes
}

/// Appends a length-delimited field.
fn push_field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.push(number << 3 | 2);
    // Writing to a growing buffer cannot fail.
    let _ = prost::encode_length_delimiter(bytes.len(), message);
    message.extend_from_slice(bytes);
}
