//! Rulesets: what is refused and where, and what rules say of lines.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may fail loudly"
)]

use descargo_rules::ruleset::{Line, Problem, Ruleset, RulesetFile, run_cases};

#[path = "support/synthetic.rs"]
mod synthetic;

const HEAD: &str = r#"format = 1
[blocks]
TMEC = ["USA", "CAN"]

[[covers]]
tariff = ["72", "87", "30"]
permit_keys = ["AV", "C1", "C2", "S1", "S3"]
operations = ["IMPORT"]
from = "2024-01-01"
"#;

fn compile(files: &[(&str, &str)]) -> Result<Ruleset, Vec<Problem>> {
    let files: Vec<RulesetFile<'_>> =
        files.iter().map(|(path, text)| RulesetFile { path, text }).collect();
    Ruleset::compile(&files, &synthetic::catalogue(), &synthetic::instruments())
}

/// A rule of five lines, with some of them in another way or added.
fn rule(id: &str, changes: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("agency", r#""SE""#),
        ("any_of", r#"["AV"]"#),
        ("tariff", r#"["7208"]"#),
        ("operations", r#"["IMPORT"]"#),
        ("from", r#""2025-01-01""#),
        ("illustrative", "true"),
    ];
    for (field, value) in changes {
        fields.retain(|(known, _)| known != field);
        if !value.is_empty() {
            fields.push((field, value));
        }
    }
    let fields = fields.iter().map(|(field, value)| format!("{field} = {value}\n"));
    format!("[[rule]]\nid = \"{id}\"\n{}", fields.collect::<String>())
}

fn problems(text: &str) -> Vec<String> {
    let told = compile(&[("r.toml", text)]).err().unwrap_or_default();
    told.iter().map(ToString::to_string).collect()
}

#[test]
fn every_problem_is_told_with_its_place() {
    let broken: [(&[(&str, &str)], &str); 22] = [
        (&[("any_of", r#"["C9"]"#)], "permit key `C9` is not one of agency `SE`"),
        (&[("any_of", r#"["D1"]"#)], "permit key `D1` is not one of agency `SE`"),
        (&[("any_of", "[]")], "either `any_of` or `all_of`"),
        (&[("operations", r#"["EXPORT"]"#), ("any_of", r#"["C1"]"#)], "not for every operation"),
        (&[("operations", "[]")], "`operations` names none"),
        (&[("tariff", r#"["0000"]"#)], "meets no code of the tariff"),
        (&[("tariff", r#"["7"]"#)], "no prefix of 2 to 8 digits"),
        (&[("tariff", r#"["7210-7208"]"#)], "no prefix of 2 to 8 digits"),
        (&[("nico", r#"["1"]"#)], "NICO `1` is not two digits"),
        (&[("countries", r#"["XXX"]"#)], "country `XXX` is not known"),
        (&[("countries", r#"["USA"]"#), ("except_countries", r#"["CAN"]"#)], "not both"),
        (&[("regimes", r#"["ABC"]"#)], "regime `ABC` is not known"),
        (&[("offices", r#"["990"]"#)], "office `990` is not known"),
        (&[("declaration_keys", r#"["Q9"]"#)], "declaration key `Q9` is not known"),
        (&[("to", r#""2024-12-31""#)], "lies before the first day"),
        (&[("from", r#""2025-02-30""#)], "date `2025-02-30`"),
        (&[("illustrative", "false")], "states its `legal_basis`"),
        (&[("exempt", r#"[{ key = "ZZ" }]"#)], "identifier `ZZ`"),
        (&[("exempt", r#"[{ key = "XP", complements = ["S1"] }]"#)], "first complement of XP"),
        (&[("scope", r#"{ kind = "solo", goods = "x" }"#)], "neither `unicamente` nor"),
        (&[("when", r#""country > 5""#)], "the condition fails"),
        (&[("surprise", "1")], "unknown field `surprise`"),
    ];
    let mut text = HEAD.to_owned();
    let mut first_lines = Vec::new();
    for (number, (changes, _)) in broken.iter().enumerate() {
        first_lines.push(text.lines().count() + 1);
        // Each has a code of its own, so that none of them overlaps another.
        text.push_str(&rule(&format!("r{number}"), changes));
    }
    let told = problems(&text);
    for ((changes, what), line) in broken.iter().zip(first_lines) {
        let placed = |told: &&String| {
            let place: usize = told.split(':').nth(1).unwrap().parse().unwrap();
            told.contains(what) && (line..line + 10).contains(&place)
        };
        assert!(told.iter().any(|told| placed(&told)), "{changes:?}: {what}: {told:#?}");
    }
}

#[test]
fn a_place_is_file_line_and_column() {
    let text = format!("{HEAD}{}", rule("a", &[("countries", r#"["USA", "ÑÑÑ", "XXX"]"#)]));
    let told = problems(&text);
    let line = text.lines().position(|line| line.contains("XXX")).unwrap() + 1;
    assert_eq!(
        told,
        [
            format!("r.toml:{line}:21: country `ÑÑÑ` is not known"),
            format!("r.toml:{line}:28: country `XXX` is not known"),
        ]
    );
    for (text, what) in [
        ("format = 2\n", "must state `format = 1`"),
        ("format = 1\n", "has no [[covers]]"),
        ("format = 1\nrule = 3\n", "two brackets"),
        ("format = 1\nlaws = 3\n", "`laws` is not known"),
        ("format = ", "r.toml:1:"),
    ] {
        assert!(problems(text).iter().any(|told| told.contains(what)), "{text}");
    }
}

#[test]
fn what_a_set_does_not_cover_it_does_not_rule() {
    for changes in
        [[("tariff", r#"["0101"]"#)], [("from", r#""2023-12-31""#)], [("any_of", r#"["IM"]"#)]]
    {
        let told = problems(&format!("{HEAD}{}", rule("a", &changes)));
        assert!(told[0].contains("no single [[covers]]"), "{told:?}");
    }
}

#[test]
fn rules_that_contradict_each_other_are_refused() {
    let other = ("exempt", r#"[{ key = "EA", complements = ["1"] }]"#);
    let apart: [(&str, &str); 6] = [
        ("to", r#""2025-12-31""#),
        ("countries", r#"["CHN"]"#),
        ("regimes", r#"["IMD"]"#),
        ("tariff", r#"["7209"]"#),
        ("any_of", r#"["C1"]"#),
        ("when_identifiers", r#"[{ key = "ES", complements = ["N"] }]"#),
    ];
    let second: [(&str, &str); 6] = [
        ("from", r#""2026-01-01""#),
        ("except_countries", r#"["CHN"]"#),
        ("except_regimes", r#"["IMD"]"#),
        ("tariff", r#"["7208"]"#),
        ("any_of", r#"["AV"]"#),
        ("when_identifiers", r#"[{ key = "ES", complements = ["U"] }]"#),
    ];
    let both = |a: &[(&str, &str)], b: &[(&str, &str)]| {
        problems(&format!("{HEAD}{}{}", rule("a", a), rule("b", b)))
    };
    for (first, second) in apart.iter().zip(second) {
        assert_eq!(both(&[*first], &[second, other]), Vec::<String>::new(), "{first:?}");
    }
    let told = both(&[], &[other, ("tariff", r#"["72081001-72081099"]"#)]);
    assert!(told[0].contains("`b` and `a` overlap and contradict"), "{told:?}");
    assert!(both(&[], &[("countries", r#"["CHN"]"#)]).is_empty(), "the same outcome is none");
    let alternatives = both(&[], &[("any_of", r#"["AV", "C1"]"#)]);
    assert!(alternatives[0].contains("contradict"), "{alternatives:?}");
    assert!(both(&[], &[("tariff", r#"["7209"]"#)]).is_empty());
    assert!(problems(&format!("{HEAD}{}{}", rule("a", &[]), rule("a", &[])))[0].contains("two"));
}

#[test]
fn cases_beside_the_rules_are_run() {
    let text = format!(
        "{HEAD}{}{}{}{}{}",
        rule("acero", &[("except_countries", r#"["TMEC"]"#), ("exempt", r#"[{ key = "EA" }]"#)]),
        rule(
            "usado",
            &[
                ("any_of", r#"["C2"]"#),
                ("tariff", r#"["8703"]"#),
                ("when_identifiers", r#"[{ key = "ES", complements = ["U"] }]"#)
            ]
        ),
        rule(
            "salud",
            &[
                ("agency", r#""COFEPRIS""#),
                ("any_of", ""),
                ("all_of", r#"["S1", "S3"]"#),
                ("tariff", r#"["3004"]"#),
                ("scope", r#"{ kind = "unicamente", goods = "Para uso humano" }"#)
            ]
        ),
        rule(
            "valioso",
            &[
                ("any_of", r#"["C1"]"#),
                ("tariff", r#"["7202"]"#),
                ("value_usd_from", r#""1000.00""#)
            ]
        ),
        rule(
            "condicion",
            &[
                ("any_of", r#"["C1"]"#),
                ("tariff", r#"["7203"]"#),
                ("when", r#""value_cents > 100000 && country != 'USA'""#)
            ]
        ),
    );
    let ruleset = compile(&[("r.toml", &text)]).map_err(|p| format!("{p:#?}")).unwrap();
    let cases = include_str!("cases/ruleset.cases.toml");
    let (count, told) = run_cases("ruleset.cases.toml", cases, &ruleset);
    assert!(told.is_empty(), "{told:#?}");
    assert_eq!(count, cases.matches("[[case]]").count());
    let wrong = cases.replacen("rules = [\"acero\"]", "rules = []", 1);
    let (_, told) = run_cases("ruleset.cases.toml", &wrong, &ruleset);
    assert_eq!(told.len(), 1);
    assert!(told[0].to_string().contains("rules is [\"acero\"], expected []"), "{told:?}");
}

/// The index against a walk over every rule, on thousands of random lines.
#[test]
fn the_index_finds_what_a_walk_over_all_rules_finds() {
    let text = synthetic::ruleset(12_000, 7);
    let ruleset = compile(&[("synthetic.toml", &text)]).unwrap();
    let mut met = 0;
    for line in synthetic::lines(3_000, 8) {
        let walked: Vec<u32> = (0..)
            .zip(ruleset.rules())
            .filter(|(_, rule)| {
                let code = descargo_rules::codes::ShortCode::of;
                rule.tariff.iter().any(|r| r.from <= line.tariff && line.tariff <= r.to)
                    && rule.period.holds_on(line.on)
                    && rule.countries.holds(code(line.country))
                    && rule.regimes.holds(code(line.regime))
                    && rule.aduanas.holds(code(&line.office[..2]))
            })
            .map(|(number, _)| number)
            .collect();
        met += walked.len();
        assert_eq!(ruleset.required(&line).rules, walked, "{line:?}");
    }
    assert!(met > 300, "{met} rules were met: the lines say nothing");
}

#[test]
fn a_rule_that_fails_on_a_line_is_reported_and_not_applied() {
    let when = ("when", r#""value_cents > 5""#);
    let ruleset = compile(&[("r.toml", &format!("{HEAD}{}", rule("a", &[when])))]).unwrap();
    let line = Line {
        tariff: 72_081_001,
        value_cents: None,
        country: "CHN",
        on: descargo_model::date::Day::parse("2026-05-01").unwrap(),
        ..synthetic::lines(1, 1)[0]
    };
    let required = ruleset.required(&line);
    assert_eq!((required.rules, required.failed), (vec![], vec![0]));
}

#[test]
fn a_condition_on_identifiers_that_could_not_be_stated_is_reported_and_not_unmet() {
    let when = ("when", r#""'ES:U' in identifiers""#);
    let ruleset = compile(&[("r.toml", &format!("{HEAD}{}", rule("a", &[when])))]).unwrap();
    let known = Line {
        tariff: 72_081_001,
        country: "CHN",
        on: descargo_model::date::Day::parse("2026-05-01").unwrap(),
        ..synthetic::lines(1, 1)[0]
    };
    assert!(ruleset.required(&known).failed.is_empty());
    let unknown = Line { identifiers_known: false, ..known };
    assert_eq!(ruleset.required(&unknown).failed, [0]);
}
