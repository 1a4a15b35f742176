//! Holder or trader: RFC, CURP and name.

use descargo_model::curp::Curp;
use descargo_model::finding::{Code, Finding, Locator};
use descargo_model::pb;
use descargo_model::rfc::Rfc;

use crate::collect::{Findings, Place};
use crate::fields::optional_text;

/// Longest registered name.
pub(crate) const NAME_MAX: usize = 250;

/// Where the keys of a party are.
pub(crate) struct PartyPlace<'a> {
    /// The message that holds the party.
    pub place: Place<'a>,
    /// The party's field.
    pub field: &'static str,
    /// SAAI fields of RFC and CURP; 0 when there are none.
    pub record_fields: (u32, u32),
}

impl PartyPlace<'_> {
    fn at(&self, name: &str, record_field: u32) -> Locator {
        let field = format!("{}.{name}", self.field);
        match record_field {
            0 => self.place.at(&field),
            record_field => self.place.saai(&field, record_field),
        }
    }

    /// Where the RFC is.
    pub(crate) fn rfc(&self) -> Locator {
        self.at("rfc", self.record_fields.0)
    }
}

/// Checks a party and returns its RFC, if it has one.
pub(crate) fn check(
    party: Option<&pb::Party>,
    place: &PartyPlace<'_>,
    findings: &mut Findings,
) -> Option<Rfc> {
    let Some(party) = party else {
        findings.add(Code::S101, place.rfc());
        return None;
    };
    let rfc = check_rfc(&party.rfc, place, findings);
    if !party.curp.is_empty() {
        check_curp(&party.curp, place, findings);
    }
    optional_text(&party.legal_name, NAME_MAX, || place.at("legal_name", 0), findings);
    rfc
}

fn check_rfc(text: &str, place: &PartyPlace<'_>, findings: &mut Findings) -> Option<Rfc> {
    if text.is_empty() {
        findings.add(Code::S101, place.rfc());
        return None;
    }
    let Ok(rfc) = Rfc::parse(text) else {
        findings.push(Finding::new(Code::S105, place.rfc()).declared(text));
        return None;
    };
    if !rfc.has_right_check_digit() {
        findings.push(Finding::new(Code::W801, place.rfc()).declared(text));
    }
    Some(rfc)
}

fn check_curp(text: &str, place: &PartyPlace<'_>, findings: &mut Findings) {
    let at = || place.at("curp", place.record_fields.1);
    match Curp::parse(text) {
        Err(_) => findings.push(Finding::new(Code::S106, at()).declared(text)),
        Ok(curp) if !curp.has_right_check_digit() => {
            findings.push(Finding::new(Code::W801, at()).declared(text));
        }
        Ok(_) => {}
    }
}
