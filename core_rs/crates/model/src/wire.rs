//! Strict reading of protobuf bytes: what a lenient decoder would drop or merge is reported.
//!
//! prost skips unknown fields and lets the last of a repeated singular field win. In bytes that
//! somebody signed, or that ask for a decision, both would let two readers see two things. This
//! walk knows the contract's descriptor, takes about ten nanoseconds a field and allocates nothing
//! unless it has something to report.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};
use thiserror::Error;

use crate::pb;

/// Highest field number that the contract may use; it bounds the tables on the stack.
const FIELD_NUMBER_MAX: usize = 31;
/// Deepest nesting; the contract's own deepest message has 7.
const DEPTH_MAX: u32 = 16;
/// Irregularities that are reported at most; a hostile message has no use for more.
const IRREGULARITIES_MAX: usize = 50;

/// Why bytes are not a message at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{why} at byte {offset}")]
pub struct Unreadable {
    /// What is wrong.
    pub why: &'static str,
    /// Where, counted from the start of the bytes.
    pub offset: usize,
}

/// Something that a lenient reader would not have told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Irregularity {
    /// A field that the contract does not know.
    UnknownField {
        /// Path of the message and the field's number, such as `lines[0].99`.
        path: String,
    },
    /// A singular field that occurs twice, or two arms of one choice.
    RepeatedField {
        /// Path of the field.
        path: String,
    },
}

impl Irregularity {
    /// The path of the field.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::UnknownField { path } | Self::RepeatedField { path } => path,
        }
    }
}

/// A message of the contract that bytes can be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape(usize);

/// The shape of a message, by its name within `descargo.v1`; `None` when there is no such message.
#[must_use]
pub fn shape(name: &str) -> Option<Shape> {
    SCHEMA.by_name.get(name).copied().map(Shape)
}

/// Reads `bytes` as `shape` and tells everything irregular.
///
/// # Errors
/// [`Unreadable`] when the bytes are no message: truncated, over-long or wrongly typed values,
/// groups, text that is not UTF-8, numbers out of their field's range.
pub fn inspect(shape: Shape, bytes: &[u8]) -> Result<Vec<Irregularity>, Unreadable> {
    let mut walk = Walk { found: Vec::new(), whole_len: bytes.len() };
    walk.message(shape.0, bytes, None, 0)?;
    Ok(walk.found)
}

/// The fields of a message in their order, by number, without a look at what they hold: for a
/// message whose parts are judged one by one.
///
/// # Errors
/// [`Unreadable`] when the bytes are no fields at all.
pub fn fields(bytes: &[u8]) -> Result<Vec<(u64, Value<'_>)>, Unreadable> {
    let unreadable =
        |why, rest: &[u8]| Unreadable { why, offset: bytes.len().saturating_sub(rest.len()) };
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (tag, after) = varint(rest).ok_or_else(|| unreadable("broken tag", rest))?;
        let (value, next) =
            value(tag & 7, after).ok_or_else(|| unreadable("broken or over-long value", rest))?;
        found.push((tag >> 3, value));
        rest = next;
    }
    Ok(found)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Uint32,
    Uint64,
    Int64,
    Int32,
    Text,
    Bytes,
    Message(usize),
}

#[derive(Debug)]
struct Field {
    name: String,
    kind: Kind,
    repeated: bool,
    /// Bit of the choice (oneof) that it belongs to.
    choice: Option<u32>,
}

#[derive(Debug, Default)]
struct MessageFields {
    by_number: Vec<Option<Field>>,
}

#[derive(Debug, Default)]
struct Schema {
    messages: Vec<MessageFields>,
    by_name: HashMap<String, usize>,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::of_the_contract);

