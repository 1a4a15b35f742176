//! A file of rules as it is written: TOML, with the place of every value.
//!
//! `docs/ruleset.schema.json` says the same for editors. Each rule is read on its own, so that a
//! slip in one hides nothing in the next.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::problem::{At, Problems};

/// A text with its place.
pub(crate) type Text = Spanned<String>;
/// Texts with their places.
pub(crate) type Texts = Vec<Text>;

/// The format that is read here.
const FORMAT: &str = "1";

/// One file, read.
#[derive(Default)]
pub(crate) struct Source {
    /// Blocks of countries by name.
    pub blocks: Vec<(String, At, Texts)>,
    /// What the set judges.
    pub covers: Vec<(RawCover, At)>,
    /// Rules.
    pub rules: Vec<(RawRule, At)>,
}

/// `[[covers]]`: what the set judges. Outside of it, nothing is said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCover {
    pub tariff: Texts,
    pub permit_keys: Texts,
    pub operations: Texts,
    pub from: Text,
    #[serde(default)]
    pub to: Option<Text>,
}

/// `[[rule]]`: who asks for which permit, of what, when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub id: Text,
    pub agency: Text,
    #[serde(default)]
    pub any_of: Texts,
    #[serde(default)]
    pub all_of: Texts,
    pub tariff: Texts,
    #[serde(default)]
    pub except_tariff: Texts,
    #[serde(default)]
    pub nico: Texts,
    pub operations: Texts,
    #[serde(default)]
    pub regimes: Texts,
    #[serde(default)]
    pub except_regimes: Texts,
    #[serde(default)]
    pub declaration_keys: Texts,
    #[serde(default)]
    pub except_declaration_keys: Texts,
    #[serde(default)]
    pub countries: Texts,
    #[serde(default)]
    pub except_countries: Texts,
    #[serde(default)]
    pub offices: Texts,
    #[serde(default)]
    pub except_offices: Texts,
    #[serde(default)]
    pub value_usd_from: Option<Text>,
    #[serde(default)]
    pub quantity_from: Option<Text>,
    #[serde(default)]
    pub scope: Option<RawScope>,
    #[serde(default)]
    pub when_identifiers: Vec<RawIdentifier>,
    #[serde(default)]
    pub exempt: Vec<RawIdentifier>,
    #[serde(default)]
    pub when: Option<Text>,
    pub from: Text,
    #[serde(default)]
    pub to: Option<Text>,
    #[serde(default)]
    pub legal_basis: Option<RawLegalBasis>,
    #[serde(default)]
    pub illustrative: bool,
}

/// Whether only some goods of the code are meant, or all but some.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawScope {
    pub kind: Text,
    pub goods: Text,
}

/// An identifier of Apendice 8.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawIdentifier {
    pub key: Text,
    #[serde(default)]
    pub complements: Texts,
}

/// Where the law says so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLegalBasis {
    #[serde(default)]
    pub dof: Option<Text>,
    pub title: Text,
}

/// Reads one file; what cannot be read is told and left out.
pub(crate) fn read(file: usize, text: &str, problems: &mut Problems<'_>) -> Source {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or_default();
        problems.add(At { file, span }, error.message().to_owned());
    }
    let mut source = Source::default();
    let mut format = None;
    for (key, value) in table.into_inner() {
        let at = At { file, span: key.span() };
        match key.get_ref().as_ref() {
            "format" => format = Some(value),
            "blocks" => read_blocks(file, value, &mut source, problems),
            "covers" => source.covers = read_each(file, value, problems),
            "rule" => source.rules = read_each(file, value, problems),
            other => problems.add(
                at,
                format!("`{other}` is not known here; there are format, blocks, covers and rule"),
            ),
        }
    }
    let known = format.as_ref().and_then(|value| value.get_ref().as_integer());
    if known.is_none_or(|number| number.as_str() != FORMAT) {
        let span = format.map(|value| value.span()).unwrap_or_default();
        problems.add(At { file, span }, format!("the file must state `format = {FORMAT}`"));
    }
    source
}

fn read_blocks(
    file: usize,
    value: Spanned<DeValue<'_>>,
    source: &mut Source,
    problems: &mut Problems<'_>,
) {
    let at = At { file, span: value.span() };
    let DeValue::Table(table) = value.into_inner() else {
        return problems.add(at, "`blocks` is a table: BLOCK = [\"USA\", \"CAN\"]");
    };
    for (name, members) in table {
        let at = At { file, span: name.span() };
        match Texts::deserialize(ValueDeserializer::from(members)) {
            Ok(members) => source.blocks.push((name.into_inner().into_owned(), at, members)),
            Err(error) => tell(file, &error, at, problems),
        }
    }
}

fn read_each<'i, T: Deserialize<'i>>(
    file: usize,
    value: Spanned<DeValue<'i>>,
    problems: &mut Problems<'_>,
) -> Vec<(T, At)> {
    let at = At { file, span: value.span() };
    let DeValue::Array(items) = value.into_inner() else {
        problems.add(at, "it is written with two brackets: [[rule]], [[covers]]");
        return Vec::new();
    };
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        let at = At { file, span: item.span() };
        match T::deserialize(ValueDeserializer::from(item)) {
            Ok(item) => read.push((item, at)),
            Err(error) => tell(file, &error, at, problems),
        }
    }
    read
}

fn tell(file: usize, error: &toml::de::Error, whole: At, problems: &mut Problems<'_>) {
    let at = error.span().map_or(whole, |span| At { file, span });
    problems.add(at, error.message().to_owned());
}
