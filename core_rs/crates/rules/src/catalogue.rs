//! The dated catalogues: tariff, units, countries, regimes, aduanas and broker licenses.
//!
//! One gzip file of tab-separated lines, about 15,000 rows: 46 KB packed, 0.5 MB in memory, read in
//! some 5 ms. A lookup is a binary search, well below a microsecond. A catalogue is never changed:
//! another version is another value.

use std::io::Read;

use descargo_model::date::Day;
use descargo_model::pb::OperationType;

use crate::codes::{ShortCode, Tariff, aduana, digits};
use crate::load::{LoadError, Period};

/// Text of a catalogue at most; today's has 0.4 MB, so this is no limit but against a wrong file.
const TEXT_MAX: u64 = 64 * 1024 * 1024;
/// First line of the format that is read here.
const FORMAT_LINE: &str = "descargo-catalogue\t1";
const REIMPORT: &str = "import the catalogue again with `descargo-server catalogue import`";

/// How a tariff code stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TariffStanding {
    /// In force.
    InForce {
        /// Its tariff unit; `None` when the catalogue names none.
        unit: Option<u32>,
    },
    /// Never in the tariff.
    Unknown,
    /// In the tariff, but not on that day.
    Closed,
    /// Not in the tariff, on a day that the tariff does not cover any more.
    NotCovered(Day),
}

#[derive(Debug)]
struct TariffRow {
    code: u32,
    nico: u8,
    unit: Option<u32>,
    period: Period,
}

#[derive(Debug)]
struct RegimeRow {
    import: bool,
    export: bool,
    period: Period,
}

/// Rows sorted by key; a key may have several periods.
#[derive(Debug)]
struct Dated<K, V>(Vec<(K, V)>);

impl<K: Ord + Copy, V> Dated<K, V> {
    fn of(&self, key: K) -> impl Iterator<Item = &V> {
        let start = self.0.partition_point(|(at, _)| *at < key);
        self.0.iter().skip(start).take_while(move |(at, _)| *at == key).map(|(_, value)| value)
    }
}

impl<K: Ord + Copy> Dated<K, Period> {
    fn in_force(&self, key: Option<K>, on: Day) -> bool {
        key.is_some_and(|key| self.of(key).any(|period| period.holds_on(on)))
    }
}

/// The catalogues of one version.
#[derive(Debug)]
pub struct Catalogue {
    version: String,
    tariff_known_through: Day,
    tariff: Vec<TariffRow>,
    units: Dated<u32, Period>,
    countries: Dated<ShortCode, Period>,
    regimes: Dated<ShortCode, RegimeRow>,
    aduanas: Dated<ShortCode, Period>,
    broker_licenses: Dated<ShortCode, Period>,
}

