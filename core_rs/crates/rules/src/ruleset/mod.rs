//! Rulesets: which permits a line needs, when, and what exempts from them.
//!
//! A set is a few TOML files that an official signs. It is checked and compiled whole; what is
//! compiled never changes, so that readers share it and another set takes its place at once.

mod cases;
mod check;
mod condition;
mod index;
mod judge;
mod line;
mod overlap;
mod problem;
mod rule;
mod source;

use std::collections::{BTreeMap, BTreeSet, HashSet};

pub use cases::{CaseAnswer, LineCase, run_cases};
pub use index::{RuleNo, tariff_no};
pub use judge::{Lack, Permit, Shortfall, is_asked, judge};
pub use line::{Line, Stated};
pub use problem::{PROBLEMS_MAX, Problem};
pub use rule::{Codes, Cover, LegalBasis, Pattern, Rule, ScopeKind, TariffRange};

use crate::catalogue::Catalogue;
use crate::instruments::Instruments;
use check::{Checker, Reference};
use index::Index;
use problem::{At, Problems};

/// Rules of a set at most.
pub const RULES_MAX: usize = 250_000;
/// Files of a set at most.
pub const FILES_MAX: usize = 64;

/// One file of a set.
#[derive(Debug, Clone, Copy)]
pub struct RulesetFile<'a> {
    /// Its name, for problems.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// A set of rules, checked and compiled.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<Rule>,
    covers: Vec<Cover>,
    index: Index,
    cover_index: Index,
}

/// What a set says of one line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Required {
    /// Rules that apply, in the order of the set. What exempts from them is not looked at yet.
    pub rules: Vec<RuleNo>,
    /// Rules that would apply if the line stated other identifiers: they are for other goods.
    pub other_goods: Vec<RuleNo>,
    /// Rules that could not be judged: they are reported, and the line is refused.
    pub failed: Vec<RuleNo>,
}

