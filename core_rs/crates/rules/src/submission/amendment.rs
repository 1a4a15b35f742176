//! An amendment: the whole license as it shall be. Only what the law lets change may differ.

use descargo_model::decimal::AmountValue;
use descargo_model::finding::{Code, Finding};
use descargo_model::pb;
use descargo_model::pb::FindingClass;

use crate::collect::{Findings, Place};
use crate::submission::difference::{Difference, differences};
use crate::submission::life::Present;
use crate::submission::{GrantLine, Scope, content};

/// Path of the license within the submission.
const LICENSE: &str = "amendment";

/// Checks the new content, and returns what each line authorizes.
pub(super) fn check(
    license: &pb::License,
    present: Option<&Present<'_>>,
    scope: &Scope<'_>,
    findings: &mut Findings,
) -> Vec<(u32, AmountValue)> {
    let mut of_content = Findings::default();
    let content = content::check(license, LICENSE, scope, &mut of_content);
    let differing = present.map(|present| differences(present.license, license));
    for finding in of_content.into_list() {
        if differing.as_ref().is_none_or(|differing| concerns(&finding, differing)) {
            findings.push(finding);
        }
    }
    for difference in differing.iter().flatten() {
        check_amendable(difference, scope, findings);
    }
    if let Some(present) = present {
        check_used(&content.lines, present, findings);
    }
    content.lines.iter().map(|line| (line.line_no, line.authorized)).collect()
}

/// Whether a finding concerns the amendment. What stays as it was granted is not held against
/// catalogues that have changed since.
fn concerns(finding: &Finding, differing: &[Difference]) -> bool {
    let of_a_catalogue = finding.code.class() == FindingClass::Catalogue
        || matches!(finding.code, Code::E304 | Code::W803);
    !of_a_catalogue
        || differing.iter().any(|difference| {
            let rest = finding.locator.field.strip_prefix(LICENSE);
            rest.and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|field| field.starts_with(&difference.field))
        })
}

/// Tells a difference that the instrument does not allow (N403).
fn check_amendable(difference: &Difference, scope: &Scope<'_>, findings: &mut Findings) {
    let Some(profile) = scope.profile else { return };
    let allowed = difference
        .part
        .is_some_and(|part| profile.amendable.iter().any(|allowed| allowed == part.as_str()));
    if !allowed {
        let at = Place::line(LICENSE, difference.line_no).at(&difference.field);
        let finding = Finding::new(Code::N403, at).declared(&difference.new_value);
        findings.push(finding.granted(&difference.old_value));
    }
}

/// Tells a line that authorizes less than is held or exercised already (N404).
fn check_used(lines: &[GrantLine], present: &Present<'_>, findings: &mut Findings) {
    for (index, line) in lines.iter().enumerate() {
        let used = present.used.iter().find(|(line_no, _)| *line_no == line.line_no);
        let Some((_, used)) = used else { continue };
        let path = format!("{LICENSE}.lines[{index}].authorized");
        let place = Place::line(&path, line.line_no);
        let authorized = line.authorized;
        if let (Some(granted), Some(used)) = (authorized.quantity, used.quantity)
            && granted < used
        {
            let finding = Finding::new(Code::N404, place.at("quantity")).declared(granted);
            findings.push(finding.granted(format!(">= {used}")));
        }
        if let (Some(granted), Some(used)) = (authorized.value_usd, used.value_usd)
            && granted < used
        {
            let finding = Finding::new(Code::N404, place.at("value_usd")).declared(granted);
            findings.push(finding.granted(format!(">= {used}")));
        }
    }
}
