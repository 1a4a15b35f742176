//! Checks a submission of the tests and compares what is told; shared by the files of submissions.

use descargo_model::pb;
use descargo_model::pb::submission::Change;
use descargo_rules::submission::{CheckedSubmission, Subject, SubmissionContext, check_submission};

use super::*;

pub fn check(submission: &pb::Submission) -> CheckedSubmission {
    check_received(submission, RECEIVED_AT)
}

pub fn check_received(submission: &pb::Submission, received_at: &str) -> CheckedSubmission {
    let rules = rules();
    let registry = registry();
    let agency = submission.license.as_ref().map(|id| id.agency.clone()).unwrap_or_default();
    let context = SubmissionContext {
        rules: &rules,
        validator: "descargo.test",
        received_at: instant(received_at),
        caller_agencies: &listed_for(if agency.is_empty() { "SE" } else { &agency }),
        signer: Some(signer()),
        signer_registry: &registry,
        subject: Subject::Unknown,
    };
    check_submission(submission, &context)
}

/// The license of an issue.
pub fn issued(submission: &mut pb::Submission) -> &mut pb::License {
    match &mut submission.change {
        Some(Change::Issue(license)) => license,
        _ => panic!("not an issue"),
    }
}

pub fn line(submission: &mut pb::Submission, index: usize) -> &mut pb::LicenseLine {
    &mut issued(submission).lines[index]
}

pub fn id(submission: &mut pb::Submission) -> &mut pb::LicenseId {
    submission.license.as_mut().unwrap()
}

pub fn holder(submission: &mut pb::Submission) -> &mut pb::Party {
    issued(submission).holder.as_mut().unwrap()
}

/// A sentence, a change and what is told.
pub type Case = (&'static str, fn(&mut pb::Submission), &'static [&'static str]);

pub fn run(base: fn() -> pb::Submission, cases: &[Case]) {
    for (name, change, expected) in cases {
        let mut submission = base();
        change(&mut submission);
        let checked = check(&submission);
        assert_eq!(told(&checked.findings), *expected, "{name}");
        let accepted = checked.findings.iter().all(|finding| !finding.refuses());
        assert_eq!(checked.grant.is_some(), accepted, "{name}");
    }
}
