//! The core alone, without server and transport: what a decision is made of in nanoseconds, and how
//! many durable draws a second the engine makes.
//!
//! `make bench` starts it with inputs that it took from a running validator: `core FOLDER ROUNDS
//! DRAWS MILLISECONDS`. It prints JSON, `{"figures": [{"group", "figure", "unit", "rounds"}]}`, and
//! measures in rounds so that a busy moment of the machine shows as a spread. `core FOLDER decide COUNT`
//! decides only, for a tool that counts instructions. Where one figure
//! stands out, the criterion benches of `signature`, `rules` and `evidence` look closer.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a bench stops by panicking"
)]

mod decisions;
mod draws;
mod inputs;
mod report;

/// The certificate maker of the signature tests: keys of every kind that we verify.
#[allow(dead_code, reason = "only its keys are used")]
#[path = "../../../signature/tests/trust/support.rs"]
mod keys;

use inputs::Inputs;
use report::Report;

fn main() {
    // cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [folder, decide, count] = arguments.as_slice()
        && decide == "decide"
    {
        return decisions::decide(&Inputs::read(folder.as_ref()), count.parse().expect("a number"));
    }
    let [folder, rounds, draws, milliseconds] = arguments.as_slice() else {
        eprintln!("usage: core FOLDER ROUNDS DRAWS MILLISECONDS; `make bench` makes the folder");
        std::process::exit(2);
    };
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let inputs = Inputs::read(folder.as_ref());
    let mut report = Report::default();
    decisions::time(&inputs, number(rounds), number(milliseconds) as u64, &mut report);
    draws::time(&inputs, number(rounds), number(draws), &mut report);
    println!("{}", report.json());
}
