//! Cases as data beside the rules: a line, a day, and what the rules must say of it.

use descargo_model::date::Day;
use descargo_model::decimal::{Quantity, Usd};
use descargo_model::pb::OperationType;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::problem::{At, Problem, Problems};
use super::{Line, Permit, Ruleset, Stated, is_asked, judge};
use crate::codes::{Tariff, digits};

/// A line and a day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineCase {
    /// Day on which it is judged.
    pub on: String,
    /// Tariff code, 8 digits.
    pub tariff: String,
    /// NICO, 2 digits.
    #[serde(default = "first_nico")]
    pub nico: String,
    /// IMPORT, EXPORT or TRANSIT.
    pub operation: String,
    /// Regime.
    pub regime: String,
    /// Key of the declaration.
    pub declaration_key: String,
    /// Country of origin or destination.
    pub country: String,
    /// Office of clearance.
    pub office: String,
    /// Value in US dollars.
    #[serde(default)]
    pub value_usd: Option<String>,
    /// Quantity in the tariff unit.
    #[serde(default)]
    pub quantity: Option<String>,
    /// Identifiers: key, then complements.
    #[serde(default)]
    pub identifiers: Vec<Vec<String>>,
    /// Permits stated: a key, or agency and key joined by a blank.
    #[serde(default)]
    pub permits: Vec<String>,
}

fn first_nico() -> String {
    "00".to_owned()
}

/// What rules say of a line.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaseAnswer {
    /// Permit keys that the set judges for it.
    pub judged: Vec<String>,
    /// Rules that ask for a permit.
    pub rules: Vec<String>,
    /// Rules that apply, but an identifier exempts from them.
    pub exempted: Vec<String>,
    /// Rules that could not be judged.
    pub failed: Vec<String>,
    /// Codes of the findings.
    pub codes: Vec<String>,
}

impl LineCase {
    /// What a set says.
    ///
    /// # Errors
    /// What of the line cannot be read.
    pub fn judge(&self, ruleset: &Ruleset) -> Result<CaseAnswer, String> {
        let identifiers: Vec<Stated<'_>> = self
            .identifiers
            .iter()
            .filter_map(|parts| parts.split_first())
            .map(|(key, complements)| Stated { key, complements })
            .collect();
        let line = self.line(&identifiers)?;
        let permits: Vec<Permit<'_>> = self
            .permits
            .iter()
            .map(|text| text.split_once(' ').unwrap_or(("", text)))
            .map(|(agency, key)| Permit { agency, key })
            .collect();
        let required = ruleset.required(&line);
        let mut answer = CaseAnswer::default();
        for rule in required.rules.iter().filter_map(|number| ruleset.rule(*number)) {
            let list = if is_asked(rule, &line) { &mut answer.rules } else { &mut answer.exempted };
            list.push(rule.id.clone());
        }
        let failed = required.failed.iter().filter_map(|number| ruleset.rule(*number));
        answer.failed = failed.map(|rule| rule.id.clone()).collect();
        let judged = ruleset.judged_permit_keys(&line).into_iter();
        answer.judged = judged.map(str::to_owned).collect();
        let shortfalls = judge(ruleset, &line, &permits).into_iter();
        answer.codes = shortfalls.map(|shortfall| shortfall.lack.as_str().to_owned()).collect();
        Ok(answer)
    }

    fn line<'a>(&'a self, identifiers: &'a [Stated<'a>]) -> Result<Line<'a>, String> {
        let unreadable = |what: &str, text: &str| format!("{what} `{text}` cannot be read");
        let tariff = Tariff::read(&self.tariff, &self.nico)
            .ok_or_else(|| unreadable("tariff code", &format!("{} {}", self.tariff, self.nico)))?;
        let operation = OperationType::from_str_name(&format!("OPERATION_TYPE_{}", self.operation));
        let on = Day::parse(&self.on).map_err(|error| format!("date `{}`: {error}", self.on))?;
        if digits(&self.office, 3).is_none() {
            return Err(unreadable("office", &self.office));
        }
        let value = self
            .value_usd
            .as_deref()
            .map(|text| Usd::parse(text).map(Usd::scaled).map_err(|_| unreadable("value", text)));
        let quantity = self.quantity.as_deref().map(|text| {
            Quantity::parse(text).map(Quantity::scaled).map_err(|_| unreadable("quantity", text))
        });
        Ok(Line {
            tariff: tariff.code,
            nico: tariff.nico.unwrap_or_default(),
            operation: operation.ok_or_else(|| unreadable("operation", &self.operation))?,
            regime: &self.regime,
            declaration_key: &self.declaration_key,
            country: &self.country,
            office: &self.office,
            value_cents: value.transpose()?,
            quantity_e5: quantity.transpose()?,
            identifiers,
            identifiers_known: true,
            on,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    case: Vec<Spanned<Case>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    line: LineCase,
    expect: CaseAnswer,
}

/// Runs a file of cases against a set: how many there are, and each that comes out otherwise.
#[must_use]
pub fn run_cases(path: &str, text: &str, ruleset: &Ruleset) -> (usize, Vec<Problem>) {
    let mut problems = Problems::of(std::iter::once((path, text)));
    let cases = match toml::from_str::<CaseFile>(text) {
        Ok(file) => file.case,
        Err(error) => {
            let at = At { file: 0, span: error.span().unwrap_or_default() };
            problems.add(at, error.message().to_owned());
            Vec::new()
        }
    };
    for case in &cases {
        let at = At { file: 0, span: case.span() };
        let Case { name, line, expect } = case.get_ref();
        match line.judge(ruleset) {
            Err(what) => problems.add(at, format!("case `{name}`: {what}")),
            Ok(answer) => {
                for (part, got, expected) in differences(&answer, expect) {
                    let what = format!("case `{name}`: {part} is {got:?}, expected {expected:?}");
                    problems.add(at.clone(), what);
                }
            }
        }
    }
    (cases.len(), problems.into_list())
}

type Part<'a> = (&'static str, &'a [String], &'a [String]);

fn differences<'a>(
    answer: &'a CaseAnswer,
    expect: &'a CaseAnswer,
) -> impl Iterator<Item = Part<'a>> {
    let parts: [Part<'a>; 5] = [
        ("judged", &answer.judged, &expect.judged),
        ("rules", &answer.rules, &expect.rules),
        ("exempted", &answer.exempted, &expect.exempted),
        ("failed", &answer.failed, &expect.failed),
        ("codes", &answer.codes, &expect.codes),
    ];
    parts.into_iter().filter(|(_, got, expected)| got != expected)
}