impl Schema {
    /// The committed descriptor's schema. Should the descriptor be broken, no message has a shape
    /// and every request is refused; a test holds that it is whole.
    fn of_the_contract() -> Self {
        let Ok(set) = FileDescriptorSet::decode(pb::DESCRIPTOR) else {
            return Self::default();
        };
        let mut described: Vec<(String, &DescriptorProto)> = Vec::new();
        for file in &set.file {
            for message in &file.message_type {
                described.push((format!(".{}.{}", file.package(), message.name()), message));
            }
        }
        let index: HashMap<String, usize> =
            described.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
        let messages = described.iter().map(|(_, message)| fields_of(message, &index)).collect();
        let by_name = index
            .into_iter()
            .filter_map(|(name, at)| {
                name.strip_prefix(".descargo.v1.").map(|short| (short.to_owned(), at))
            })
            .collect();
        Self { messages, by_name }
    }
}

fn fields_of(message: &DescriptorProto, index: &HashMap<String, usize>) -> MessageFields {
    let mut by_number: Vec<Option<Field>> = Vec::new();
    for field in &message.field {
        let Some(kind) = kind_of(field.r#type(), field.type_name(), index) else { continue };
        let Ok(number) = usize::try_from(field.number()) else { continue };
        if number > FIELD_NUMBER_MAX {
            continue;
        }
        if by_number.len() <= number {
            by_number.resize_with(number.saturating_add(1), || None);
        }
        let choice = match field.proto3_optional() {
            // An `optional` field is a choice of one, which the singular rule covers already.
            true => None,
            false => field.oneof_index.and_then(|at| u32::try_from(at).ok()),
        };
        let repeated = field.label() == Label::Repeated;
        if let Some(slot) = by_number.get_mut(number) {
            *slot = Some(Field { name: field.name().to_owned(), kind, repeated, choice });
        }
    }
    MessageFields { by_number }
}

fn kind_of(field_type: Type, type_name: &str, index: &HashMap<String, usize>) -> Option<Kind> {
    match field_type {
        Type::Bool => Some(Kind::Bool),
        Type::Uint32 => Some(Kind::Uint32),
        Type::Uint64 => Some(Kind::Uint64),
        Type::Int64 => Some(Kind::Int64),
        Type::Int32 | Type::Enum => Some(Kind::Int32),
        Type::String => Some(Kind::Text),
        Type::Bytes => Some(Kind::Bytes),
        Type::Message => index.get(type_name).copied().map(Kind::Message),
        _ => None,
    }
}

/// The way from the root to the message that is being read.
struct Frame<'a> {
    parent: Option<&'a Frame<'a>>,
    field: &'a Field,
    ordinal: u16,
}

struct Walk {
    found: Vec<Irregularity>,
    whole_len: usize,
}

impl Walk {
    fn message(
        &mut self,
        message: usize,
        mut rest: &[u8],
        parent: Option<&Frame<'_>>,
        depth: u32,
    ) -> Result<(), Unreadable> {
        if depth > DEPTH_MAX {
            return Err(self.unreadable("message nested too deeply", rest));
        }
        let Some(fields) = SCHEMA.messages.get(message) else {
            return Err(self.unreadable("message without a shape", rest));
        };
        let mut seen = [0_u16; FIELD_NUMBER_MAX + 1];
        let mut choices = 0_u32;
        while !rest.is_empty() {
            let (tag, after) = varint(rest).ok_or_else(|| self.unreadable("broken tag", rest))?;
            let number = tag >> 3;
            if number == 0 || number > u64::from(u32::MAX >> 3) {
                return Err(self.unreadable("impossible field number", rest));
            }
            let (value, next) = value(tag & 7, after)
                .ok_or_else(|| self.unreadable("broken or over-long value", rest))?;
            let known = usize::try_from(number).ok().and_then(|at| {
                let field = fields.by_number.get(at)?.as_ref()?;
                Some((field, seen.get_mut(at)?))
            });
            let Some((field, count)) = known else {
                self.report(|| Irregularity::UnknownField {
                    path: path(parent, &number.to_string()),
                });
                rest = next;
                continue;
            };
            let ordinal = *count;
            *count = count.saturating_add(1);
            let choice_bit = field.choice.map_or(0, |at| 1_u32.checked_shl(at).unwrap_or(0));
            let repeats = (ordinal > 0 && !field.repeated) || choices & choice_bit != 0;
            choices |= choice_bit;
            if repeats {
                self.report(|| Irregularity::RepeatedField { path: path(parent, &field.name) });
            }
            self.field(field, &value, &Frame { parent, field, ordinal }, rest, depth)?;
            rest = next;
        }
        Ok(())
    }

