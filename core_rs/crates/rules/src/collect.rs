//! Collecting findings: where they are, and how many an answer can carry.

use descargo_model::finding::{Code, Finding, Locator};

/// Findings of one request at most. A message within its size limit could have fifty thousand; who
/// sent it needs the first thousand, and the answer must stay below its own limit.
pub(crate) const FINDINGS_MAX: usize = 1_000;

/// The findings so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    refused: bool,
}

impl Findings {
    /// Adds one. The first that refuses is always kept, so that cutting never makes a yes of a no.
    pub(crate) fn push(&mut self, finding: Finding) {
        let first_refusal = finding.refuses() && !self.refused;
        self.refused |= finding.refuses();
        if self.list.len() < FINDINGS_MAX || first_refusal {
            self.list.push(finding);
        }
    }

    /// Adds one without values.
    pub(crate) fn add(&mut self, code: Code, locator: Locator) {
        self.push(Finding::new(code, locator));
    }

    /// Whether one of them refuses.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    /// Those so far.
    pub(crate) fn list(&self) -> &[Finding] {
        &self.list
    }

    /// All of them.
    pub(crate) fn into_list(self) -> Vec<Finding> {
        self.list
    }
}

/// A message within a request, from which its fields are located.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    /// Path of the message; empty for the request itself.
    pub path: &'a str,
    /// Line that it belongs to; 0 for the header.
    pub line_no: u32,
    /// SAAI record; 0 when there is none.
    pub record: u32,
    /// Ordinal of the record in its line; 0 when there is none.
    pub ordinal: u32,
}

impl<'a> Place<'a> {
    /// A message that SAAI has no record for.
    pub(crate) fn new(path: &'a str) -> Self {
        Self { path, ..Self::default() }
    }

    /// A message that belongs to a line.
    pub(crate) fn line(path: &'a str, line_no: u32) -> Self {
        Self { path, line_no, ..Self::default() }
    }

    /// A field that the record has no field for.
    pub(crate) fn at(&self, field: &str) -> Locator {
        let path = match self.path {
            "" => field.to_owned(),
            path => format!("{path}.{field}"),
        };
        Locator { line_no: self.line_no, ..Locator::field(path) }
    }

    /// A field that is a field of a SAAI record.
    pub(crate) fn saai(&self, field: &str, record_field: u32) -> Locator {
        let (record, ordinal) = (self.record, self.ordinal);
        Locator { record, record_field, ordinal, ..self.at(field) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_keeps_the_first_refusal() {
        let mut findings = Findings::default();
        for _ in 0..FINDINGS_MAX + 10 {
            findings.add(Code::W803, Locator::field("x"));
        }
        assert!(!findings.refused());
        findings.add(Code::C203, Locator::field("y"));
        findings.add(Code::C203, Locator::field("z"));
        assert!(findings.refused());
        let list = findings.into_list();
        assert_eq!(list.len(), FINDINGS_MAX + 1);
        assert_eq!(list.last().map(|finding| finding.code), Some(Code::C203));
    }

    #[test]
    fn a_place_names_its_fields() {
        let place = Place { path: "lines[0]", line_no: 7, record: 551, ordinal: 0 };
        let locator = place.saai("umt.unit", 14);
        assert_eq!(locator.field, "lines[0].umt.unit");
        assert_eq!((locator.line_no, locator.record, locator.record_field), (7, 551, 14));
        assert_eq!(place.at("x").record, 0);
        assert_eq!(Place::default().at("regime").field, "regime");
    }
}
