//! What is wrong with a ruleset, and where. All problems are told at once.

use std::fmt;
use std::ops::Range;

/// Problems told at most; an official mends the first thousand first.
pub const PROBLEMS_MAX: usize = 1_000;

/// One thing that is wrong with a file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1; 0 when it is the file or the set as a whole.
    pub line: usize,
    /// Column, from 1, counted in characters; 0 with line 0.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, what } = self;
        match line {
            0 => write!(out, "{file}: {what}"),
            line => write!(out, "{file}:{line}:{column}: {what}"),
        }
    }
}

/// Where something stands: the file's number and the bytes in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct At {
    /// Number of the file in the set.
    pub file: usize,
    /// Bytes of its text.
    pub span: Range<usize>,
}

/// The problems so far, with what is needed to say where they are.
pub(crate) struct Problems<'a> {
    files: Vec<(&'a str, Lines<'a>)>,
    list: Vec<(At, String)>,
}

impl<'a> Problems<'a> {
    /// For the files of a set, name and text.
    pub(crate) fn of(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        Self { files: files.map(|(name, text)| (name, Lines::of(text))).collect(), list: vec![] }
    }

    /// Adds one, up to the limit.
    pub(crate) fn add(&mut self, at: At, what: impl Into<String>) {
        if self.list.len() < PROBLEMS_MAX {
            self.list.push((at, what.into()));
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.list.len()
    }

    /// All of them, in the order of their places.
    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        self.list.sort_by_key(|(at, _)| (at.file, at.span.start));
        self.list.dedup();
        let placed = |(at, what): (At, String)| {
            let Some((name, lines)) = self.files.get(at.file) else {
                return Problem { file: String::new(), line: 0, column: 0, what };
            };
            let (line, column) = lines.place(at.span.start);
            Problem { file: (*name).to_owned(), line, column, what }
        };
        self.list.into_iter().map(placed).collect()
    }
}

/// Where each line of a text begins, so that a place is found without reading the text again.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at.saturating_add(1))).collect();
        Self { text, starts }
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied();
        let before = self.text.get(start.unwrap_or(0)..at).unwrap_or_default();
        (line, before.chars().count().saturating_add(1))
    }
}