impl Catalogue {
    /// Reads a catalogue file. `file` is its name, for errors.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn load(file: &str, packed: &[u8]) -> Result<Self, LoadError> {
        let mut text = String::new();
        let unpacked =
            flate2::read::GzDecoder::new(packed).take(TEXT_MAX).read_to_string(&mut text);
        unpacked.map_err(|error| LoadError {
            file: file.to_owned(),
            line: 0,
            what: format!("not a gzip file of UTF-8 text: {error}"),
            remedy: REIMPORT.to_owned(),
        })?;
        Self::read(file, &text)
    }

    /// Reads the text of a catalogue.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(file: &str, text: &str) -> Result<Self, LoadError> {
        let wrong = |line: usize, what: String| LoadError {
            file: file.to_owned(),
            line,
            what,
            remedy: REIMPORT.to_owned(),
        };
        let mut reader = Reader::default();
        for (line_no, line) in (1..).zip(text.lines()) {
            reader.line(line_no, line).map_err(|what| wrong(line_no, what))?;
        }
        reader.finish().map_err(|what| wrong(0, what))
    }

    /// Name of the version, as verdicts cite it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How a tariff code stands on a day. Without NICO: whether any of the code's is in force.
    #[must_use]
    pub fn tariff(&self, tariff: Tariff, on: Day) -> TariffStanding {
        let start = self.tariff.partition_point(|row| row.code < tariff.code);
        let rows = self.tariff.iter().skip(start).take_while(|row| row.code == tariff.code);
        let mut rows =
            rows.filter(|row| tariff.nico.is_none_or(|nico| nico == row.nico)).peekable();
        let known = rows.peek().is_some();
        match rows.find(|row| row.period.holds_on(on)) {
            Some(row) => TariffStanding::InForce { unit: row.unit },
            None if on > self.tariff_known_through => {
                TariffStanding::NotCovered(self.tariff_known_through)
            }
            None if known => TariffStanding::Closed,
            None => TariffStanding::Unknown,
        }
    }

    /// Whether any tariff code, of whatever days, lies within a range.
    #[must_use]
    pub fn has_tariff_within(&self, from: u32, to: u32) -> bool {
        let start = self.tariff.partition_point(|row| row.code < from);
        self.tariff.get(start).is_some_and(|row| row.code <= to)
    }

    /// Whether a country was ever in Apendice 4.
    #[must_use]
    pub fn has_country_ever(&self, country: &str) -> bool {
        ShortCode::of(country).is_some_and(|key| self.countries.of(key).next().is_some())
    }

    /// Whether a regime was ever in Apendice 16.
    #[must_use]
    pub fn has_regime_ever(&self, regime: &str) -> bool {
        ShortCode::of(regime).is_some_and(|key| self.regimes.of(key).next().is_some())
    }

    /// Whether the aduana of a customs office was ever in Apendice 1.
    #[must_use]
    pub fn has_aduana_ever(&self, office: &str) -> bool {
        let key = aduana(office).and_then(ShortCode::of);
        key.is_some_and(|key| self.aduanas.of(key).next().is_some())
    }

    /// Whether a unit is in Apendice 7.
    #[must_use]
    pub fn has_unit(&self, unit: u32, on: Day) -> bool {
        self.units.in_force(Some(unit), on)
    }

    /// Whether a country is in Apendice 4, as alpha-3.
    #[must_use]
    pub fn has_country(&self, country: &str, on: Day) -> bool {
        self.countries.in_force(ShortCode::of(country), on)
    }

    /// Whether a regime is in Apendice 16.
    #[must_use]
    pub fn has_regime(&self, regime: &str, on: Day) -> bool {
        self.regime(regime, on).is_some()
    }

    /// Whether a regime is one for an operation; a transit may use any.
    #[must_use]
    pub fn regime_takes(&self, regime: &str, operation: OperationType, on: Day) -> bool {
        self.regime(regime, on).is_some_and(|row| match operation {
            OperationType::Import => row.import,
            OperationType::Export => row.export,
            OperationType::Transit | OperationType::Unspecified => true,
        })
    }

    fn regime(&self, regime: &str, on: Day) -> Option<&RegimeRow> {
        self.regimes.of(ShortCode::of(regime)?).find(|row| row.period.holds_on(on))
    }

    /// Whether the aduana of a customs office is in Apendice 1.
    #[must_use]
    pub fn has_aduana_of(&self, office: &str, on: Day) -> bool {
        self.aduanas.in_force(aduana(office).and_then(ShortCode::of), on)
    }

    /// Whether a broker license (patente) exists.
    #[must_use]
    pub fn has_broker_license(&self, patente: &str, on: Day) -> bool {
        self.broker_licenses.in_force(ShortCode::of(patente), on)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    Header,
    Tariff,
    Units,
    Countries,
    Regimes,
    Aduanas,
    BrokerLicenses,
}

#[derive(Default)]
struct Reader {
    section: Section,
    version: String,
    tariff_known_through: Option<Day>,
    tariff: Vec<TariffRow>,
    units: Vec<(u32, Period)>,
    countries: Vec<(ShortCode, Period)>,
    regimes: Vec<(ShortCode, RegimeRow)>,
    aduanas: Vec<(ShortCode, Period)>,
    broker_licenses: Vec<(ShortCode, Period)>,
}

