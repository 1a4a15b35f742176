//! What matching one line costs against 10,000, 50,000 and 200,000 rules, and what compiling them does.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a bench may fail loudly"
)]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use descargo_rules::ruleset::{Required, Ruleset, RulesetFile};

#[path = "../tests/support/synthetic.rs"]
mod synthetic;

const SEED: u64 = 20_260_601;
const LINES: usize = 4_096;

fn matching(criterion: &mut Criterion) {
    let (catalogue, instruments) = (synthetic::catalogue(), synthetic::instruments());
    let lines = synthetic::lines(LINES, SEED + 1);
    let mut group = criterion.benchmark_group("required, 4096 random lines");
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(20);
    for rules in [10_000, 50_000, 200_000] {
        let text = synthetic::ruleset(rules, SEED);
        let file = RulesetFile { path: "synthetic.toml", text: &text };
        let started = Instant::now();
        let ruleset = Ruleset::compile(&[file], &catalogue, &instruments).unwrap();
        println!("compile {rules} rules of {} bytes: {:?}", text.len(), started.elapsed());
        let mut required = Required::default();
        let mut met = 0;
        for line in &lines {
            ruleset.required_into(line, &mut required);
            met += required.rules.len();
        }
        println!("{rules} rules: {:.2} met by a line", met as f64 / LINES as f64);
        group.bench_function(format!("{rules} rules"), |bench| {
            bench.iter(|| {
                for line in &lines {
                    ruleset.required_into(black_box(line), &mut required);
                    black_box(&required);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, matching);
criterion_main!(benches);
