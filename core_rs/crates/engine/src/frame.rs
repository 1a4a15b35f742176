//! Reads the messages of a stream of submissions: the first one, which names the stream, and frames.
//!
//! Only the frame itself is judged here. Its items stay bytes: each is read by itself later, so that
//! one that cannot be read is refused alone.

use descargo_model::wire::{self, Value};

use crate::limits::{FRAME_BYTES_MAX, FRAME_ITEMS_MAX};
use crate::refusal::{Reason, Refusal};
use crate::request;

/// A message of the stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub stream_id: String,
    pub first_sequence: u64,
    pub items: Vec<Vec<u8>>,
}

impl Frame {
    /// Reads the message that opens a stream; answers its name.
    ///
    /// # Errors
    /// [`Refusal`] when it is not one.
    pub fn opening(bytes: &[u8]) -> Result<String, Refusal> {
        let frame = split(bytes)?;
        if !frame.items.is_empty() || frame.first_sequence != 0 {
            return Err(Refusal::of_field(
                Reason::FieldInvalid,
                "items",
                "the first message only names the stream; items come after its answer",
            ));
        }
        request::uuid("stream_id", &frame.stream_id)
    }

    /// Reads a message with items.
    ///
    /// # Errors
    /// [`Refusal`] when it is not one.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        request::within("frame", bytes.len(), FRAME_BYTES_MAX)?;
        let frame = split(bytes)?;
        if !frame.stream_id.is_empty() {
            return Err(Refusal::of_field(
                Reason::FieldInvalid,
                "stream_id",
                "only the first message names the stream",
            ));
        }
        let count = frame.items.len();
        if count > FRAME_ITEMS_MAX {
            return Err(Refusal::of_field(
                Reason::LimitExceeded,
                "items",
                format!("`items` has {count} items, at most {FRAME_ITEMS_MAX}"),
            ));
        }
        match count {
            0 => request::required("items", None),
            _ => Ok(frame),
        }
    }
}

fn split(bytes: &[u8]) -> Result<Frame, Refusal> {
    let mut frame = Frame::default();
    let (mut names, mut sequences) = (0_u8, 0_u8);
    let fields =
        wire::fields(bytes).map_err(|error| request::unreadable("", &error.to_string()))?;
    for (number, value) in fields {
        match (number, value) {
            (1, Value::Chunk(name)) => {
                frame.stream_id = std::str::from_utf8(name)
                    .map_err(|_| request::unreadable("stream_id", "text that is not UTF-8"))?
                    .to_owned();
                names = names.saturating_add(1);
            }
            (2, Value::Varint(sequence)) => {
                frame.first_sequence = sequence;
                sequences = sequences.saturating_add(1);
            }
            (3, Value::Chunk(item)) => frame.items.push(item.to_vec()),
            (1..=3, _) => return Err(request::unreadable("", "value of the wrong type")),
            (number, _) => {
                return Err(Refusal::of_field(
                    Reason::FieldUnknown,
                    number.to_string(),
                    format!("field `{number}` is not in this version of the contract"),
                ));
            }
        }
    }
    for (field, count) in [("stream_id", names), ("first_sequence", sequences)] {
        if count > 1 {
            return Err(Refusal::of_field(
                Reason::FieldInvalid,
                field,
                format!("field `{field}` occurs twice"),
            ));
        }
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use descargo_model::pb;
    use prost::Message;

    const NAME: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn bytes(stream_id: &str, first_sequence: u64, count: usize) -> Vec<u8> {
        let item = pb::SubmitLicenseRequest { request_id: "x".into(), ..Default::default() };
        let items = vec![item; count];
        pb::SubmitLicensesRequest { stream_id: stream_id.into(), first_sequence, items }
            .encode_to_vec()
    }

    fn reason<T: std::fmt::Debug>(read: Result<T, Refusal>) -> (Reason, String) {
        let refusal = read.unwrap_err();
        (refusal.reason, refusal.field)
    }

    #[test]
    fn the_first_message_names_the_stream_and_nothing_else() {
        assert_eq!(Frame::opening(&bytes(&NAME.to_uppercase(), 0, 0)).unwrap(), NAME);
        let invalid = |field: &str| (Reason::FieldInvalid, field.to_owned());
        assert_eq!(reason(Frame::opening(&bytes("", 0, 0))), invalid("stream_id"));
        assert_eq!(reason(Frame::opening(&bytes("today", 0, 0))), invalid("stream_id"));
        assert_eq!(reason(Frame::opening(&bytes(NAME, 1, 1))), invalid("items"));
    }

    #[test]
    fn a_frame_has_one_to_five_hundred_items_that_are_not_looked_into() {
        assert_eq!(Frame::read(&bytes("", 7, 500)).unwrap().items.len(), 500);
        let invalid = |field: &str| (Reason::FieldInvalid, field.to_owned());
        assert_eq!(reason(Frame::read(&bytes("", 7, 0))), invalid("items"));
        assert_eq!(reason(Frame::read(&bytes(NAME, 7, 1))), invalid("stream_id"));
        let too_long = |field: &str| (Reason::LimitExceeded, field.to_owned());
        assert_eq!(reason(Frame::read(&bytes("", 7, 501))), too_long("items"));
        assert_eq!(reason(Frame::read(&vec![0; FRAME_BYTES_MAX + 1])), too_long("frame"));
        let odd = [bytes("", 7, 1), vec![0x1a, 2, 0xff, 0xff]].concat();
        assert_eq!(Frame::read(&odd).unwrap().items[1], [0xff, 0xff]);
    }

    #[test]
    fn bytes_that_are_no_frame_are_told_apart() {
        let frame = bytes("", 7, 1);
        let with = |more: &[u8]| Frame::read(&[&frame, more].concat());
        let (unreadable, unknown) = (Reason::MessageUnreadable, Reason::FieldUnknown);
        assert_eq!(reason(with(&[0x1a, 9])).0, unreadable);
        assert_eq!(reason(with(&[0x18, 9])).0, unreadable);
        assert_eq!(reason(with(&[0x0a, 1, 0xff])), (unreadable, "stream_id".into()));
        assert_eq!(reason(with(&[0x22, 0])), (unknown, "4".into()));
        assert_eq!(reason(with(&[0x10, 8])), (Reason::FieldInvalid, "first_sequence".into()));
    }
}
