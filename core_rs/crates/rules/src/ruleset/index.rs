//! Which rules a line meets: prefix buckets, cut by year, with bit sets.
//!
//! 50,000 rules take 2 to 7 MB of entries. A line looks into one bucket for each prefix length in
//! use, seven at most, and reads the entries of its year, 24 bytes each, of which days, operation
//! and NICO are compared first, since they turn most away. Few rules have more columns; those are
//! compared with the rule itself.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use descargo_model::date::Day;

use super::line::Line;
use super::rule::{Codes, Cover, Rule, TariffRange, operation_bit};
use crate::codes::{ShortCode, digits};

/// Number of a rule in its set.
pub type RuleNo = u32;

/// NICO of an entry that takes any.
const ANY_NICO: u8 = u8::MAX;
/// Set that holds every code.
const EVERY: u32 = 0;
/// Codes that a vocabulary tells apart: the last bit stands for all that no rule names.
const VOCABULARY_MAX: usize = 255;

/// Days of a year, as days are numbered here.
const YEAR: u16 = 372;
/// Copies of an entry on average at most, for as many stretches of days.
const COPIES_MAX: usize = 6;

/// A set of codes of one vocabulary.
type Bits = [u64; 4];

/// One rule in one bucket.
#[derive(Debug, Clone, Copy)]
struct Entry {
    from: u16,
    to: u16,
    operations: u8,
    nico: u8,
    /// Whether the columns here say all; a rule itself lies far away in memory.
    plain: bool,
    countries: u32,
    regimes: u32,
    aduanas: u32,
    rule: RuleNo,
}

/// Codes that the rules name, each with a bit, and the sets of them that rules have.
#[derive(Debug, Default)]
struct Vocabulary {
    codes: Vec<ShortCode>,
    sets: Vec<Bits>,
    known: HashMap<Codes, u32>,
}

impl Vocabulary {
    fn of<'a>(named: impl Iterator<Item = &'a Codes> + Clone) -> Self {
        let codes = named_codes(named.clone());
        let mut vocabulary = Self { codes, sets: vec![[u64::MAX; 4]], known: HashMap::new() };
        vocabulary.known.insert(Codes::Every, EVERY);
        for codes in named {
            if !vocabulary.known.contains_key(codes) {
                let number = u32::try_from(vocabulary.sets.len()).unwrap_or(EVERY);
                let set = vocabulary.set(codes);
                vocabulary.sets.push(set);
                vocabulary.known.insert(codes.clone(), number);
            }
        }
        vocabulary
    }

    fn set(&self, codes: &Codes) -> Bits {
        let (Codes::Only(named) | Codes::Except(named)) = codes else { return [u64::MAX; 4] };
        let mut bits = [0; 4];
        for code in named {
            let (word, bit) = self.bit(Some(*code));
            if let Some(word) = bits.get_mut(word) {
                *word |= bit;
            }
        }
        match codes {
            Codes::Except(_) => bits.map(|word| !word),
            _ => bits,
        }
    }

    /// Word and bit of a code; those of the last when no rule names it.
    fn bit(&self, code: Option<ShortCode>) -> (usize, u64) {
        let index = code.and_then(|code| self.codes.binary_search(&code).ok());
        let index = index.unwrap_or(VOCABULARY_MAX);
        (index >> 6, 1_u64 << (index & 63))
    }

    fn holds(&self, set: u32, (word, bit): (usize, u64)) -> bool {
        let set = usize::try_from(set).ok().and_then(|set| self.sets.get(set));
        set.and_then(|set| set.get(word)).is_some_and(|word| word & bit != 0)
    }
}

/// A prefix and its length are one number, so mixing it once is enough.
#[derive(Default)]
struct PrefixHasher(u64);

impl Hasher for PrefixHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

type Buckets = HashMap<u64, (u32, u32), BuildHasherDefault<PrefixHasher>>;

/// Days cut into stretches of equal length, each with its own buckets, so that rules of other years
/// are not read at all.
#[derive(Debug, Default)]
struct Epochs {
    origin: u16,
    length: u16,
    last: u16,
}