impl Reader {
    fn line(&mut self, line_no: usize, line: &str) -> Result<(), String> {
        if line_no == 1 {
            return match line {
                FORMAT_LINE => Ok(()),
                other => Err(format!("the first line is `{}`, not `{FORMAT_LINE}`", cut(other))),
            };
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            self.section = section(name)?;
            return Ok(());
        }
        let columns: Vec<&str> = line.split('\t').collect();
        match (self.section, columns.as_slice()) {
            (Section::Header, ["version", version]) => self.version = (*version).to_owned(),
            (Section::Header, ["known_through", "tariff", day]) => {
                let day = Day::parse(day).map_err(|error| format!("date `{day}`: {error}"))?;
                self.tariff_known_through = Some(day);
            }
            (Section::Header, ["known_through", _, _]) => {}
            (Section::Tariff, [code, nico, unit, from, to]) => {
                self.tariff.push(tariff_row([code, nico, unit], Period::parse(from, to)?)?);
            }
            (Section::Units, [unit, from, to]) => {
                let unit = unit.parse().map_err(|_| format!("unit `{unit}` is no number"))?;
                self.units.push((unit, Period::parse(from, to)?));
            }
            (Section::Regimes, [key, directions, from, to]) => {
                let row = regime_row(directions, Period::parse(from, to)?)?;
                self.regimes.push((short(key)?, row));
            }
            (Section::Countries, row) => self.countries.push(key_row(row, 3)?),
            (Section::Aduanas, row) => self.aduanas.push(key_row(row, 2)?),
            (Section::BrokerLicenses, row) => self.broker_licenses.push(key_row(row, 4)?),
            (_, row) => return Err(format!("a row here does not have {} columns", row.len())),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Catalogue, String> {
        if self.version.is_empty() {
            return Err("it has no version".to_owned());
        }
        let empty = [
            ("tariff", self.tariff.is_empty()),
            ("units", self.units.is_empty()),
            ("countries", self.countries.is_empty()),
            ("regimes", self.regimes.is_empty()),
            ("aduanas", self.aduanas.is_empty()),
        ];
        // An empty section would refuse everything, one code at a time.
        if let Some((name, _)) = empty.iter().find(|(_, empty)| *empty) {
            return Err(format!("section [{name}] has no rows"));
        }
        self.tariff.sort_by_key(|row| (row.code, row.nico));
        self.regimes.sort_by_key(|(key, _)| *key);
        Ok(Catalogue {
            version: self.version,
            tariff_known_through: self
                .tariff_known_through
                .ok_or("it does not say through which day the tariff is known")?,
            tariff: self.tariff,
            units: sorted(self.units),
            countries: sorted(self.countries),
            regimes: Dated(self.regimes),
            aduanas: sorted(self.aduanas),
            broker_licenses: sorted(self.broker_licenses),
        })
    }
}

fn sorted<K: Ord + Copy>(mut rows: Vec<(K, Period)>) -> Dated<K, Period> {
    rows.sort_by_key(|(key, _)| *key);
    Dated(rows)
}

fn section(name: &str) -> Result<Section, String> {
    match name {
        "tariff" => Ok(Section::Tariff),
        "units" => Ok(Section::Units),
        "countries" => Ok(Section::Countries),
        "regimes" => Ok(Section::Regimes),
        "aduanas" => Ok(Section::Aduanas),
        "broker_licenses" => Ok(Section::BrokerLicenses),
        other => Err(format!("section [{}] is not known", cut(other))),
    }
}

fn tariff_row([code, nico, unit]: [&str; 3], period: Period) -> Result<TariffRow, String> {
    let tariff = Tariff::read(code, nico)
        .ok_or_else(|| format!("tariff code `{}` `{}`", cut(code), cut(nico)))?;
    let nico = tariff.nico.ok_or_else(|| format!("tariff code `{code}` has no NICO"))?;
    let unit = match unit {
        "" => None,
        unit => Some(unit.parse().map_err(|_| format!("unit `{}` is no number", cut(unit)))?),
    };
    Ok(TariffRow { code: tariff.code, nico, unit, period })
}

fn regime_row(directions: &str, period: Period) -> Result<RegimeRow, String> {
    let mut row = RegimeRow { import: false, export: false, period };
    for direction in directions.split(',') {
        match direction {
            "I" => row.import = true,
            "E" => row.export = true,
            other => return Err(format!("direction `{}` is neither `I` nor `E`", cut(other))),
        }
    }
    Ok(row)
}

fn key_row(columns: &[&str], length: usize) -> Result<(ShortCode, Period), String> {
    let [key, from, to] = columns else {
        return Err(format!("a row here has {} columns, not 3", columns.len()));
    };
    // Countries are letters; aduanas and broker licenses are digits of a fixed length.
    let fits = match length {
        3 => key.len() == 3 && key.bytes().all(|byte| byte.is_ascii_uppercase()),
        length => digits(key, length).is_some(),
    };
    match fits {
        true => Ok((short(key)?, Period::parse(from, to)?)),
        false => Err(format!("key `{}` does not have the form of its section", cut(key))),
    }
}

fn short(key: &str) -> Result<ShortCode, String> {
    ShortCode::of(key).ok_or_else(|| format!("key `{}` does not have 1 to 4 characters", cut(key)))
}

fn cut(text: &str) -> &str {
    descargo_model::text::shortened(text, 40)
}