impl Ruleset {
    /// Checks and compiles a set.
    ///
    /// # Errors
    /// Every problem, in the order of the files.
    pub fn compile(
        files: &[RulesetFile<'_>],
        catalogue: &Catalogue,
        instruments: &Instruments,
    ) -> Result<Self, Vec<Problem>> {
        let reference = Reference { catalogue, instruments };
        let mut problems = Problems::of(files.iter().map(|file| (file.path, file.text)));
        if files.is_empty() || files.len() > FILES_MAX {
            let what = format!("a set has 1 to {FILES_MAX} files, not {}", files.len());
            return Err(vec![Problem { file: String::new(), line: 0, column: 0, what }]);
        }
        let read = |(number, file): (usize, &RulesetFile<'_>)| {
            source::read(number, file.text, &mut problems)
        };
        let sources: Vec<_> = files.iter().enumerate().map(read).collect();
        let mut checker = Checker {
            reference: &reference,
            problems: &mut problems,
            blocks: BTreeMap::new(),
            ids: HashSet::new(),
            file: 0,
        };
        for (number, source) in sources.iter().enumerate() {
            checker.file = number;
            checker.blocks(source);
        }
        let (mut rules, mut covers) = (Vec::new(), Vec::new());
        let mut sound = Vec::new();
        for (number, source) in sources.into_iter().enumerate() {
            checker.file = number;
            covers.extend(source.covers.iter().map(|(raw, at)| checker.cover(raw, at)));
            for (raw, at) in source.rules {
                let before = checker.problems.count();
                rules.push(checker.rule(raw, at));
                sound.push(checker.problems.count() == before);
            }
        }
        // A rule with a slip would seem to contradict others; they are compared once it is mended.
        let sound: Vec<&Rule> =
            rules.iter().zip(sound).filter_map(|(rule, sound)| sound.then_some(rule)).collect();
        check_whole(&sound, &covers, &mut problems);
        if !problems.is_empty() {
            return Err(problems.into_list());
        }
        let (index, cover_index) = (Index::of_rules(&rules), Index::of_covers(&covers));
        Ok(Self { rules, covers, index, cover_index })
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What it covers.
    #[must_use]
    pub fn covers(&self) -> &[Cover] {
        &self.covers
    }

    /// A rule by its number.
    #[must_use]
    pub fn rule(&self, number: RuleNo) -> Option<&Rule> {
        self.rules.get(usize::try_from(number).ok()?)
    }

    /// Permit keys that the set judges for a line, sorted. None: the line is not judged, which is
    /// not the same as needing nothing.
    #[must_use]
    pub fn judged_permit_keys(&self, line: &Line<'_>) -> Vec<&str> {
        let mut keys = BTreeSet::new();
        self.cover_index.meet(line, |number, _| {
            let cover = usize::try_from(number).ok().and_then(|number| self.covers.get(number));
            keys.extend(cover.iter().flat_map(|cover| &cover.permit_keys).map(String::as_str));
        });
        keys.into_iter().collect()
    }

    /// The rules that apply to a line on its day.
    #[must_use]
    pub fn required(&self, line: &Line<'_>) -> Required {
        let mut required = Required::default();
        self.required_into(line, &mut required);
        required
    }

    /// The same, into a value that is used again.
    pub fn required_into(&self, line: &Line<'_>, required: &mut Required) {
        required.rules.clear();
        required.other_goods.clear();
        required.failed.clear();
        self.index.meet(line, |number, plain| {
            if plain {
                return required.rules.push(number);
            }
            let Some(rule) = self.rule(number) else { return };
            if !applies(rule, line) {
                return;
            }
            let stated = |pattern: &Pattern| line.identifiers.iter().any(|id| pattern.matches(id));
            if !rule.when_identifiers.is_empty() && !rule.when_identifiers.iter().any(stated) {
                return required.other_goods.push(number);
            }
            match rule.condition.as_ref().map(|condition| condition.holds(line)) {
                None | Some(Ok(true)) => required.rules.push(number),
                Some(Ok(false)) => {}
                Some(Err(_)) => required.failed.push(number),
            }
        });
        for numbers in [&mut required.rules, &mut required.other_goods, &mut required.failed] {
            numbers.sort_unstable();
            numbers.dedup();
        }
    }
}

/// What the index does not hold, since few rules have it.
fn applies(rule: &Rule, line: &Line<'_>) -> bool {
    let at_least = |threshold: Option<i64>, value: Option<i64>| match (threshold, value) {
        (Some(threshold), Some(value)) => value >= threshold,
        _ => true,
    };
    let excepted = rule.except_tariff.iter().any(|range| range.holds(line.tariff));
    let keys = &rule.declaration_keys;
    !excepted
        && (*keys == Codes::Every || keys.holds(crate::codes::ShortCode::of(line.declaration_key)))
        && at_least(rule.value_from_cents, line.value_cents)
        && at_least(rule.quantity_from_e5, line.quantity_e5)
}

/// Checks that need the whole set: its size, what it covers, and contradictions.
fn check_whole(rules: &[&Rule], covers: &[Cover], problems: &mut Problems<'_>) {
    if let Some(beyond) = rules.get(RULES_MAX) {
        problems.add(beyond.at.clone(), format!("a set has {RULES_MAX} rules at most"));
        return;
    }
    if covers.is_empty() {
        problems.add(At::default(), "the set does not say what it judges: it has no [[covers]]");
        return;
    }
    // A bit set has room for every code of today's catalogues; a larger one must not wrap around.
    if !Index::has_room_for(rules) {
        problems
            .add(At::default(), "the set names more countries or offices than can be told apart");
    }
    let mut by_key: BTreeMap<&str, Vec<&Cover>> = BTreeMap::new();
    for cover in covers {
        for key in &cover.permit_keys {
            by_key.entry(key).or_default().push(cover);
        }
    }
    for rule in rules {
        for (key, range) in
            rule.permit_keys.iter().flat_map(|key| rule.tariff.iter().map(move |r| (key, *r)))
        {
            let covers = by_key.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
            if !covers.iter().any(|cover| cover.contains(rule, range, key)) {
                let what = format!(
                    "rule `{}` asks for key `{key}` where no single [[covers]] says that the set \
                     judges it: codes, operations and days of the rule must lie within one",
                    rule.id
                );
                problems.add(rule.at.clone(), what);
            }
        }
    }
    overlap::tell(rules, problems);
}