impl Epochs {
    /// A year each, or longer, so that no more than a few copies are made of each entry.
    fn of(placed: &[(u64, Entry)]) -> Self {
        let origin = placed.iter().map(|(_, entry)| entry.from).min().unwrap_or_default();
        let named = placed.iter().flat_map(|(_, entry)| [entry.from, entry.to]);
        let newest = named.filter(|day| *day < day_no(Day::MAX)).max().unwrap_or_default();
        let mut epochs = Self { origin, length: YEAR, last: u16::MAX };
        loop {
            epochs.last = u16::MAX;
            epochs.last = epochs.of_day(newest).saturating_add(1);
            let copies = placed.iter().map(|(_, entry)| {
                let (first, last) = (epochs.of_day(entry.from), epochs.of_day(entry.to));
                usize::from(last.saturating_sub(first)).saturating_add(1)
            });
            if copies.sum::<usize>() <= placed.len().saturating_mul(COPIES_MAX)
                || epochs.length == u16::MAX
            {
                return epochs;
            }
            epochs.length = epochs.length.saturating_mul(2);
        }
    }

    fn of_day(&self, day: u16) -> u16 {
        let since = day.saturating_sub(self.origin);
        since.checked_div(self.length).unwrap_or_default().min(self.last)
    }
}

/// The compiled index. It never changes; another set is another value.
#[derive(Debug, Default)]
pub(crate) struct Index {
    buckets: Buckets,
    entries: Vec<Entry>,
    /// Powers of ten by which a code is cut, one for each prefix length in use.
    cuts: Vec<u32>,
    epochs: Epochs,
    regimes: Vocabulary,
    countries: Vocabulary,
    aduanas: Vocabulary,
}

impl Index {
    /// Whether the codes that rules name have room in the bit sets.
    pub(crate) fn has_room_for(rules: &[&Rule]) -> bool {
        let columns: [fn(&Rule) -> &Codes; 3] =
            [|rule| &rule.regimes, |rule| &rule.countries, |rule| &rule.aduanas];
        columns
            .iter()
            .all(|column| named_codes(rules.iter().copied().map(column)).len() <= VOCABULARY_MAX)
    }

    /// Compiles rules.
    pub(crate) fn of_rules(rules: &[Rule]) -> Self {
        let mut index = Self {
            regimes: Vocabulary::of(rules.iter().map(|rule| &rule.regimes)),
            countries: Vocabulary::of(rules.iter().map(|rule| &rule.countries)),
            aduanas: Vocabulary::of(rules.iter().map(|rule| &rule.aduanas)),
            ..Self::default()
        };
        let mut placed = Vec::new();
        for (number, rule) in (0..).zip(rules) {
            let set = |vocabulary: &Vocabulary, codes| {
                vocabulary.known.get(codes).copied().unwrap_or(EVERY)
            };
            let entry = Entry {
                from: day_no(rule.period.from),
                to: day_no(rule.period.to),
                operations: rule.operations,
                nico: ANY_NICO,
                plain: rule.is_plain(),
                countries: set(&index.countries, &rule.countries),
                regimes: set(&index.regimes, &rule.regimes),
                aduanas: set(&index.aduanas, &rule.aduanas),
                rule: number,
            };
            place(entry, &rule.tariff, &rule.nico, &mut placed);
        }
        index.fill(placed);
        index
    }

    /// Compiles covers.
    pub(crate) fn of_covers(covers: &[Cover]) -> Self {
        let every = || Vocabulary::of(std::iter::empty());
        let mut index =
            Self { regimes: every(), countries: every(), aduanas: every(), ..Self::default() };
        let mut placed = Vec::new();
        for (number, cover) in (0..).zip(covers) {
            let entry = Entry {
                from: day_no(cover.period.from),
                to: day_no(cover.period.to),
                operations: cover.operations,
                nico: ANY_NICO,
                plain: true,
                countries: EVERY,
                regimes: EVERY,
                aduanas: EVERY,
                rule: number,
            };
            place(entry, &cover.tariff, &[], &mut placed);
        }
        index.fill(placed);
        index
    }

    fn fill(&mut self, placed: Vec<(u64, Entry)>) {
        let mut cuts: Vec<u32> =
            placed.iter().filter_map(|(prefix, _)| u32::try_from(*prefix >> 32).ok()).collect();
        cuts.sort_unstable();
        cuts.dedup();
        self.cuts = cuts;
        self.epochs = Epochs::of(&placed);
        let mut spread = Vec::new();
        for (prefix, entry) in placed {
            for epoch in self.epochs.of_day(entry.from)..=self.epochs.of_day(entry.to) {
                spread.push((in_epoch(prefix, epoch), entry));
            }
        }
        spread.sort_unstable_by_key(|(prefix, entry)| (*prefix, entry.rule, entry.nico));
        spread.dedup_by_key(|(prefix, entry)| (*prefix, entry.rule, entry.nico));
        for (position, (prefix, entry)) in (0_u32..).zip(spread) {
            self.entries.push(entry);
            let bucket = self.buckets.entry(prefix).or_insert((position, position));
            bucket.1 = position.saturating_add(1);
        }
    }

