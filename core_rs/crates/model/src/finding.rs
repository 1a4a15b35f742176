//! What is wrong, or worth a warning: stable codes, places and the texts that explain them.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::Deserialize;
use thiserror::Error;

use crate::pb;
use crate::text::shortened;

/// Longest value that a finding repeats; longer ones are cut.
pub const VALUE_MAX: usize = 250;

macro_rules! codes {
    ($($code:ident),* $(,)?) => {
        /// Stable code of a finding. Texts stand in the catalogue of findings; a code is never
        /// renamed, reused or removed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "findings.toml says what each code means")]
        pub enum Code { $($code),* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The code as it is sent, such as `N424`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => stringify!($code)),* }
            }
        }
    };
}

codes! {
    S101, S102, S103, S104, S105, S106, S107, S108, S111,
    C201, C202, C203, C204, C205, C206, C207, C208, C211,
    E301, E302, E303, E304, E305, E306, E307, E308, E311, E312, E341,
    N401, N402, N403, N404, N405, N407, N408, N409, N411, N412, N413, N414, N415, N416, N417, N418, N419, N420, N421, N422,
    N423, N424, N425, N426, N427, N433,
    N441, N442, N443, N444, N445, N446, N447, N448,
    F501, F502, F503, F504, F505, F506, F507, F508, F509, F510, F511,
    W801, W802, W803, W811,
}

impl Code {
    /// The class that its letter says.
    #[must_use]
    pub fn class(self) -> pb::FindingClass {
        match self.as_str().as_bytes().first() {
            Some(b'S') => pb::FindingClass::Syntactic,
            Some(b'C') => pb::FindingClass::Catalogue,
            Some(b'E') => pb::FindingClass::Structural,
            Some(b'N') => pb::FindingClass::Normative,
            Some(b'F') => pb::FindingClass::Signature,
            Some(b'W') => pb::FindingClass::Warning,
            _ => pb::FindingClass::Technical,
        }
    }

    /// Whether it refuses; only a warning does not.
    #[must_use]
    pub fn refuses(self) -> bool {
        self.class() != pb::FindingClass::Warning
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A text that is no code of this version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("finding code `{0}` is not known")]
pub struct CodeUnknown(String);

impl FromStr for Code {
    type Err = CodeUnknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().copied().find(|code| code.as_str() == text);
        known.ok_or_else(|| CodeUnknown(text.to_owned()))
    }
}

/// A place in a request, as a field path and as SAAI counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Locator {
    /// Path from the submission or declaration, such as `lines[0].draws[0].amount.quantity`.
    pub field: String,
    /// Number of the declaration line or license line; 0 for the header.
    pub line_no: u32,
    /// SAAI M3 record; 0 when there is none.
    pub record: u32,
    /// Field within the record; 0 when there is none.
    pub record_field: u32,
    /// Ordinal of the record within its line; 0 when there is none.
    pub ordinal: u32,
}

impl Locator {
    /// A field that SAAI has no record for.
    #[must_use]
    pub fn field(path: impl Into<String>) -> Self {
        Self { field: path.into(), ..Self::default() }
    }
}

/// One thing that is wrong, or worth a warning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    /// Its code.
    pub code: Code,
    /// Where it is.
    pub locator: Locator,
    /// What was sent; empty when nothing was.
    pub declared: String,
    /// What would have been right; empty when unknown, or when the caller may not know.
    pub granted: String,
}

impl Finding {
    /// A finding about a field, without values.
    #[must_use]
    pub fn new(code: Code, locator: Locator) -> Self {
        Self { code, locator, declared: String::new(), granted: String::new() }
    }

    /// With what was sent; cut when it is too long to be repeated.
    #[must_use]
    pub fn declared(mut self, value: impl fmt::Display) -> Self {
        self.declared = cut(value.to_string());
        self
    }

    /// With what would have been right.
    #[must_use]
    pub fn granted(mut self, value: impl fmt::Display) -> Self {
        self.granted = cut(value.to_string());
        self
    }

    /// Whether it refuses.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.code.refuses()
    }

    /// The contract's message.
    #[must_use]
    pub fn to_pb(&self) -> pb::Finding {
        pb::Finding {
            code: self.code.as_str().to_owned(),
            finding_class: i32::from(self.code.class()),
            locator: Some(pb::Locator {
                field: self.locator.field.clone(),
                line_no: self.locator.line_no,
                record: self.locator.record,
                record_field: self.locator.record_field,
                ordinal: self.locator.ordinal,
            }),
            declared: self.declared.clone(),
            granted: self.granted.clone(),
        }
    }
}

fn cut(value: String) -> String {
    match shortened(&value, VALUE_MAX) {
        kept if kept.len() == value.len() => value,
        kept => kept.to_owned(),
    }
}

/// Who stated what the findings are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatedBy {
    /// An agency, in a submission.
    Agency,
    /// A broker, in a declaration: a malformed field is then the broker's to mend, though its code
    /// is one that agencies get too.
    Broker,
}

/// Why the catalogue of findings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("findings.toml: {0}")]
pub struct FindingTextsError(String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    class: String,
    actor: String,
    message_es: String,
    message_en: String,
    remedy_es: String,
    remedy_en: String,
}

/// The texts of every code, in Spanish and English.
#[derive(Debug)]
pub struct FindingTexts {
    by_code: HashMap<Code, pb::FindingText>,
}

static COMPILED_IN: LazyLock<Result<FindingTexts, FindingTextsError>> =
    LazyLock::new(|| FindingTexts::read(FINDINGS_TOML));

/// The catalogue that contract, core and clients share.
const FINDINGS_TOML: &str = include_str!("../../../../proto/descargo/catalogue/findings.toml");

