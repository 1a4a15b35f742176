//! Rulesets outside of a running server: checking them, and asking them about lines.

use descargo_evidence::sha256;
use descargo_rules::catalogue::Catalogue;
use descargo_rules::instruments::Instruments;
use descargo_rules::ruleset::{LineCase, Ruleset, RulesetFile, run_cases};

/// A set that was checked and compiled.
#[derive(Debug)]
pub struct CheckedRuleset {
    ruleset: Ruleset,
    sha256: [u8; 32],
}

impl CheckedRuleset {
    /// Checks files, name and bytes, against a catalogue file and an instruments file.
    ///
    /// # Errors
    /// Every problem, each as `file:line:column: what`.
    pub fn check(
        files: &[(String, Vec<u8>)],
        catalogue: &[u8],
        instruments: &[u8],
    ) -> Result<Self, Vec<String>> {
        let alone = |problem: String| vec![problem];
        let catalogue =
            Catalogue::load("catalogue", catalogue).map_err(|e| alone(e.to_string()))?;
        let instruments = String::from_utf8_lossy(instruments);
        let instruments =
            Instruments::load("instruments", &instruments).map_err(|e| alone(e.to_string()))?;
        Self::compile(files, &catalogue, &instruments)
    }

    /// Checks files against a catalogue and instruments that are read already.
    ///
    /// # Errors
    /// Every problem, each as `file:line:column: what`.
    pub(crate) fn compile(
        files: &[(String, Vec<u8>)],
        catalogue: &Catalogue,
        instruments: &Instruments,
    ) -> Result<Self, Vec<String>> {
        let unreadable: Vec<String> = files
            .iter()
            .filter(|(_, content)| std::str::from_utf8(content).is_err())
            .map(|(path, _)| format!("{path}: the file is not UTF-8"))
            .collect();
        if !unreadable.is_empty() {
            return Err(unreadable);
        }
        let texts: Vec<RulesetFile<'_>> = files
            .iter()
            .map(|(path, content)| RulesetFile {
                path,
                text: std::str::from_utf8(content).unwrap_or_default(),
            })
            .collect();
        let ruleset = Ruleset::compile(&texts, catalogue, instruments)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        Ok(Self { ruleset, sha256: sha256(&named_content(files)) })
    }

    /// SHA-256 over the files in the order of their names without folder, each as its name, a zero
    /// byte, its length as eight bytes and its content.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The set.
    pub(crate) fn ruleset(&self) -> &Ruleset {
        &self.ruleset
    }

    /// How many rules it has.
    #[must_use]
    pub fn rule_count(&self) -> usize {
        self.ruleset.rules().len()
    }

    /// What it says of lines: a JSON list of `LineCase`, answered by one of `CaseAnswer`.
    ///
    /// # Errors
    /// What of the list cannot be read.
    pub fn judge(&self, lines: &[u8]) -> Result<Vec<u8>, String> {
        let lines: Vec<LineCase> =
            serde_json::from_slice(lines).map_err(|error| error.to_string())?;
        let answers = lines.iter().map(|line| line.judge(&self.ruleset));
        let answers = answers.collect::<Result<Vec<_>, _>>()?;
        serde_json::to_vec(&answers).map_err(|error| error.to_string())
    }

    /// Runs a file of cases: how many it has, and each that comes out otherwise.
    #[must_use]
    pub fn run_cases(&self, path: &str, text: &[u8]) -> (usize, Vec<String>) {
        let Ok(text) = std::str::from_utf8(text) else {
            return (0, vec![format!("{path}: the file is not UTF-8")]);
        };
        let (count, problems) = run_cases(path, text, &self.ruleset);
        (count, problems.iter().map(ToString::to_string).collect())
    }
}

fn named_content<'a>(files: &'a [(String, Vec<u8>)]) -> Vec<u8> {
    // Where the files lie is no part of what they say.
    let name = |path: &'a str| path.rsplit('/').next().unwrap_or(path);
    let mut sorted: Vec<(&str, &[u8])> =
        files.iter().map(|(path, content)| (name(path), content.as_slice())).collect();
    sorted.sort_unstable();
    let mut bytes = Vec::new();
    for (path, content) in sorted {
        bytes.extend_from_slice(path.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&(content.len() as u64).to_be_bytes());
        bytes.extend_from_slice(content);
    }
    bytes
}
