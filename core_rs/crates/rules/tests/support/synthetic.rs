//! Rulesets of any size, the same ones for the same seed, over the codes of the shipped tariff.
#![allow(dead_code, reason = "tests and benches use their part")]

use std::fmt::Write;
use std::io::Read;

use descargo_model::date::Day;
use descargo_model::pb::OperationType;
use descargo_rules::catalogue::Catalogue;
use descargo_rules::instruments::Instruments;
use descargo_rules::ruleset::Line;

const CATALOGUE: &[u8] = include_bytes!(
    "../../../../../server/descargo_server/catalogues/tariff-sat-2024-03-22-fec2af96.tsv.gz"
);
const INSTRUMENTS: &str =
    include_str!("../../../../../server/descargo_server/catalogues/instruments.toml");
/// Agency and import key of each synthetic rule.
const KEYS: [(&str, &str); 8] = [
    ("SE", "C1"),
    ("SE", "AV"),
    ("COFEPRIS", "S1"),
    ("SENASICA", "A1"),
    ("SEMARNAT", "T5"),
    ("SEDENA", "D1"),
    ("SENER", "N1"),
    ("SEMARNAT", "T7"),
];
const COUNTRIES: [&str; 12] =
    ["CHN", "USA", "CAN", "DEU", "BRA", "IND", "JPN", "KOR", "VNM", "ESP", "FRA", "TUR"];
const REGIMES: [&str; 4] = ["IMD", "ITR", "DFI", "RFS"];
const OFFICES: [&str; 6] = ["240", "160", "430", "470", "400", "070"];

/// The shipped catalogue.
pub fn catalogue() -> Catalogue {
    Catalogue::load("tariff", CATALOGUE).unwrap()
}

/// The shipped instruments.
pub fn instruments() -> Instruments {
    Instruments::load("instruments.toml", INSTRUMENTS).unwrap()
}

/// Every tariff code of the shipped catalogue.
pub fn tariff_codes() -> Vec<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(CATALOGUE).read_to_string(&mut text).unwrap();
    let section = text.split("[tariff]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let mut codes: Vec<String> = section.lines().map(|line| line[..8].to_owned()).collect();
    codes.dedup();
    codes
}

/// Numbers that look random, from a seed (xorshift64*).
pub struct Dice(u64);

impl Dice {
    /// From a seed that is not 0.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % sides
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// The text of a ruleset of so many rules.
pub fn ruleset(rules: usize, seed: u64) -> String {
    let (codes, mut dice) = (tariff_codes(), Dice::of(seed));
    let mut text = String::from("format = 1\n");
    for chapter in 1..=99 {
        let keys: Vec<String> = KEYS.iter().map(|(_, key)| format!("\"{key}\"")).collect();
        let tariff = format!("{chapter:02}");
        if codes.iter().any(|code| code.starts_with(&tariff)) {
            let keys = keys.join(", ");
            writeln!(text, "[[covers]]\ntariff = [\"{tariff}\"]\npermit_keys = [{keys}]").unwrap();
            writeln!(text, "operations = [\"IMPORT\"]\nfrom = \"2000-01-01\"").unwrap();
        }
    }
    for number in 0..rules {
        rule(number, &codes, &mut dice, &mut text);
    }
    text
}

fn rule(number: usize, codes: &[String], dice: &mut Dice, text: &mut String) {
    let (agency, key) = *dice.pick(&KEYS);
    let code = dice.pick(codes);
    let length = match dice.roll(100) {
        0 => 4,
        1..=10 => 6,
        _ => 8,
    };
    let from = 2012 + dice.roll(15);
    writeln!(text, "[[rule]]\nid = \"R{number}\"\nagency = \"{agency}\"").unwrap();
    writeln!(text, "any_of = [\"{key}\"]\ntariff = [\"{}\"]", &code[..length]).unwrap();
    writeln!(text, "operations = [\"IMPORT\"]\nillustrative = true").unwrap();
    let (month, years) = (1 + dice.roll(12), 1 + dice.roll(3));
    writeln!(text, "from = \"{from}-{month:02}-01\"\nto = \"{}-06-30\"", from + years).unwrap();
    writeln!(text, "exempt = [{{ key = \"XP\", complements = [\"{key}\", \"U\"] }}]").unwrap();
    list(text, dice, ["countries", "except_countries"], &COUNTRIES);
    list(text, dice, ["regimes", "except_regimes"], &REGIMES);
    list(text, dice, ["offices", "except_offices"], &OFFICES);
}

fn list(text: &mut String, dice: &mut Dice, names: [&str; 2], codes: &[&str]) {
    let name = match dice.roll(10) {
        0..=2 => names[0],
        3 => names[1],
        _ => return,
    };
    let count = 1 + dice.roll(3);
    let picked: Vec<String> = (0..count).map(|_| format!("\"{}\"", dice.pick(codes))).collect();
    writeln!(text, "{name} = [{}]", picked.join(", ")).unwrap();
}

/// Lines at random.
pub fn lines(count: usize, seed: u64) -> Vec<Line<'static>> {
    let (codes, mut dice) = (tariff_codes(), Dice::of(seed));
    (0..count)
        .map(|_| Line {
            tariff: dice.pick(&codes).parse().unwrap(),
            nico: 0,
            operation: OperationType::Import,
            regime: dice.pick::<&str>(&REGIMES),
            declaration_key: "A1",
            country: dice.pick::<&str>(&COUNTRIES),
            office: dice.pick::<&str>(&OFFICES),
            value_cents: Some(100_000),
            quantity_e5: Some(100_000),
            identifiers: &[],
            identifiers_known: true,
            on: Day::parse(&format!("20{}-05-{:02}", 14 + dice.roll(13), 1 + dice.roll(28)))
                .unwrap(),
        })
        .collect()
}
