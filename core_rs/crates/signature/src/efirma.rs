//! Who holds a certificate, and whether it is an e.firma that may sign permits.
//!
//! Our policy, since the law names no field: a CSD (invoice seal) is what has an organizational
//! unit in its subject, and an e.firma names its holder's RFC in 2.5.4.45.

use x509_parser::x509::X509Name;

use crate::certificate::Certificate;
use crate::names::{self, NAME, ORGANIZATIONAL_UNIT, SERIAL_NUMBER, UNIQUE_IDENTIFIER};
use crate::names::{COMMON_NAME, ORGANIZATION};
use crate::problem::ProfileFault;
use crate::trust::Signer;

/// What a subject says about its holder, not judged yet.
#[derive(Debug)]
pub(crate) struct Subject {
    name: String,
    identifiers: Vec<Option<String>>,
    curp: Option<String>,
    has_organizational_unit: bool,
}

impl Subject {
    pub(crate) fn read(subject: &X509Name<'_>) -> Subject {
        let serials = names::first_of(subject, &[SERIAL_NUMBER]).unwrap_or_default();
        Subject {
            name: names::first_of(subject, &[NAME, COMMON_NAME, ORGANIZATION]).unwrap_or_default(),
            identifiers: names::values(subject, UNIQUE_IDENTIFIER),
            curp: serials.rsplit('/').map(str::trim).find(|part| is_curp(part)).map(str::to_owned),
            has_organizational_unit: !names::values(subject, ORGANIZATIONAL_UNIT).is_empty(),
        }
    }
}

/// The signer this certificate names, or everything that keeps it from being an e.firma.
pub(crate) fn signer(certificate: &Certificate) -> Result<Signer, Vec<ProfileFault>> {
    let mut faults = usage_faults(certificate);
    if certificate.holder.has_organizational_unit {
        faults.push(ProfileFault::InvoiceSeal);
    }
    match rfcs(&certificate.holder.identifiers) {
        Ok((rfc, representative_rfc)) if faults.is_empty() => Ok(Signer {
            rfc,
            representative_rfc,
            curp: certificate.holder.curp.clone(),
            name: certificate.holder.name.clone(),
            number: certificate.number.clone(),
            certificate_sha256: certificate.sha256,
            not_before: certificate.window.not_before,
            not_after: certificate.window.not_after,
        }),
        Ok(_) => Err(faults),
        Err(fault) => {
            faults.push(fault);
            Err(faults)
        }
    }
}

fn usage_faults(certificate: &Certificate) -> Vec<ProfileFault> {
    let usage = certificate.extensions.key_usage;
    let mut faults = Vec::new();
    if certificate.extensions.is_authority || usage.is_some_and(|usage| usage.certificate_signing) {
        faults.push(ProfileFault::Authority);
    }
    if usage.is_some_and(|usage| !(usage.digital_signature && usage.non_repudiation)) {
        faults.push(ProfileFault::KeyUsage);
    }
    faults
}

/// The holder's RFC, and the representative's when the holder is a company: `RFC / RFC`.
fn rfcs(identifiers: &[Option<String>]) -> Result<(String, Option<String>), ProfileFault> {
    let text = match identifiers {
        [] => return Err(ProfileFault::RfcMissing),
        [Some(text)] => text,
        [None] => return Err(ProfileFault::RfcUnreadable),
        // Two of them would leave it to the reader who signed.
        _ => return Err(ProfileFault::RfcRepeated),
    };
    let parts: Vec<&str> = text.split('/').map(str::trim).collect();
    match parts.as_slice() {
        [rfc] if is_rfc(rfc) => Ok(((*rfc).to_owned(), None)),
        [rfc, representative] if is_rfc(rfc) && is_rfc(representative) => {
            Ok(((*rfc).to_owned(), Some((*representative).to_owned())))
        }
        _ => Err(ProfileFault::RfcUnreadable),
    }
}

/// Letters, date and homoclave. The check digit is not looked at: about one real RFC in a hundred
/// fails it, and SAT has vouched for this one.
fn is_rfc(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let letters = match characters.len() {
        12 => 3,
        13 => 4,
        _ => return false,
    };
    let (name, rest) = characters.split_at(letters);
    name.iter().all(|c| matches!(c, 'A'..='Z' | 'Ñ' | '&'))
        && matches!(rest, [date @ .., a, b, digit] if is_date(date)
            && [a, b].iter().all(|c| matches!(c, 'A'..='Z' | '0'..='9'))
            && matches!(digit, 'A' | '0'..='9'))
}

/// AAMMDD. The century is not written, so 29 February is believed in every fourth year.
fn is_date(characters: &[char]) -> bool {
    let digits: Option<Vec<u32>> = characters.iter().map(|c| c.to_digit(10)).collect();
    let Some([y1, y2, m1, m2, d1, d2]) = digits.as_deref() else {
        return false;
    };
    let two = |tens: &u32, ones: &u32| tens.saturating_mul(10).saturating_add(*ones);
    let days = match two(m1, m2) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if two(y1, y2).is_multiple_of(4) => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&two(d1, d2))
}

/// The form only: SAT's own test CURPs fail the check digit.
fn is_curp(text: &str) -> bool {
    text.chars().count() == 18 && text.chars().all(|c| matches!(c, 'A'..='Z' | 'Ñ' | '0'..='9'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfcs_of_people_and_companies_are_read() {
        for rfc in ["SAT970701NN3", "CACX7605101P8", "H&E951128469", "ÑAN8002295X0", "AAA000229AA1"]
        {
            assert!(is_rfc(rfc), "{rfc}");
        }
    }

    #[test]
    fn what_is_no_rfc_is_refused() {
        for text in [
            "",
            "SAT970701NN",
            "SAT971301NN3",
            "SAT970732NN3",
            "SAT970431NN3",
            "SAT970229NN3",
            "SAT970700NN3",
            "sat970701nn3",
            "SAT970701NNB",
            "SA1970701NN3",
            "CACX7605101P8X",
        ] {
            assert!(!is_rfc(text), "{text}");
        }
    }

    #[test]
    fn a_representative_follows_the_slash() {
        let read = |text: &str| rfcs(&[Some(text.to_owned())]);
        assert_eq!(read("SAT970701NN3"), Ok(("SAT970701NN3".into(), None)));
        assert_eq!(
            read("SAT970701NN3 / CACX7605101P8"),
            Ok(("SAT970701NN3".into(), Some("CACX7605101P8".into())))
        );
        for text in ["", "/", " / CACX7605101P8", "SAT970701NN3 /", "A / B / C"] {
            assert_eq!(read(text), Err(ProfileFault::RfcUnreadable), "{text}");
        }
        assert_eq!(rfcs(&[]), Err(ProfileFault::RfcMissing));
        assert_eq!(rfcs(&[None]), Err(ProfileFault::RfcUnreadable));
        let one = Some("SAT970701NN3".to_owned());
        assert_eq!(rfcs(&[one.clone(), one]), Err(ProfileFault::RfcRepeated));
    }
}
