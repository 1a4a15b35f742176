//! Rules that could meet on one line and say different things of one permit key.
//!
//! They contradict when both ask for the same key of the same agency and differ in what else would
//! do or in what exempts: then the answer would hang on which of them is looked at. Rules with a
//! residual condition are not compared, since nobody can tell here whether both can hold.

use std::collections::BTreeMap;

use super::problem::Problems;
use super::rule::Rule;

/// First and last code of a range, and the rule that has it.
type Asked<'a> = (u32, u32, &'a Rule);

/// Adds a problem for each pair.
pub(crate) fn tell(rules: &[&Rule], problems: &mut Problems<'_>) {
    let mut by_key: BTreeMap<(&str, &str), Vec<Asked<'_>>> = BTreeMap::new();
    for rule in rules.iter().copied().filter(|rule| rule.condition.is_none()) {
        for key in &rule.permit_keys {
            let asked = by_key.entry((&rule.agency, key)).or_default();
            asked.extend(rule.tariff.iter().map(|range| (range.from, range.to, rule)));
        }
    }
    for ((_, key), mut ranges) in by_key {
        ranges.sort_by_key(|(from, to, _)| (*from, *to));
        let mut open: Vec<(u32, &Rule)> = Vec::new();
        for (from, to, rule) in ranges {
            open.retain(|(end, _)| *end >= from);
            for (_, other) in &open {
                if differ(rule, other) && meet(rule, other) {
                    let what = format!(
                        "rules `{}` and `{}` overlap and contradict each other on key `{key}`: \
                         they differ in what else would do or in what exempts",
                        rule.id, other.id
                    );
                    problems.add(rule.at.clone(), what);
                }
            }
            open.push((to, rule));
        }
    }
}

fn differ(a: &Rule, b: &Rule) -> bool {
    a.exempt != b.exempt
        || a.permit_keys != b.permit_keys
        || (a.all != b.all && a.permit_keys.len() > 1)
}

fn meet(a: &Rule, b: &Rule) -> bool {
    a.period.from <= b.period.to
        && b.period.from <= a.period.to
        && a.operations & b.operations != 0
        && among(&a.nico, &b.nico)
        && a.regimes.meets(&b.regimes)
        && a.declaration_keys.meets(&b.declaration_keys)
        && a.countries.meets(&b.countries)
        && a.aduanas.meets(&b.aduanas)
        && among(&a.when_identifiers, &b.when_identifiers)
        && some_code(a, b)
}

/// Whether two lists share an entry; an empty one is everything.
fn among<T: PartialEq>(a: &[T], b: &[T]) -> bool {
    a.is_empty() || b.is_empty() || a.iter().any(|entry| b.contains(entry))
}

/// Whether some code is of both and excepted by neither.
fn some_code(a: &Rule, b: &Rule) -> bool {
    let shared = a.tariff.iter().flat_map(|x| {
        b.tariff.iter().filter(|y| x.meets(**y)).map(|y| (x.from.max(y.from), x.to.min(y.to)))
    });
    let mut excepted: Vec<_> = a.except_tariff.iter().chain(&b.except_tariff).collect();
    excepted.sort_unstable();
    shared.into_iter().any(|(from, to)| {
        let mut next = from;
        for range in &excepted {
            if range.from <= next && range.to >= next {
                next = range.to.saturating_add(1);
            }
        }
        next <= to
    })
}

#[cfg(test)]
mod tests {
    use crate::codes::ShortCode;
    use crate::ruleset::Codes;

    #[test]
    fn codes_meet_when_some_code_is_of_both() {
        let codes = |texts: &[&str]| -> Box<[ShortCode]> {
            texts.iter().filter_map(|text| ShortCode::of(text)).collect()
        };
        let only = |texts: &[&str]| Codes::Only(codes(texts));
        let except = |texts: &[&str]| Codes::Except(codes(texts));
        assert!(only(&["CHN"]).meets(&Codes::Every) && Codes::Every.meets(&only(&["CHN"])));
        assert!(!only(&["CHN"]).meets(&only(&["USA"])));
        assert!(!only(&["CHN"]).meets(&except(&["CHN"])));
        assert!(only(&["CHN", "USA"]).meets(&except(&["CHN"])));
        assert!(except(&["CHN"]).meets(&except(&["USA"])));
    }
}
