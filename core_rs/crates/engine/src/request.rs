//! Reading requests strictly: bytes that are no message, unknown fields and what is over a limit
//! are refused here, before anything is decided.

use descargo_model::wire::{self, Irregularity};
use prost::Message;

use crate::refusal::{Reason, Refusal};

/// Length of a UUID as text.
const UUID_LEN: usize = 36;

/// Reads a request of at most `bytes_max` bytes.
///
/// # Errors
/// `LIMIT_EXCEEDED`, `MESSAGE_UNREADABLE`, `FIELD_UNKNOWN`, or `FIELD_INVALID` when a singular
/// field occurs twice.
pub(crate) fn read<M: Message + Default>(
    name: &str,
    bytes: &[u8],
    bytes_max: usize,
) -> Result<M, Refusal> {
    within("request", bytes.len(), bytes_max)?;
    match irregularities(name, bytes, "")?.first() {
        None => {}
        Some(Irregularity::UnknownField { path }) => {
            return Err(Refusal::of_field(
                Reason::FieldUnknown,
                path,
                format!("field `{path}` is not in this version of the contract"),
            ));
        }
        Some(Irregularity::RepeatedField { path }) => {
            return Err(Refusal::of_field(
                Reason::FieldInvalid,
                path,
                format!("field `{path}` occurs twice"),
            ));
        }
    }
    M::decode(bytes).map_err(|error| unreadable("", &error.to_string()))
}

/// What is irregular in bytes that must be a message.
///
/// # Errors
/// `MESSAGE_UNREADABLE` when they are none.
pub(crate) fn irregularities(
    name: &str,
    bytes: &[u8],
    field: &str,
) -> Result<Vec<Irregularity>, Refusal> {
    let shape = wire::shape(name)
        .ok_or_else(|| Refusal::new(Reason::Fault, format!("no message `{name}`")))?;
    wire::inspect(shape, bytes).map_err(|error| unreadable(field, &error.to_string()))
}

pub(crate) fn unreadable(field: &str, why: &str) -> Refusal {
    Refusal::of_field(Reason::MessageUnreadable, field, why)
}

/// Holds a length to its limit.
///
/// # Errors
/// `LIMIT_EXCEEDED` with both numbers.
pub(crate) fn within(field: &str, len: usize, max: usize) -> Result<(), Refusal> {
    match len <= max {
        true => Ok(()),
        false => Err(Refusal::of_field(
            Reason::LimitExceeded,
            field,
            format!("`{field}` has {len} bytes, at most {max}"),
        )),
    }
}

/// The idempotency key of a request: a UUID, in lower case.
///
/// # Errors
/// `FIELD_INVALID` when it is absent or no UUID.
pub(crate) fn request_id(text: &str) -> Result<String, Refusal> {
    uuid("request_id", text)
}

/// A UUID, in lower case.
///
/// # Errors
/// `FIELD_INVALID` when it is absent or none.
pub(crate) fn uuid(field: &str, text: &str) -> Result<String, Refusal> {
    let is_uuid = text.len() == UUID_LEN
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    match is_uuid {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(Refusal::of_field(
            Reason::FieldInvalid,
            field,
            format!("`{field}` is not a UUID such as `0f8fad5b-d9cb-469f-a165-70867728950e`"),
        )),
    }
}

/// A message that a request must have.
///
/// # Errors
/// `FIELD_INVALID` when it is absent.
pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, Refusal> {
    value.ok_or_else(|| {
        Refusal::of_field(Reason::FieldInvalid, field, format!("`{field}` is absent"))
    })
}