    /// Calls `met` with every rule whose columns a line meets, and whether that is all it asks; a rule
    /// may come more than once.
    #[inline]
    pub(crate) fn meet(&self, line: &Line<'_>, mut met: impl FnMut(RuleNo, bool)) {
        let on = day_no(line.on);
        let operation = operation_bit(line.operation);
        let regime = self.regimes.bit(ShortCode::of(line.regime));
        let country = self.countries.bit(ShortCode::of(line.country));
        let aduana = self.aduanas.bit(ShortCode::of(line.aduana()));
        let epoch = self.epochs.of_day(on);
        for cut in &self.cuts {
            let Some(prefix) = line.tariff.checked_div(*cut) else { continue };
            let Some((start, end)) = self.buckets.get(&in_epoch(key(*cut, prefix), epoch)) else {
                continue;
            };
            let (start, end) = (usize::try_from(*start), usize::try_from(*end));
            let (Ok(start), Ok(end)) = (start, end) else { continue };
            for entry in self.entries.get(start..end).unwrap_or_default() {
                // One branch for what turns most away, since which of them does is hard to foresee.
                let near = (entry.from <= on)
                    & (entry.to >= on)
                    & (entry.operations & operation != 0)
                    & ((entry.nico == ANY_NICO) | (entry.nico == line.nico));
                let fits = near
                    && self.regimes.holds(entry.regimes, regime)
                    && self.countries.holds(entry.countries, country)
                    && self.aduanas.holds(entry.aduanas, aduana);
                if fits {
                    met(entry.rule, entry.plain);
                }
            }
        }
    }
}

/// Days since the first that a date may name; what lies before or after it is open.
fn day_no(day: Day) -> u16 {
    let (y, m, d) = day.parts();
    let part = |part: i8| u16::try_from(part).unwrap_or_default();
    let year = u16::try_from(y.clamp(1989, 2101)).unwrap_or_default().saturating_sub(1989);
    // Years of 12 months and months of 31 days: no calendar is needed to compare, and 111 fit.
    let months = year.saturating_mul(12).saturating_add(part(m).saturating_sub(1));
    months.saturating_mul(31).saturating_add(part(d))
}

fn named_codes<'a>(named: impl Iterator<Item = &'a Codes>) -> Vec<ShortCode> {
    let mut codes = BTreeSet::new();
    for codes_of_rule in named {
        match codes_of_rule {
            Codes::Every => {}
            Codes::Only(named) | Codes::Except(named) => codes.extend(named.iter().copied()),
        }
    }
    codes.into_iter().collect()
}

fn key(cut: u32, prefix: u32) -> u64 {
    u64::from(cut) << 32 | u64::from(prefix)
}

fn in_epoch(prefix: u64, epoch: u16) -> u64 {
    // Prefixes of at most eight digits leave the upper bits of each half free.
    prefix ^ u64::from(epoch) << 52
}

fn place(entry: Entry, ranges: &[TariffRange], nicos: &[u8], placed: &mut Vec<(u64, Entry)>) {
    for range in ranges {
        let mut from = range.from;
        // The largest aligned piece that fits, again and again: at most some hundred of them.
        while from <= range.to {
            let mut cut = 1_u32;
            while let Some(next) = cut.checked_mul(10)
                && next <= 1_000_000
                && from.is_multiple_of(next)
                && from.saturating_add(next).saturating_sub(1) <= range.to
            {
                cut = next;
            }
            let prefix = from.checked_div(cut).unwrap_or(from);
            if nicos.is_empty() {
                placed.push((key(cut, prefix), entry));
            }
            placed.extend(
                nicos.iter().map(|nico| (key(cut, prefix), Entry { nico: *nico, ..entry })),
            );
            from = from.saturating_add(cut);
        }
    }
}

/// A tariff code of eight digits as a number.
#[must_use]
pub fn tariff_no(code: &str) -> Option<u32> {
    digits(code, 8)
}