    fn field(
        &mut self,
        field: &Field,
        value: &Value<'_>,
        frame: &Frame<'_>,
        at: &[u8],
        depth: u32,
    ) -> Result<(), Unreadable> {
        match (field.kind, value) {
            (Kind::Bool, Value::Varint(0 | 1))
            | (Kind::Uint64 | Kind::Int64, Value::Varint(_))
            | (Kind::Bytes, Value::Chunk(_)) => Ok(()),
            (Kind::Uint32, Value::Varint(number)) if u32::try_from(*number).is_ok() => Ok(()),
            (Kind::Int32, Value::Varint(number)) if i32::try_from(number.cast_signed()).is_ok() => {
                Ok(())
            }
            (Kind::Bool | Kind::Uint32 | Kind::Int32, Value::Varint(_)) => {
                Err(self.unreadable("number out of its field's range", at))
            }
            (Kind::Text, Value::Chunk(text)) => match std::str::from_utf8(text) {
                Ok(_) => Ok(()),
                Err(_) => Err(self.unreadable("text that is not UTF-8", at)),
            },
            (Kind::Message(inner), Value::Chunk(bytes)) => {
                self.message(inner, bytes, Some(frame), depth.saturating_add(1))
            }
            _ => Err(self.unreadable("value of the wrong type", at)),
        }
    }

    fn report(&mut self, irregularity: impl FnOnce() -> Irregularity) {
        if self.found.len() < IRREGULARITIES_MAX {
            self.found.push(irregularity());
        }
    }

    /// `at` is what was still to be read of the innermost message, so the offset is exact at the
    /// top level only.
    fn unreadable(&self, why: &'static str, at: &[u8]) -> Unreadable {
        Unreadable { why, offset: self.whole_len.saturating_sub(at.len()) }
    }
}

/// A value by its wire type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number.
    Varint(u64),
    /// Four or eight bytes, which no field of the contract has.
    Fixed,
    /// Text, bytes or a message.
    Chunk(&'a [u8]),
}

/// One value of a wire type and what comes after it; groups (3, 4) are refused.
fn value(wire_type: u64, bytes: &[u8]) -> Option<(Value<'_>, &[u8])> {
    match wire_type {
        0 => varint(bytes).map(|(number, rest)| (Value::Varint(number), rest)),
        1 => bytes.split_at_checked(8).map(|(_, rest)| (Value::Fixed, rest)),
        2 => {
            let (len, rest) = varint(bytes)?;
            let (chunk, rest) = rest.split_at_checked(usize::try_from(len).ok()?)?;
            Some((Value::Chunk(chunk), rest))
        }
        5 => bytes.split_at_checked(4).map(|(_, rest)| (Value::Fixed, rest)),
        _ => None,
    }
}

/// A varint of at most ten bytes that fits 64 bits.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        if at == 9 && bits > 1 {
            return None;
        }
        number |= bits.checked_shl(u32::try_from(at).ok()?.checked_mul(7)?)?;
        if byte & 0x80 == 0 {
            return bytes.get(at.checked_add(1)?..).map(|rest| (number, rest));
        }
    }
    None
}

fn path(parent: Option<&Frame<'_>>, last: &str) -> String {
    let mut parts = vec![last.to_owned()];
    let mut next = parent;
    while let Some(frame) = next {
        parts.push(match frame.field.repeated {
            true => format!("{}[{}]", frame.field.name, frame.ordinal),
            false => frame.field.name.clone(),
        });
        next = frame.parent;
    }
    parts.reverse();
    parts.join(".")
}

#[cfg(test)]
mod tests;
