//! From what is written to what is judged by, with every problem on the way.

use std::collections::{BTreeMap, HashSet};

use descargo_model::date::Day;
use descargo_model::decimal::{Quantity, Usd};
use descargo_model::pb::OperationType;
use descargo_model::text;

use super::condition::Condition;
use super::problem::{At, Problems};
use super::rule::{
    Codes, Cover, LegalBasis, Pattern, Rule, ScopeKind, TariffRange, operation_bit, operation_named,
};
use super::source::{
    RawCover, RawIdentifier, RawLegalBasis, RawRule, RawScope, Source, Text, Texts,
};
use crate::catalogue::Catalogue;
use crate::codes::{ShortCode, aduana, digits};
use crate::instruments::Instruments;
use crate::load::Period;

/// Characters of a rule's name at most.
const ID_MAX: usize = 64;
/// Characters of a title or of the goods of a scope at most.
const TITLE_MAX: usize = 250;
/// Entries of one list at most.
const LIST_MAX: usize = 500;
/// Identifiers of Apendice 8 that a rule may look for.
const IDENTIFIERS: [&str; 9] = ["XP", "EN", "NE", "EA", "ES", "UM", "SB", "DC", "IM"];

/// What rules are checked against.
pub(crate) struct Reference<'a> {
    pub catalogue: &'a Catalogue,
    pub instruments: &'a Instruments,
}

/// Checks the parts of each file.
pub(crate) struct Checker<'a, 'p> {
    pub reference: &'a Reference<'a>,
    pub problems: &'p mut Problems<'a>,
    pub blocks: BTreeMap<String, Vec<ShortCode>>,
    pub ids: HashSet<String>,
    pub file: usize,
}

impl Checker<'_, '_> {
    /// Reads the blocks of a file; those of every file are read before any rule.
    pub(crate) fn blocks(&mut self, source: &Source) {
        for (name, at, members) in &source.blocks {
            if !(4..=20).contains(&name.len()) {
                self.problems.add(at.clone(), "the name of a block has 4 to 20 characters");
            }
            let codes = members.iter().filter_map(|member| self.country(member)).collect();
            if self.blocks.insert(name.clone(), codes).is_some() {
                self.problems.add(at.clone(), format!("block `{name}` is stated twice"));
            }
        }
    }

    /// Reads a cover.
    pub(crate) fn cover(&mut self, raw: &RawCover, at: &At) -> Cover {
        for key in &raw.permit_keys {
            if self.reference.instruments.owners(key.get_ref()).next().is_none() {
                self.tell(key, format!("permit key `{}` is not known", key.get_ref()));
            }
        }
        if raw.permit_keys.is_empty() || raw.tariff.is_empty() {
            self.problems.add(at.clone(), "a cover names tariff codes and permit keys");
        }
        Cover {
            tariff: self.tariff(&raw.tariff),
            permit_keys: raw.permit_keys.iter().map(|key| key.get_ref().clone()).collect(),
            operations: self.operations(&raw.operations, at),
            period: self.period(&raw.from, raw.to.as_ref()),
        }
    }

    /// Reads a rule.
    pub(crate) fn rule(&mut self, raw: RawRule, at: At) -> Rule {
        self.id(&raw.id);
        let all = raw.any_of.is_empty();
        let permit_keys = self.permit_keys(&raw, &at);
        let scope = self.scope(raw.scope.as_ref());
        let mut exempt = self.patterns(&raw.exempt);
        self.xp_names_a_key(&raw.exempt, &permit_keys);
        if let Some((kind, _)) = &scope {
            exempt.extend(permit_keys.iter().map(|key| Pattern {
                key: "XP".to_owned(),
                complements: vec![key.clone(), kind.complement().to_owned()],
            }));
        }
        exempt.sort();
        exempt.dedup();
        let declaration_key = |checker: &mut Self, key: &Text| {
            let known = checker.reference.instruments.has_declaration_key(key.get_ref());
            checker.known(key, known, "declaration key")
        };
        let regime = |checker: &mut Self, key: &Text| {
            let known = checker.reference.catalogue.has_regime_ever(key.get_ref());
            checker.known(key, known, "regime")
        };
        let office = |checker: &mut Self, key: &Text| checker.office(key);
        Rule {
            tariff: self.tariff(&raw.tariff),
            except_tariff: self.tariff(&raw.except_tariff),
            nico: self.nico(&raw.nico),
            operations: self.operations(&raw.operations, &at),
            regimes: self.codes(&raw.regimes, &raw.except_regimes, &regime),
            declaration_keys: self.codes(
                &raw.declaration_keys,
                &raw.except_declaration_keys,
                &declaration_key,
            ),
            countries: self.countries(&raw.countries, &raw.except_countries),
            aduanas: self.codes(&raw.offices, &raw.except_offices, &office),
            value_from_cents: self.decimal(raw.value_usd_from.as_ref(), |text| {
                Usd::parse(text).ok().map(Usd::scaled)
            }),
            quantity_from_e5: self.decimal(raw.quantity_from.as_ref(), |text| {
                Quantity::parse(text).ok().map(Quantity::scaled)
            }),
            when_identifiers: self.patterns(&raw.when_identifiers),
            condition: self.condition(raw.when.as_ref()),
            period: self.period(&raw.from, raw.to.as_ref()),
            legal_basis: self.legal_basis(raw.legal_basis.as_ref(), raw.illustrative, &at),
            id: raw.id.into_inner(),
            agency: raw.agency.into_inner(),
            permit_keys,
            all,
            scope,
            exempt,
            at,
        }
    }

