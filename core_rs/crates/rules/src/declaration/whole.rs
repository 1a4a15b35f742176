//! What a declaration of many lines must keep to beside what each line must.

use std::collections::BTreeSet;

use descargo_model::finding::{Code, Finding};
use descargo_model::license_name::LicenseName;
use descargo_model::pb;

use super::{CheckedDeclaration, CheckedLine, DeclarationContext, check_lines};
use crate::claim::{DrawClaim, LineClaim, draw_path, draw_place, line_path, line_place};
use crate::collect::{Findings, Place};

/// Checks a declaration of whatever number of lines, each with any number of draws.
#[must_use]
pub fn check_whole(
    declaration: &pb::Declaration,
    context: &DeclarationContext<'_>,
) -> CheckedDeclaration {
    let mut checked = check_lines(declaration, context);
    let mut findings = Findings::default();
    if declaration.lines.iter().all(|line| line.draws.is_empty()) {
        findings.add(Code::S101, Place::default().at("lines"));
    }
    check_repeated_lines(&declaration.lines, &mut findings);
    for CheckedLine { line, draws } in &checked.lines {
        check_repeated_licenses(line, draws, &mut findings);
    }
    checked.findings.extend(findings.into_list());
    checked
}

/// The number of a line names its records 553, so no two lines may have the same.
fn check_repeated_lines(lines: &[pb::DeclarationLine], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        if line.line_no != 0 && !seen.insert(line.line_no) {
            let path = line_path(index);
            let at = line_place(&path, line.line_no).saai("line_no", 4);
            findings.push(Finding::new(Code::E311, at).declared(line.line_no));
        }
    }
}

/// A line states each license once: twice, and neither amount would be that of its draw.
fn check_repeated_licenses(line: &LineClaim, draws: &[DrawClaim], findings: &mut Findings) {
    let same = |one: &LicenseName, other: &LicenseName| {
        one.permit_key == other.permit_key
            && one.lookup_number == other.lookup_number
            && (one.agency == other.agency || one.agency.is_empty() || other.agency.is_empty())
    };
    for (index, draw) in draws.iter().enumerate() {
        let Some(name) = &draw.license else { continue };
        let mut earlier = draws.iter().take(index).filter_map(|draw| draw.license.as_ref());
        if earlier.any(|earlier| same(earlier, name)) {
            let path = draw_path(&line_path(line.index), index);
            let at = draw_place(&path, line.line_no, index).saai("license.permit_number", 7);
            findings.push(Finding::new(Code::E312, at).declared(&name.permit_number));
        }
    }
}
