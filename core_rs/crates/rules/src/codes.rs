//! Short codes packed into integers, and the sets of them that a license names.

use std::fmt;

use descargo_model::pb;

/// A code of 1 to 4 bytes: a country, a regime, an aduana.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortCode(u32);

impl ShortCode {
    /// Packs a code; `None` when it is empty or longer, and so no code of any catalogue.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 4 {
            return None;
        }
        Some(Self(text.bytes().fold(0, |packed, byte| packed << 8 | u32::from(byte))))
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.to_be_bytes();
        let text: Vec<u8> = bytes.into_iter().filter(|byte| *byte != 0).collect();
        out.write_str(&String::from_utf8_lossy(&text))
    }
}

/// The aduana of a customs office: the first two of its two or three digits.
///
/// No official list of sections is at hand, so offices are compared by their aduana.
#[must_use]
pub fn aduana(office: &str) -> Option<&str> {
    let digits = office.bytes().all(|byte| byte.is_ascii_digit());
    if digits && matches!(office.len(), 2 | 3) { office.get(0..2) } else { None }
}

/// A code that is compared whole.
#[must_use]
pub fn whole(code: &str) -> Option<&str> {
    Some(code)
}

/// What something extends to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CodeSet {
    /// Every code of its catalogue.
    Every,
    /// Only these, sorted.
    Only(Box<[ShortCode]>),
}

impl CodeSet {
    /// Reads an extent, each code shortened by `part`; `None` when it is not exactly one of both
    /// forms, or a code has no short form.
    #[must_use]
    pub fn read(extent: &pb::Extent, part: fn(&str) -> Option<&str>) -> Option<Self> {
        if extent.every {
            return extent.only.is_empty().then_some(Self::Every);
        }
        if extent.only.is_empty() {
            return None;
        }
        let codes = extent.only.iter().map(|code| part(code).and_then(ShortCode::of));
        let mut codes: Vec<ShortCode> = codes.collect::<Option<_>>()?;
        codes.sort_unstable();
        codes.dedup();
        Some(Self::Only(codes.into()))
    }

    /// Whether it covers a code.
    #[must_use]
    pub fn covers(&self, code: ShortCode) -> bool {
        match self {
            Self::Every => true,
            Self::Only(codes) => codes.binary_search(&code).is_ok(),
        }
    }
}

/// For findings: the codes, or nothing when it extends to every one.
impl fmt::Display for CodeSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = match self {
            Self::Every => &[][..],
            Self::Only(codes) => codes,
        };
        for (index, code) in codes.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(out, "{separator}{code}")?;
        }
        Ok(())
    }
}

/// A tariff code as a number, with its NICO. Eight digits fit a u32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tariff {
    /// Eight digits.
    pub code: u32,
    /// Two digits; `None` when no NICO is stated.
    pub nico: Option<u8>,
}

impl Tariff {
    /// Reads 8 digits and none or 2; `None` when they are not.
    #[must_use]
    pub fn read(code: &str, nico: &str) -> Option<Self> {
        let code = digits(code, 8)?;
        let nico = match nico {
            "" => None,
            nico => Some(u8::try_from(digits(nico, 2)?).ok()?),
        };
        Some(Self { code, nico })
    }
}

impl fmt::Display for Tariff {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nico {
            Some(nico) => write!(out, "{:08}.{nico:02}", self.code),
            None => write!(out, "{:08}", self.code),
        }
    }
}

/// The number that exactly so many digits write.
pub(crate) fn digits(text: &str, count: usize) -> Option<u32> {
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extent_is_every_or_only() {
        let extent = |every, only: &[&str]| pb::Extent {
            every,
            only: only.iter().map(|code| (*code).to_owned()).collect(),
        };
        let read = |extent: &pb::Extent| CodeSet::read(extent, whole);
        assert_eq!(read(&extent(true, &[])), Some(CodeSet::Every));
        assert_eq!(read(&extent(false, &[])), None);
        assert_eq!(read(&extent(true, &["USA"])), None);
        assert_eq!(read(&extent(false, &["BLOQUE"])), None);
        let only = read(&extent(false, &["USA", "CAN", "USA"])).unwrap();
        assert_eq!(only, read(&extent(false, &["CAN", "USA"])).unwrap());
        assert!(only.covers(ShortCode::of("USA").unwrap()));
        assert!(!only.covers(ShortCode::of("US").unwrap()));
        assert!(CodeSet::Every.covers(ShortCode::of("XYZ").unwrap()));
        assert_eq!(
            (only.to_string(), CodeSet::Every.to_string()),
            ("CAN,USA".into(), String::new())
        );
    }

    #[test]
    fn an_office_is_known_by_its_aduana() {
        assert_eq!(aduana("240"), Some("24"));
        assert_eq!(aduana("24"), Some("24"));
        for text in ["", "2", "2400", "2A0", "ñ0", "24 "] {
            assert_eq!(aduana(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_tariff_code_is_eight_digits_and_a_nico_two() {
        assert_eq!(Tariff::read("01012101", "00"), Some(Tariff { code: 1_012_101, nico: Some(0) }));
        assert_eq!(Tariff::read("72081001", ""), Some(Tariff { code: 72_081_001, nico: None }));
        assert_eq!(Tariff::read("01012101", "05").unwrap().to_string(), "01012101.05");
        assert_eq!(Tariff::read("01012101", "").unwrap().to_string(), "01012101");
        for (code, nico) in [
            ("7208100", ""),
            ("720810011", ""),
            ("7208100A", ""),
            ("+2081001", ""),
            ("72081001", "1"),
            ("72081001", "001"),
            ("72081001", "A1"),
            ("", "00"),
        ] {
            assert_eq!(Tariff::read(code, nico), None, "{code:?} {nico:?}");
        }
    }
}