    fn tell<T>(&mut self, value: &toml::Spanned<T>, what: String) {
        self.problems.add(At { file: self.file, span: value.span() }, what);
    }

    fn known(&mut self, key: &Text, known: bool, what: &str) -> Option<ShortCode> {
        if !known {
            self.tell(key, format!("{what} `{}` is not known", key.get_ref()));
        }
        ShortCode::of(key.get_ref()).filter(|_| known)
    }

    fn id(&mut self, id: &Text) {
        let text = id.get_ref();
        let form = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if text.is_empty() || text.len() > ID_MAX || !text.chars().all(form) {
            let what = format!("`{text}` is no name: 1 to {ID_MAX} letters, digits, `-`, `_`, `.`");
            return self.tell(id, what);
        }
        if !self.ids.insert(text.clone()) {
            self.tell(id, format!("there are two rules `{text}`"));
        }
    }

    fn permit_keys(&mut self, raw: &RawRule, at: &At) -> Vec<String> {
        if raw.any_of.is_empty() == raw.all_of.is_empty() {
            self.problems.add(at.clone(), "a rule states either `any_of` or `all_of`");
        }
        let agency = raw.agency.get_ref();
        if !self.reference.instruments.has_agency(agency) {
            self.tell(&raw.agency, format!("agency `{agency}` is not known"));
        }
        let operations: Vec<OperationType> =
            raw.operations.iter().filter_map(|text| operation_named(text.get_ref())).collect();
        let keys = if raw.any_of.is_empty() { &raw.all_of } else { &raw.any_of };
        for key in keys {
            match self.reference.instruments.profile(key.get_ref(), agency) {
                None => {
                    let what = format!("is not one of agency `{agency}`");
                    self.tell(key, format!("permit key `{}` {what}", key.get_ref()));
                }
                Some(profile) if !operations.iter().all(|o| profile.operations.contains(o)) => {
                    let what = "is not for every operation of the rule";
                    self.tell(key, format!("permit key `{}` {what}", key.get_ref()));
                }
                Some(_) => {}
            }
        }
        let mut keys: Vec<String> = keys.iter().map(|key| key.get_ref().clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn tariff(&mut self, texts: &Texts) -> Vec<TariffRange> {
        self.bounded(texts);
        let mut ranges = Vec::new();
        for text in texts {
            match TariffRange::parse(text.get_ref()) {
                None => self.tell(
                    text,
                    format!(
                        "`{}` is no prefix of 2 to 8 digits, nor two of one length joined by `-`",
                        text.get_ref()
                    ),
                ),
                Some(range)
                    if !self.reference.catalogue.has_tariff_within(range.from, range.to) =>
                {
                    self.tell(text, format!("`{}` meets no code of the tariff", text.get_ref()));
                }
                Some(range) => ranges.push(range),
            }
        }
        ranges.sort_unstable();
        ranges
    }

    fn bounded(&mut self, texts: &Texts) {
        if let Some(beyond) = texts.get(LIST_MAX) {
            self.tell(beyond, format!("a list has {LIST_MAX} entries at most"));
        }
    }

    fn nico(&mut self, texts: &Texts) -> Vec<u8> {
        let mut nicos = Vec::new();
        for text in texts {
            match digits(text.get_ref(), 2).and_then(|nico| u8::try_from(nico).ok()) {
                Some(nico) => nicos.push(nico),
                None => self.tell(text, format!("NICO `{}` is not two digits", text.get_ref())),
            }
        }
        nicos.sort_unstable();
        nicos.dedup();
        nicos
    }

    fn operations(&mut self, texts: &Texts, at: &At) -> u8 {
        if texts.is_empty() {
            self.problems.add(at.clone(), "`operations` names none");
        }
        let mut bits = 0;
        for text in texts {
            match operation_named(text.get_ref()) {
                Some(operation) => bits |= operation_bit(operation),
                None => self
                    .tell(text, format!("`{}` is not IMPORT, EXPORT or TRANSIT", text.get_ref())),
            }
        }
        bits
    }

    fn codes(
        &mut self,
        only: &Texts,
        except: &Texts,
        read: &dyn Fn(&mut Self, &Text) -> Option<ShortCode>,
    ) -> Codes {
        self.not_both(only, except);
        let texts = if only.is_empty() { except } else { only };
        self.bounded(texts);
        let mut codes: Vec<ShortCode> = texts.iter().filter_map(|text| read(self, text)).collect();
        codes.sort_unstable();
        codes.dedup();
        Codes::of(only.is_empty(), except.is_empty(), codes)
    }

    fn not_both(&mut self, only: &Texts, except: &Texts) {
        if let (Some(_), Some(second)) = (only.first(), except.first()) {
            self.tell(second, "a rule names codes or excepts some, not both".to_owned());
        }
    }

    fn office(&mut self, office: &Text) -> Option<ShortCode> {
        let known = self.reference.catalogue.has_aduana_ever(office.get_ref());
        self.known(office, known, "office")?;
        aduana(office.get_ref()).and_then(ShortCode::of)
    }

    fn country(&mut self, country: &Text) -> Option<ShortCode> {
        let known = self.reference.catalogue.has_country_ever(country.get_ref());
        self.known(country, known, "country")
    }

    fn countries(&mut self, only: &Texts, except: &Texts) -> Codes {
        self.not_both(only, except);
        let mut codes = Vec::new();
        for text in if only.is_empty() { except } else { only } {
            match self.blocks.get(text.get_ref()) {
                Some(members) => codes.extend_from_slice(members),
                None => codes.extend(self.country(text)),
            }
        }
        codes.sort_unstable();
        codes.dedup();
        Codes::of(only.is_empty(), except.is_empty(), codes)
    }

    fn decimal(&mut self, text: Option<&Text>, read: fn(&str) -> Option<i64>) -> Option<i64> {
        let text = text?;
        read(text.get_ref()).or_else(|| {
            self.tell(text, format!("`{}` is no decimal of the contract", text.get_ref()));
            None
        })
    }

    fn scope(&mut self, raw: Option<&RawScope>) -> Option<(ScopeKind, String)> {
        let raw = raw?;
        self.title(&raw.goods);
        let kind = match raw.kind.get_ref().as_str() {
            "unicamente" => ScopeKind::Only,
            "excepto" => ScopeKind::Except,
            other => {
                self.tell(&raw.kind, format!("`{other}` is neither `unicamente` nor `excepto`"));
                return None;
            }
        };
        Some((kind, raw.goods.get_ref().clone()))
    }

    fn title(&mut self, title: &Text) {
        if title.get_ref().is_empty() {
            self.tell(title, "the text is empty".to_owned());
        } else if let Err(error) = text::check(title.get_ref(), TITLE_MAX) {
            self.tell(title, error.to_string());
        }
    }

    fn patterns(&mut self, raw: &[RawIdentifier]) -> Vec<Pattern> {
        let mut patterns = Vec::with_capacity(raw.len());
        for identifier in raw {
            let key = identifier.key.get_ref();
            if !IDENTIFIERS.contains(&key.as_str()) {
                let known = IDENTIFIERS.join(", ");
                self.tell(&identifier.key, format!("identifier `{key}` is none of {known}"));
            }
            if let Some(fourth) = identifier.complements.get(3) {
                self.tell(fourth, "an identifier has three complements at most".to_owned());
            }
            let complements = identifier.complements.iter().map(|text| text.get_ref().clone());
            patterns.push(Pattern { key: key.clone(), complements: complements.collect() });
        }
        patterns
    }

    fn xp_names_a_key(&mut self, raw: &[RawIdentifier], permit_keys: &[String]) {
        for identifier in raw.iter().filter(|id| id.key.get_ref() == "XP") {
            let named = identifier.complements.first().map(toml::Spanned::get_ref);
            if named.is_none_or(|named| !permit_keys.contains(named)) {
                let what = "the first complement of XP is a permit key that the rule asks for";
                self.tell(&identifier.key, what.to_owned());
            }
        }
    }

    fn condition(&mut self, source: Option<&Text>) -> Option<Condition> {
        let source = source?;
        match Condition::compile(source.get_ref()) {
            Ok(condition) => Some(condition),
            Err(what) => {
                self.tell(source, what);
                None
            }
        }
    }

    fn day(&mut self, text: &Text) -> Option<Day> {
        let day = Day::parse(text.get_ref());
        day.map_err(|error| self.tell(text, format!("date `{}`: {error}", text.get_ref()))).ok()
    }

    fn period(&mut self, from: &Text, to: Option<&Text>) -> Period {
        let first = self.day(from).unwrap_or(Day::MIN);
        let last = to.filter(|to| !to.get_ref().is_empty());
        let last_day = last.map_or(Day::MAX, |to| self.day(to).unwrap_or(Day::MAX));
        if let Some(to) = last
            && last_day < first
        {
            self.tell(to, format!("`{last_day}` lies before the first day, `{first}`"));
        }
        Period { from: first, to: last_day }
    }

    fn legal_basis(
        &mut self,
        raw: Option<&RawLegalBasis>,
        illustrative: bool,
        at: &At,
    ) -> LegalBasis {
        let Some(raw) = raw else {
            if !illustrative {
                let what = "a rule states its `legal_basis`, or `illustrative = true`";
                self.problems.add(at.clone(), what);
            }
            return LegalBasis { dof: None, title: String::new(), illustrative };
        };
        self.title(&raw.title);
        let dof = raw.dof.as_ref().and_then(|dof| self.day(dof));
        if raw.dof.is_none() && !illustrative {
            self.tell(&raw.title, "a legal basis has its day in the DOF, `dof`".to_owned());
        }
        LegalBasis { dof, title: raw.title.get_ref().clone(), illustrative }
    }
}
