//! The cadena original of a submission: the line of text that an agency may sign instead of protobuf
//! bytes. docs/canonical.md says how it is made; this writes it and compares with it.
//!
//! Form 1 is frozen; what a license gained later is in form 2. Each message is taken apart by name
//! and without `..`, so that a field added to the contract does not compile here until somebody
//! decides which form writes it. No two
//! submissions have the same string: what could not be told apart is refused as unwritable. A
//! license of two lines takes about 3 microseconds; paths are put together only to tell of a
//! difference.

mod difference;
mod messages;

use std::fmt::Write as _;

use prost_types::Timestamp;

use crate::date::instant_of;
use crate::finding::Code;
use crate::{pb, text};

pub use difference::Difference;

/// Which fields a string has a place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Those of the contract's first publication.
    First,
    /// Those that a license gained later too. Not frozen before 1.0.
    Second,
}

impl Form {
    /// What every string of this form begins with.
    const fn head(self) -> &'static str {
        match self {
            Self::First => "||1",
            Self::Second => "||2",
        }
    }
}

/// What every string ends with.
const TAIL: &str = "||";
/// First second of the year 1 and last of the year 9998, which four digits and every library can
/// write.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_370_764_799;
/// Parts that are told of at most.
const UNWRITABLE_MAX: usize = 100;

/// A part of a submission that no form has a way to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable {
    /// Path of the field.
    pub path: String,
    /// Number of the license line that it belongs to; 0 when to none.
    pub line_no: u32,
    /// The code that says why.
    pub code: Code,
    /// What it says.
    pub value: String,
}

/// The canonical string of a submission.
///
/// # Errors
/// Each part that cannot be written: text that S102 forbids; an instant with fractions of a second
/// or beyond four-digit years (S104); an amount that is there but empty (S103); an enum value that
/// the contract does not know, or a message that is there but says nothing, as if it were absent
/// (S101).
pub fn canonical_string(submission: &pb::Submission) -> Result<String, Vec<Unwritable>> {
    let mut writer = Writer::new(messages::form_of(submission), false);
    messages::submission(&mut writer, submission);
    match writer.unwritable.is_empty() {
        true => Ok(writer.closed()),
        false => Err(writer.unwritable),
    }
}

/// Where a string that was sent first differs from the one that is built from the submission.
#[must_use]
pub fn first_difference(submission: &pb::Submission, sent: &str) -> Option<Difference> {
    let mut writer = Writer::new(messages::form_of(submission), true);
    messages::submission(&mut writer, submission);
    let marks = std::mem::take(&mut writer.marks).unwrap_or_default();
    difference::find(&writer.closed(), sent, &marks)
}

/// Why the agency made a change, where a change says so, as a string that was accepted states it.
#[must_use]
pub fn reason(accepted: &str) -> Option<&str> {
    /// `||1` and `||2` have three parts, then come type, validator, time, three of the name, and version.
    const CHANGE: usize = 10;
    let leaves: Vec<&str> = accepted.strip_suffix(TAIL)?.split('|').collect();
    let from_the_end = match *leaves.get(CHANGE)? {
        // The legal basis comes after it.
        "suspension" | "revocation" | "cancellation" => 2,
        "reinstatement" => 1,
        _ => return None,
    };
    leaves.len().checked_sub(from_the_end).and_then(|at| leaves.get(at)).copied()
}

/// Where the leaf of a field begins.
#[derive(Debug)]
struct Mark {
    byte: usize,
    path: String,
    line_no: u32,
}

/// Writes leaves, and knows at which field it is.
struct Writer {
    form: Form,
    text: String,
    trail: Vec<(&'static str, Option<usize>)>,
    /// The license line that it is in; 0 in none.
    line_no: u32,
    /// Within how many absent messages it is; their leaves are all empty.
    absent: u32,
    marks: Option<Vec<Mark>>,
    unwritable: Vec<Unwritable>,
}

impl Writer {
    fn new(form: Form, marked: bool) -> Self {
        Self {
            form,
            text: String::from(form.head()),
            trail: Vec::new(),
            line_no: 0,
            absent: 0,
            marks: marked.then(Vec::new),
            unwritable: Vec::new(),
        }
    }

    fn closed(mut self) -> String {
        self.text.push_str(TAIL);
        self.text
    }

    fn path(&self, field: &str) -> String {
        let mut path = String::new();
        for (name, ordinal) in &self.trail {
            path.push_str(name);
            if let Some(ordinal) = ordinal {
                // Writing to a string cannot fail.
                let _ = write!(path, "[{ordinal}]");
            }
            path.push('.');
        }
        path.push_str(field);
        path
    }