impl FindingTexts {
    /// The texts that were compiled in.
    ///
    /// # Errors
    /// When the catalogue is not whole; to be asked at the start, before anybody waits.
    pub fn compiled_in() -> Result<&'static Self, FindingTextsError> {
        COMPILED_IN.as_ref().map_err(Clone::clone)
    }

    /// Reads the catalogue.
    ///
    /// # Errors
    /// When it is malformed, or lacks a code or a text.
    pub fn read(text: &str) -> Result<Self, FindingTextsError> {
        let rows: HashMap<String, Row> =
            toml::from_str(text).map_err(|error| FindingTextsError(error.to_string()))?;
        let by_code = Code::ALL
            .iter()
            .map(|code| match rows.get(code.as_str()) {
                Some(row) => row.text_of(*code).map(|text| (*code, text)),
                None => Err(FindingTextsError(format!("code {code} has no row"))),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { by_code })
    }

    /// The texts of some findings, one for each distinct code, in the order of the findings.
    #[must_use]
    pub fn of(&self, findings: &[Finding], stated_by: StatedBy) -> Vec<pb::FindingText> {
        let mut codes: Vec<Code> = Vec::new();
        for finding in findings {
            if !codes.contains(&finding.code) {
                codes.push(finding.code);
            }
        }
        let texts = codes.iter().filter_map(|code| self.by_code.get(code).cloned());
        texts.map(|text| text_for(text, stated_by)).collect()
    }
}

fn text_for(mut text: pb::FindingText, stated_by: StatedBy) -> pb::FindingText {
    if stated_by == StatedBy::Broker && text.actor == i32::from(pb::Actor::Agency) {
        text.actor = i32::from(pb::Actor::Broker);
    }
    text
}

impl Row {
    fn text_of(&self, code: Code) -> Result<pb::FindingText, FindingTextsError> {
        let wrong = |what: &str| FindingTextsError(format!("code {code} {what}"));
        let class = format!("FINDING_CLASS_{}", self.class);
        if pb::FindingClass::from_str_name(&class) != Some(code.class()) {
            return Err(wrong("has a class that its letter does not say"));
        }
        let actor = pb::Actor::from_str_name(&format!("ACTOR_{}", self.actor))
            .filter(|actor| *actor != pb::Actor::Unspecified)
            .ok_or_else(|| wrong("has an unknown actor"))?;
        let texts = [&self.message_es, &self.message_en, &self.remedy_es, &self.remedy_en];
        if texts.iter().any(|text| text.trim().is_empty()) {
            return Err(wrong("has an empty text"));
        }
        Ok(pb::FindingText {
            code: code.as_str().to_owned(),
            actor: i32::from(actor),
            message_es: self.message_es.clone(),
            message_en: self.message_en.clone(),
            remedy_es: self.remedy_es.clone(),
            remedy_en: self.remedy_en.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_complete_row_and_no_row_lacks_a_code() {
        let texts = FindingTexts::compiled_in().unwrap();
        assert_eq!(texts.by_code.len(), Code::ALL.len());
        let rows: HashMap<String, Row> = toml::from_str(FINDINGS_TOML).unwrap();
        let orphans: Vec<_> = rows.keys().filter(|row| Code::from_str(row).is_err()).collect();
        assert!(orphans.is_empty(), "{orphans:?}");
    }

    #[test]
    fn an_incomplete_catalogue_is_refused() {
        let without = FINDINGS_TOML.replace("[N424]", "[N499]");
        assert!(FindingTexts::read(&without).unwrap_err().to_string().contains("N424"));
        let empty = "[S101]\nclass='SYNTACTIC'\nactor='AGENCY'\nmessage_es=''\nmessage_en='a'\n\
                     remedy_es='a'\nremedy_en='a'\n";
        assert!(FindingTexts::read(empty).unwrap_err().to_string().contains("empty text"));
        let odd = empty.replace("SYNTACTIC", "WARNING");
        assert!(FindingTexts::read(&odd).unwrap_err().to_string().contains("class"));
        assert!(FindingTexts::read("[S101").is_err());
    }

    #[test]
    fn codes_are_read_back_and_classed() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse::<Code>().as_ref(), Ok(code));
            assert_eq!(code.refuses(), !code.as_str().starts_with('W'));
        }
        assert!("X999".parse::<Code>().is_err());
    }

    #[test]
    fn texts_come_once_per_code_and_name_who_stated() {
        let texts = FindingTexts::compiled_in().unwrap();
        let finding = |code| Finding::new(code, Locator::field("lines"));
        let findings = [finding(Code::N424), finding(Code::S101), finding(Code::N424)];
        let codes = |stated_by| -> Vec<_> {
            let texts = texts.of(&findings, stated_by);
            texts.into_iter().map(|text| (text.code, text.actor)).collect()
        };
        let trader = i32::from(pb::Actor::Trader);
        let (agency, broker) = (i32::from(pb::Actor::Agency), i32::from(pb::Actor::Broker));
        let expected = |actor| vec![("N424".to_owned(), trader), ("S101".to_owned(), actor)];
        assert_eq!(codes(StatedBy::Agency), expected(agency));
        assert_eq!(codes(StatedBy::Broker), expected(broker));
    }

    #[test]
    fn a_long_value_is_cut() {
        let finding = Finding::new(Code::S102, Locator::field("x")).declared("ñ".repeat(300));
        assert_eq!(finding.declared.chars().count(), VALUE_MAX);
        assert_eq!(finding.to_pb().finding_class, i32::from(pb::FindingClass::Syntactic));
    }
}
