//! A license that was in use before: what is left of each of its lines.

use std::collections::HashMap;

use descargo_model::finding::{Code, Finding};
use descargo_model::pb;

use crate::collect::{Findings, Place};
use crate::fields::{AmountPlace, amount};
use crate::submission::content::{self, Content};
use crate::submission::{GrantLine, Scope, lines};

/// Path of the license within the submission.
const LICENSE: &str = "onboarding.license";

/// Checks the license and its remainders; the lines that it returns have what is left.
pub(super) fn check(
    onboarding: &pb::Onboarding,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Content {
    let Some(license) = &onboarding.license else {
        findings.add(Code::S101, Place::new("onboarding").at("license"));
        let (holder, lines) = (None, Vec::new());
        return Content { holder, valid_from: None, valid_to: None, lines, notified: false };
    };
    let mut content = content::check(license, LICENSE, scope, findings);
    // What is left is compared with what was granted; where that is unreadable, its finding stands.
    if content.lines.is_empty() || !lines::all_readable(license) {
        return content;
    }
    let mut by_number: HashMap<u32, (&mut GrantLine, bool)> =
        content.lines.iter_mut().map(|line| (line.line_no, (line, false))).collect();
    for (index, remainder) in onboarding.remainders.iter().enumerate() {
        let path = format!("onboarding.remainders[{index}]");
        let place = Place::line(&path, remainder.line_no);
        match by_number.get_mut(&remainder.line_no) {
            Some((line, seen @ false)) => {
                *seen = true;
                check_left(remainder, line, &place, findings);
            }
            // Stated twice, or for a line that the license does not have.
            Some(_) | None => findings
                .push(Finding::new(Code::E307, place.at("line_no")).declared(remainder.line_no)),
        }
    }
    let mut missing: Vec<u32> =
        by_number.values().filter(|(_, seen)| !seen).map(|(line, _)| line.line_no).collect();
    missing.sort_unstable();
    for line_no in missing {
        let place = Place::line("onboarding", line_no);
        let finding = Finding::new(Code::E307, place.at("remainders"));
        findings.push(finding.granted(format!("line {line_no}")));
    }
    content
}

/// What is left of a line: in the dimensions of what was granted, and not above it.
fn check_left(
    remainder: &pb::LineRemainder,
    line: &mut GrantLine,
    place: &Place<'_>,
    findings: &mut Findings,
) {
    let place = AmountPlace { place, field: "left", record_fields: (0, 0) };
    let stated = amount(remainder.left.as_ref(), &place, findings);
    let left = stated.value();
    let unreadable = stated.quantity.value().is_none() && !stated.quantity.is_absent()
        || stated.value_usd.value().is_none() && !stated.value_usd.is_absent();
    if unreadable {
        return;
    }
    let granted = line.authorized;
    if left.quantity.is_some() != granted.quantity.is_some() || left.quantity > granted.quantity {
        let finding = Finding::new(Code::E307, place.quantity());
        findings.push(with_values(finding, left.quantity, granted.quantity));
    }
    if left.value_usd.is_some() != granted.value_usd.is_some() || left.value_usd > granted.value_usd
    {
        let finding = Finding::new(Code::E307, place.value_usd());
        findings.push(with_values(finding, left.value_usd, granted.value_usd));
    }
    line.available = left;
}

fn with_values<T: std::fmt::Display>(
    finding: Finding,
    left: Option<T>,
    most: Option<T>,
) -> Finding {
    let finding = match left {
        Some(left) => finding.declared(left),
        None => finding,
    };
    match most {
        Some(most) => finding.granted(format!("<= {most}")),
        None => finding,
    }
}
