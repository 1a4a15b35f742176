//! The filter of lists, after AIP-160: `permit_key = "C1" AND NOT valid_to < "2027-01-01"`.
//!
//! A restriction is a field, an operator and a value. As in AIP-160, OR binds closer than AND. What
//! AIP-160 leaves to a service is refused rather than guessed: terms side by side without AND, bare
//! words, functions.

use std::cmp::Ordering;

use descargo_model::date::Day;
use descargo_model::pb::LicenseStatus;
use descargo_model::text::lookup_number;

/// Longest filter.
const BYTES_MAX: usize = 2_000;
/// Most restrictions in one filter.
const RESTRICTIONS_MAX: usize = 50;
/// Deepest nesting of parentheses and NOT.
const DEPTH_MAX: usize = 16;

/// What may be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Agency,
    PermitKey,
    PermitNumber,
    Status,
    HolderRfc,
    ValidFrom,
    ValidTo,
}

const FIELDS: [(&str, Field); 7] = [
    ("agency", Field::Agency),
    ("permit_key", Field::PermitKey),
    ("permit_number", Field::PermitNumber),
    ("status", Field::Status),
    ("holder_rfc", Field::HolderRfc),
    ("valid_from", Field::ValidFrom),
    ("valid_to", Field::ValidTo),
];

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Begins,
}

/// Longer operators first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    (":", Operator::Begins),
];

impl Operator {
    fn holds(self, actual: &str, stated: &str) -> bool {
        let order = actual.cmp(stated);
        match self {
            Self::Equal => order == Ordering::Equal,
            Self::NotEqual => order != Ordering::Equal,
            Self::Less => order == Ordering::Less,
            Self::LessOrEqual => order != Ordering::Greater,
            Self::Greater => order == Ordering::Greater,
            Self::GreaterOrEqual => order != Ordering::Less,
            Self::Begins => actual.starts_with(stated),
        }
    }
}

/// A filter that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Everything.
    Every,
    Restriction {
        field: Field,
        operator: Operator,
        value: String,
    },
    Not(Box<Filter>),
    All(Vec<Filter>),
    Any(Vec<Filter>),
}

/// Why a text is no filter, and at which character, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterError {
    pub position: usize,
    pub why: String,
}

impl std::fmt::Display for FilterError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "position {}: {}", self.position, self.why)
    }
}

type Result<T> = std::result::Result<T, FilterError>;

impl Filter {
    /// Reads a filter; an empty one lets everything pass.
    ///
    /// # Errors
    /// [`FilterError`] with the place and what would be right.
    pub fn parse(text: &str) -> Result<Self> {
        let mut reader = Reader { text, at: 0, restrictions: 0 };
        if text.len() > BYTES_MAX {
            return Err(FilterError {
                position: BYTES_MAX,
                why: format!("{} bytes, at most {BYTES_MAX}", text.len()),
            });
        }
        reader.skip_blanks();
        if reader.rest().is_empty() {
            return Ok(Self::Every);
        }
        let filter = reader.expression(0)?;
        match reader.rest() {
            "" => Ok(filter),
            rest if rest.starts_with(')') => Err(reader.wrong("this `)` closes nothing")),
            _ => Err(reader.wrong("AND or OR is missing here")),
        }
    }

    /// Whether a license passes; `None` while a field that it depends on is not known.
    pub fn passes(&self, value: &impl Fn(Field) -> Option<String>) -> Option<bool> {
        match self {
            Self::Every => Some(true),
            Self::Restriction { field, operator, value: stated } => {
                value(*field).map(|actual| operator.holds(&comparable(*field, &actual), stated))
            }
            Self::Not(inner) => inner.passes(value).map(|passes| !passes),
            Self::All(parts) => decided(parts, value, false),
            Self::Any(parts) => decided(parts, value, true),
        }
    }
}

/// One part that is `deciding` decides; one that is not known leaves it open.
fn decided(
    parts: &[Filter],
    value: &impl Fn(Field) -> Option<String>,
    deciding: bool,
) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match part.passes(value) {
            Some(passes) if passes == deciding => return Some(deciding),
            Some(_) => {}
            None => open = true,
        }
    }
    (!open).then_some(!deciding)
}

