//! Whether a line states the permits that the rules in force ask for.
//!
//! Pure, as every check: the same line, rules and day give the same answer in the same order. What
//! the set does not cover gets none here, since nothing is known of it.

use super::{Line, Required, Rule, RuleNo, Ruleset};

/// Identifier that says that a permit is not needed (Apendice 8).
const EXEMPTION: &str = "XP";

/// A permit that a line states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit<'a> {
    /// Its agency; empty when it is not stated, as record 553 does not.
    pub agency: &'a str,
    /// Its key.
    pub key: &'a str,
}

/// What is wrong with the permits of a line, by the code of its finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// A permit is asked for, and neither stated nor exempted.
    N428,
    /// An XP exempts from nothing that is asked for, or not in this way.
    N429,
    /// State or use of the goods do not go with the permit.
    N431,
    /// A rule could not be judged.
    T905,
}

impl Lack {
    /// The code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::N428 => "N428",
            Self::N429 => "N429",
            Self::N431 => "N431",
            Self::T905 => "T905",
        }
    }
}

/// One thing that a line lacks or states wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// Which.
    pub lack: Lack,
    /// What is stated: permit keys, an identifier, or the rule that failed.
    pub declared: String,
    /// What would do.
    pub granted: String,
    /// The identifier that is wrong, by its place among those of the line; `None` for a permit.
    pub identifier: Option<usize>,
}

/// Judges one line.
#[must_use]
pub fn judge(ruleset: &Ruleset, line: &Line<'_>, permits: &[Permit<'_>]) -> Vec<Shortfall> {
    let required = ruleset.required(line);
    let mut shortfalls = Vec::new();
    for rule in named(ruleset, &required.failed) {
        shortfalls.push(Shortfall {
            lack: Lack::T905,
            declared: rule.id.clone(),
            granted: String::new(),
            identifier: None,
        });
    }
    missing_permits(ruleset, line, permits, &required, &mut shortfalls);
    wrong_exemptions(ruleset, line, &required, &mut shortfalls);
    wrong_goods(ruleset, line, permits, &required, &mut shortfalls);
    shortfalls
}

/// Whether nothing that the line states exempts from a rule.
#[must_use]
pub fn is_asked(rule: &Rule, line: &Line<'_>) -> bool {
    !line.identifiers.iter().any(|identifier| rule.is_exempted_by(identifier))
}

fn named<'a>(ruleset: &'a Ruleset, numbers: &'a [RuleNo]) -> impl Iterator<Item = &'a Rule> {
    numbers.iter().filter_map(|number| ruleset.rule(*number))
}

fn is_stated(rule: &Rule, key: &str, permits: &[Permit<'_>]) -> bool {
    permits.iter().any(|permit| {
        permit.key == key && (permit.agency.is_empty() || permit.agency == rule.agency)
    })
}

fn missing_permits(
    ruleset: &Ruleset,
    line: &Line<'_>,
    permits: &[Permit<'_>],
    required: &Required,
    shortfalls: &mut Vec<Shortfall>,
) {
    let stated: Vec<&str> = permits.iter().map(|permit| permit.key).collect();
    for rule in named(ruleset, &required.rules).filter(|rule| is_asked(rule, line)) {
        let mut keys = rule.permit_keys.iter().map(|key| is_stated(rule, key, permits));
        let met = if rule.all { keys.all(|stated| stated) } else { keys.any(|stated| stated) };
        if met {
            continue;
        }
        let separator = if rule.all { "+" } else { "|" };
        let shortfall = Shortfall {
            lack: if rule.when_identifiers.is_empty() { Lack::N428 } else { Lack::N431 },
            declared: stated.join(","),
            granted: format!("{} {}", rule.agency, rule.permit_keys.join(separator)),
            identifier: None,
        };
        // Two rules may ask for the same; the broker mends it once.
        if !shortfalls.contains(&shortfall) {
            shortfalls.push(shortfall);
        }
    }
}

fn wrong_exemptions(
    ruleset: &Ruleset,
    line: &Line<'_>,
    required: &Required,
    shortfalls: &mut Vec<Shortfall>,
) {
    let judged = ruleset.judged_permit_keys(line);
    let exemptions = line.identifiers.iter().enumerate().filter(|(_, id)| id.key == EXEMPTION);
    for (at, identifier) in exemptions {
        let key = identifier.complement(0);
        if !judged.contains(&key) {
            continue;
        }
        let asking = || named(ruleset, &required.rules).filter(|rule| asks_for(rule, key));
        if asking().any(|rule| rule.is_exempted_by(identifier)) {
            continue;
        }
        let mut accepted: Vec<String> = asking()
            .flat_map(|rule| &rule.exempt)
            .filter(|pattern| pattern.key == EXEMPTION)
            .map(|pattern| pattern.shown())
            .collect();
        accepted.sort();
        accepted.dedup();
        shortfalls.push(Shortfall {
            lack: Lack::N429,
            declared: identifier.shown(),
            granted: accepted.join("|"),
            identifier: Some(at),
        });
    }
}

fn asks_for(rule: &Rule, key: &str) -> bool {
    rule.permit_keys.iter().any(|asked| asked == key)
}

/// A permit for other goods than those that an identifier states: C2 for goods that are new.
fn wrong_goods(
    ruleset: &Ruleset,
    line: &Line<'_>,
    permits: &[Permit<'_>],
    required: &Required,
    shortfalls: &mut Vec<Shortfall>,
) {
    for permit in permits {
        let mine = |rule: &&Rule| {
            asks_for(rule, permit.key) && (permit.agency.is_empty() || permit.agency == rule.agency)
        };
        if named(ruleset, &required.rules).any(|rule| mine(&rule)) {
            continue;
        }
        let wanted = || named(ruleset, &required.other_goods).filter(mine);
        let patterns = || wanted().flat_map(|rule| &rule.when_identifiers);
        let said = line
            .identifiers
            .iter()
            .enumerate()
            .find(|(_, identifier)| patterns().any(|pattern| pattern.key == identifier.key));
        if let Some((at, identifier)) = said {
            let mut fitting: Vec<String> = patterns().map(|pattern| pattern.shown()).collect();
            fitting.sort();
            fitting.dedup();
            shortfalls.push(Shortfall {
                lack: Lack::N431,
                declared: format!("{} {}", permit.key, identifier.shown()),
                granted: fitting.join("|"),
                identifier: Some(at),
            });
        }
    }
}
