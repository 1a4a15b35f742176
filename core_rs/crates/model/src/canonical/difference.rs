//! Where two strings part, so that an agency's programmer finds the field that he wrote otherwise.

use std::fmt::Write as _;

use super::{Mark, TAIL};
use crate::text;

/// Characters that an excerpt shows before the difference.
const BEFORE: usize = 8;
/// Characters that an excerpt shows from the difference on.
const AFTER: usize = 24;

/// The first place at which the string that was sent is not the one that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Number of the first differing character, from 1.
    pub position: usize,
    /// Path of the field whose leaf it is in; `None` outside of them all.
    pub path: Option<String>,
    /// Number of the license line that it is in; 0 when in none.
    pub line_no: u32,
    /// What was sent there, with some characters before it.
    pub sent: String,
    /// What was built there.
    pub built: String,
}

/// Compares; `marks` are in the order of their bytes.
pub(super) fn find(built: &str, sent: &str, marks: &[Mark]) -> Option<Difference> {
    let same = built.chars().zip(sent.chars()).take_while(|(ours, theirs)| ours == theirs);
    let (characters, byte) = same.fold((0_usize, 0_usize), |(count, byte), (ours, _)| {
        (count.saturating_add(1), byte.saturating_add(ours.len_utf8()))
    });
    if byte == built.len() && byte == sent.len() {
        return None;
    }
    let leaves_end = built.len().saturating_sub(TAIL.len());
    let within = |_: &&Mark| byte <= leaves_end;
    let mark = marks.iter().rev().find(|mark| mark.byte <= byte).filter(within);
    Some(Difference {
        position: characters.saturating_add(1),
        path: mark.map(|mark| mark.path.clone()),
        line_no: mark.map_or(0, |mark| mark.line_no),
        sent: excerpt(sent, characters),
        built: excerpt(built, characters),
    })
}

/// Some characters around a place. What people cannot see, or what would tangle a line, is escaped.
fn excerpt(text: &str, at: usize) -> String {
    let first = at.saturating_sub(BEFORE);
    let shown = text.chars().skip(first).take(at.saturating_sub(first).saturating_add(AFTER));
    let mut excerpt = String::new();
    for character in shown {
        match text::is_visible(character) {
            true => excerpt.push(character),
            false => {
                // Writing to a string cannot fail.
                let _ = write!(excerpt, "{}", character.escape_unicode());
            }
        }
    }
    excerpt
}