/// Numbers are compared as they are looked up; the rest as it is written.
fn comparable(field: Field, text: &str) -> String {
    match field {
        Field::PermitNumber => lookup_number(text),
        _ => text.to_owned(),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    restrictions: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, why: impl Into<String>) -> FilterError {
        self.wrong_at(self.at, why)
    }

    fn wrong_at(&self, at: usize, why: impl Into<String>) -> FilterError {
        let before = self.text.get(..at).unwrap_or_default();
        FilterError { position: before.chars().count().saturating_add(1), why: why.into() }
    }

    fn skip_blanks(&mut self) {
        let blanks = self.rest().len().saturating_sub(self.rest().trim_start().len());
        self.at = self.at.saturating_add(blanks);
    }

    /// Takes a text that stands here, and the blanks after it.
    fn take(&mut self, text: &str) -> bool {
        let stands = self.rest().starts_with(text);
        if stands {
            self.at = self.at.saturating_add(text.len());
            self.skip_blanks();
        }
        stands
    }

    /// Takes a whole word that stands here.
    fn take_word(&mut self, word: &str) -> bool {
        self.word() == word && self.take(word)
    }

    fn word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|sign: char| !is_word(sign)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    fn expression(&mut self, depth: usize) -> Result<Filter> {
        let mut parts = vec![self.factor(depth)?];
        while self.take_word("AND") {
            parts.push(self.factor(depth)?);
        }
        Ok(only_or(parts, Filter::All))
    }

    fn factor(&mut self, depth: usize) -> Result<Filter> {
        let mut parts = vec![self.term(depth)?];
        while self.take_word("OR") {
            parts.push(self.term(depth)?);
        }
        Ok(only_or(parts, Filter::Any))
    }

    fn term(&mut self, depth: usize) -> Result<Filter> {
        if depth > DEPTH_MAX {
            return Err(self.wrong(format!("nested more than {DEPTH_MAX} deep")));
        }
        let deeper = depth.saturating_add(1);
        if self.take_word("NOT") {
            return Ok(Filter::Not(Box::new(self.term(deeper)?)));
        }
        let opened = self.at;
        if self.take("(") {
            let inner = self.expression(deeper)?;
            return match self.take(")") {
                true => Ok(inner),
                false if self.rest().is_empty() => {
                    Err(self.wrong_at(opened, "this `(` is not closed"))
                }
                false => Err(self.wrong("AND, OR or `)` is missing here")),
            };
        }
        self.restriction()
    }

    fn restriction(&mut self) -> Result<Filter> {
        self.restrictions = self.restrictions.saturating_add(1);
        if self.restrictions > RESTRICTIONS_MAX {
            return Err(self.wrong(format!("more than {RESTRICTIONS_MAX} restrictions")));
        }
        let name = self.word();
        let known = FIELDS.iter().find(|(known, _)| *known == name);
        let Some((_, field)) = known else {
            let names = FIELDS.map(|(known, _)| known).join(", ");
            let what = if name.is_empty() {
                "a field is missing here".to_owned()
            } else {
                format!("`{name}` is no field")
            };
            return Err(self.wrong(format!("{what}; fields are {names}")));
        };
        self.take(name);
        let place = self.at;
        let Some((sign, operator)) = OPERATORS.iter().find(|(sign, _)| self.take(sign)) else {
            return Err(self.wrong("an operator is missing here: = != < <= > >= :"));
        };
        if !allows(*field, *operator) {
            return Err(self.wrong_at(place, format!("`{sign}` does not go with `{name}`")));
        }
        let place = self.at;
        let stated = self.value()?;
        let value = checked(*field, &stated).map_err(|why| self.wrong_at(place, why))?;
        Ok(Filter::Restriction { field: *field, operator: *operator, value })
    }

    fn value(&mut self) -> Result<String> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|sign| matches!(sign, '"' | '\'')) else {
            let end = rest.find(|sign: char| !is_bare(sign)).unwrap_or(rest.len());
            let bare = rest.get(..end).unwrap_or_default();
            if bare.is_empty() || matches!(bare, "AND" | "OR" | "NOT") {
                return Err(self.wrong("a value is missing here, such as \"C1\""));
            }
            self.take(bare);
            return Ok(bare.to_owned());
        };
        let mut value = String::new();
        let mut signs = rest.char_indices().skip(1);
        while let Some((offset, sign)) = signs.next() {
            match sign {
                '\\' => match signs.next() {
                    Some((_, escaped)) if matches!(escaped, '\\' | '"' | '\'') => {
                        value.push(escaped);
                    }
                    _ => {
                        let at = self.at.saturating_add(offset);
                        return Err(self.wrong_at(at, "after `\\` only `\\`, `\"` or `'`"));
                    }
                },
                _ if sign == quote => {
                    self.at = self.at.saturating_add(offset).saturating_add(1);
                    self.skip_blanks();
                    return Ok(value);
                }
                _ => value.push(sign),
            }
        }
        Err(self.wrong("this quotation mark is not closed"))
    }
}

fn only_or(mut parts: Vec<Filter>, join: impl Fn(Vec<Filter>) -> Filter) -> Filter {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

fn is_word(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_'
}

/// What a value without quotation marks may have.
fn is_bare(sign: char) -> bool {
    sign.is_alphanumeric() || matches!(sign, '_' | '-' | '.' | '/' | '&')
}

fn allows(field: Field, operator: Operator) -> bool {
    match operator {
        Operator::Equal | Operator::NotEqual => true,
        Operator::Begins => field == Field::PermitNumber,
        _ => matches!(field, Field::PermitNumber | Field::ValidFrom | Field::ValidTo),
    }
}

/// The value as it is compared.
fn checked(field: Field, stated: &str) -> std::result::Result<String, String> {
    match field {
        Field::ValidFrom | Field::ValidTo => match Day::parse(stated) {
            Ok(_) => Ok(stated.to_owned()),
            Err(_) => Err(format!("`{stated}` is no day such as 2026-12-31")),
        },
        Field::Status => match LicenseStatus::from_str_name(&format!("LICENSE_STATUS_{stated}")) {
            Some(status) if status != LicenseStatus::Unspecified => Ok(stated.to_owned()),
            _ => Err(format!("`{stated}` is no status; such as ACTIVE or SUSPENDED")),
        },
        _ => Ok(comparable(field, stated)),
    }
}

#[cfg(test)]
#[path = "filter/tests.rs"]
mod tests;
