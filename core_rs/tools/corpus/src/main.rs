//! Fills a ledger with as many licenses as one wants to measure with: unsigned, a test's tool only.
//!
//! Run as `descargo-corpus LEDGER LICENSE TARIFF COUNT SEED OUT`. `LICENSE` is a serialised
//! `descargo.v1.License` that all of them are like; `TARIFF` has lines `CODE<tab>NICO` that they
//! take in turn; `OUT` gets a line `NUMBER<tab>DISCHARGE_SIGNATURE` for each. The same arguments
//! give the same licenses. Some 30,000 a second: a million in well under two minutes.

mod issue;

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use descargo_ledger::store::SqliteStore;
use descargo_model::license_name::LicenseName;
use descargo_model::pb;
use prost::Message;

use issue::Issue;

/// Licenses of one transaction.
const BATCH: u64 = 5_000;
const AGENCY: &str = "SE";
const PERMIT_KEY: &str = "C1";
/// As discharge signatures are written: see `descargo-evidence`.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_CHARACTERS: u32 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ledger, license, tariff, count, seed, out] = arguments.as_slice() else {
        return Err("usage: descargo-corpus LEDGER LICENSE TARIFF COUNT SEED OUT".into());
    };
    let corpus = Corpus {
        license: pb::License::decode(std::fs::read(license)?.as_slice())?,
        tariff: tariff_codes(&std::fs::read_to_string(tariff)?)?,
        seed: seed.parse()?,
    };
    corpus.fill(Path::new(ledger), count.parse()?, &mut BufWriter::new(File::create(out)?))
}

fn tariff_codes(text: &str) -> Result<Vec<pb::TariffCode>, String> {
    let read = |line: &str| match line.split_once('\t') {
        Some((code, nico)) => Ok(pb::TariffCode { code: code.into(), nico: nico.into() }),
        None => Err(format!("no tariff code: `{line}`")),
    };
    let codes: Vec<_> = text.lines().map(read).collect::<Result<_, _>>()?;
    if codes.is_empty() { Err("no tariff codes".into()) } else { Ok(codes) }
}

struct Corpus {
    license: pb::License,
    tariff: Vec<pb::TariffCode>,
    seed: u64,
}

impl Corpus {
    fn fill(&self, ledger: &Path, count: u64, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
        let ledger_id = format!("{:016x}", mixed(self.seed));
        let mut store = SqliteStore::open(ledger, &ledger_id, 0)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let now = i64::try_from(now)?;
        let mut first = 0_u64;
        while first < count {
            let behind = first.saturating_add(BATCH).min(count);
            let batch = (first..behind)
                .zip(self.tariff.iter().cycle().skip(self.place(first)))
                .map(|(position, code)| self.issue(position, code))
                .collect::<Result<Vec<_>, _>>()?;
            for (reply, issued) in store.commit(&batch, now)?.into_iter().zip(&batch) {
                reply?;
                let number = &issued.name.permit_number;
                writeln!(out, "{number}\t{}", issued.discharge_signature)?;
            }
            first = behind;
        }
        out.flush()?;
        Ok(())
    }

    /// Where in the tariff the license at a position is.
    fn place(&self, position: u64) -> usize {
        let codes = u64::try_from(self.tariff.len()).unwrap_or(u64::MAX);
        usize::try_from(position.checked_rem(codes).unwrap_or(0)).unwrap_or(0)
    }

    fn issue(&self, position: u64, code: &pb::TariffCode) -> Result<Issue, String> {
        let mut license = self.license.clone();
        for line in &mut license.lines {
            line.tariff_codes = vec![code.clone()];
        }
        let lines = license.lines.iter().map(issue::opened).collect::<Result<_, _>>()?;
        let number = format!("SCALE-{position:08}");
        let name = LicenseName {
            agency: AGENCY.into(),
            permit_key: PERMIT_KEY.into(),
            permit_number: number.clone(),
            lookup_number: number,
        };
        let signature = self.discharge_signature(position);
        Ok(Issue::new(name, signature, lines, license.encode_to_vec()))
    }

    fn discharge_signature(&self, position: u64) -> String {
        let code = mixed(self.seed ^ mixed(position));
        (0..CODE_CHARACTERS)
            .map(|place| code.wrapping_shr(place.wrapping_mul(5)) & 31)
            .filter_map(|digit| ALPHABET.get(usize::try_from(digit).ok()?))
            .map(|character| char::from(*character))
            .collect()
    }
}

/// SplitMix64's last step.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(seed: u64) -> Corpus {
        let authorized = Some(pb::Amount { quantity: Some("10".into()), value_usd: None });
        let line = pb::LicenseLine { line_no: 1, unit: 1, authorized, ..Default::default() };
        let license = pb::License { lines: vec![line], ..Default::default() };
        Corpus { license, tariff: tariff_codes("72083701\t01\n72083702\t99").unwrap(), seed }
    }

    fn filled(seed: u64, count: u64) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        corpus(seed).fill(&folder.path().join("ledger.sqlite3"), count, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_licenses() {
        assert_eq!(filled(7, 20), filled(7, 20));
        assert_ne!(filled(7, 20), filled(8, 20));
    }

    #[test]
    fn every_license_has_its_number_across_batches() {
        let out = filled(1, BATCH + 1);
        let mut numbers: Vec<&str> =
            out.lines().map(|line| line.split_once('\t').unwrap().0).collect();
        assert_eq!(numbers.last(), Some(&"SCALE-00005000"));
        numbers.dedup();
        assert_eq!(numbers.len(), 5_001);
    }

    #[test]
    fn licenses_take_the_tariff_codes_in_turn() {
        let corpus = corpus(1);
        assert_eq!((corpus.place(0), corpus.place(3), corpus.place(4)), (0, 1, 0));
        let issued = corpus.issue(3, &corpus.tariff[1]).unwrap();
        let license = pb::License::decode(issued.content.as_slice()).unwrap();
        assert_eq!(license.lines[0].tariff_codes[0].code, "72083702");
    }
}