    fn refuse(&mut self, field: &str, code: Code, value: impl std::fmt::Display) {
        if self.unwritable.len() < UNWRITABLE_MAX {
            let (path, value) = (self.path(field), value.to_string());
            let line_no = self.line_no;
            self.unwritable.push(Unwritable { path, line_no, code, value });
        }
    }

    fn leaf(&mut self, field: &str, value: &str) {
        self.text.push('|');
        let byte = self.text.len();
        if self.marks.is_some() {
            let (path, line_no) = (self.path(field), self.line_no);
            self.marks.get_or_insert_default().push(Mark { byte, path, line_no });
        }
        self.text.push_str(value);
    }

    fn text(&mut self, field: &str, value: &str) {
        // Lengths are the rules' matter.
        if text::check(value, usize::MAX).is_err() {
            self.refuse(field, Code::S102, value);
        }
        self.leaf(field, value);
    }

    /// A text whose absence means something: an empty one would look as if it were absent.
    fn optional_text(&mut self, field: &str, value: Option<&str>) {
        if value == Some("") {
            self.refuse(field, Code::S103, "");
        }
        self.text(field, value.unwrap_or_default());
    }

    fn number(&mut self, field: &str, value: u32) {
        match value {
            0 => self.leaf(field, ""),
            stated => self.leaf(field, &stated.to_string()),
        }
    }

    fn flag(&mut self, field: &str, value: bool) {
        match (self.absent, value) {
            (0, true) => self.leaf(field, "1"),
            (0, false) => self.leaf(field, "0"),
            _ => self.leaf(field, ""),
        }
    }

    /// A value of an enum by its name without prefix; the zero value is never sent.
    fn choice<E: TryFrom<i32>>(
        &mut self,
        field: &str,
        value: i32,
        prefix: &str,
        name: fn(&E) -> &'static str,
    ) {
        let stated = match (value, E::try_from(value)) {
            (0, _) => "",
            (_, Ok(known)) => name(&known).strip_prefix(prefix).unwrap_or_default(),
            (_, Err(_)) => "",
        };
        if stated.is_empty() && value != 0 {
            self.refuse(field, Code::S101, value);
        }
        self.leaf(field, stated);
    }

    fn instant(&mut self, field: &str, value: Option<&Timestamp>) {
        let Some(stated) = value else { return self.leaf(field, "") };
        let whole = Some(stated).filter(|at| at.nanos == 0 && SECONDS.contains(&at.seconds));
        match whole.and_then(instant_of) {
            Some(instant) => self.leaf(field, &instant.to_string()),
            None => {
                self.refuse(
                    field,
                    Code::S104,
                    format_args!("{}.{:09}", stated.seconds, stated.nanos),
                );
                self.leaf(field, "");
            }
        }
    }

    /// A message within another: its leaves, all empty when it is absent.
    fn message<M: Default>(
        &mut self,
        field: &'static str,
        value: Option<&M>,
        leaves: fn(&mut Self, &M),
    ) {
        let before = self.text.len();
        self.trail.push((field, None));
        match value {
            Some(message) => leaves(self, message),
            None => {
                self.absent = self.absent.saturating_add(1);
                leaves(self, &M::default());
                self.absent = self.absent.saturating_sub(1);
            }
        }
        self.trail.pop();
        let says_nothing = || {
            let written = self.text.get(before..).unwrap_or_default();
            written.bytes().all(|byte| byte == b'|')
        };
        if value.is_some() && says_nothing() {
            self.refuse(field, Code::S101, "");
        }
    }

    /// How many items a list has, and each item.
    fn list<T>(&mut self, field: &'static str, items: &[T], item: fn(&mut Self, &T)) {
        match self.absent {
            0 => self.leaf(field, &items.len().to_string()),
            _ => self.leaf(field, ""),
        }
        for (ordinal, each) in items.iter().enumerate() {
            self.trail.push((field, Some(ordinal)));
            item(self, each);
            self.trail.pop();
        }
    }

    /// The texts of a list.
    fn texts(&mut self, field: &'static str, items: &[String]) {
        match self.absent {
            0 => self.leaf(field, &items.len().to_string()),
            _ => self.leaf(field, ""),
        }
        for (ordinal, each) in items.iter().enumerate() {
            self.text(&format!("{field}[{ordinal}]"), each);
        }
    }
}

#[cfg(test)]
mod tests;
