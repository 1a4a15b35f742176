//! What the checks cost: a declaration with its coverage, and submissions small and large.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench may fail loudly"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use descargo_model::pb;
use descargo_rules::coverage::{LicenseState, coverage};
use descargo_rules::declaration::{DeclarationContext, check_declaration};
use descargo_rules::submission::{Subject, SubmissionContext, check_submission};
use descargo_rules::terms::LicenseTerms;

#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the tests' own message"
)]
#[path = "../tests/support/mod.rs"]
mod support;

fn declarations(criterion: &mut Criterion) {
    let rules = support::rules();
    let context =
        DeclarationContext { rules: &rules, at: support::instant("2026-05-10T18:00:00Z") };
    let declaration = support::declaration();
    criterion.bench_function("check_declaration", |bench| {
        bench.iter(|| check_declaration(black_box(&declaration), &context));
    });
    let checked = check_declaration(&declaration, &context);
    let claim = checked.claim().unwrap();
    let id = support::license_id("SE", "AV", "SE-0001");
    let available = support::available();
    let state = LicenseState {
        status: pb::LicenseStatus::Active,
        stops: &[],
        available: &available,
        discharge_signature: support::DISCHARGE_SIGNATURE,
    };
    let profile = rules.instruments.profile("AV", "SE").unwrap();
    for (name, license) in [("coverage", support::license()), ("coverage, 500 lines", large())] {
        let terms = LicenseTerms::parse(&id, &license).unwrap();
        criterion.bench_function(name, |bench| {
            bench.iter(|| coverage(black_box(&claim), &terms, profile, &state, &context));
        });
    }
    criterion.bench_function("terms of a license", |bench| {
        let license = support::license();
        bench.iter(|| LicenseTerms::parse(&id, black_box(&license)));
    });
}

/// As many lines as a license may have, each with another seller.
fn large() -> pb::License {
    let line = support::license().lines[0].clone();
    let lines = (1..=500).map(|line_no| pb::LicenseLine { line_no, ..line.clone() }).collect();
    pb::License { lines, ..support::license() }
}

fn submissions(criterion: &mut Criterion) {
    let (rules, registry) = (support::rules(), support::registry());
    let agencies = support::listed_for("SE");
    let context = SubmissionContext {
        rules: &rules,
        validator: "descargo.test",
        received_at: support::instant(support::RECEIVED_AT),
        caller_agencies: &agencies,
        signer: Some(support::signer()),
        signer_registry: &registry,
        subject: Subject::Unknown,
    };
    let small = support::submission();
    let change = Some(pb::submission::Change::Issue(large()));
    let large = pb::Submission { change, ..support::submission() };
    for (name, submission) in [("check_submission", small), ("check_submission, 500 lines", large)]
    {
        criterion.bench_function(name, |bench| {
            bench.iter(|| check_submission(black_box(&submission), &context));
        });
    }
}

fn catalogues(criterion: &mut Criterion) {
    criterion.bench_function("a small catalogue", |bench| {
        bench.iter(|| {
            descargo_rules::catalogue::Catalogue::read("x", black_box(support::CATALOGUE))
        });
    });
}

criterion_group!(benches, declarations, submissions, catalogues);
criterion_main!(benches);
