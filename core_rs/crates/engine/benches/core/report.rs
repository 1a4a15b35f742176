//! Figures, round by round, as JSON.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Figures in the order in which they were first told.
#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
}

#[derive(serde::Serialize)]
struct Figure {
    group: String,
    figure: String,
    unit: &'static str,
    rounds: Vec<f64>,
}

impl Report {
    /// Adds one round of a figure.
    pub fn tell(&mut self, group: &str, figure: &str, unit: &'static str, value: f64) {
        let known = self.figures.iter_mut().find(|f| f.group == group && f.figure == figure);
        match known {
            Some(known) => known.rounds.push(value),
            None => self.figures.push(Figure {
                group: group.into(),
                figure: figure.into(),
                unit,
                rounds: vec![value],
            }),
        }
    }

    pub fn json(&self) -> String {
        serde_json::json!({ "figures": self.figures }).to_string()
    }
}

/// Nanoseconds that one call of `work` takes, over about `length`.
pub fn nanos_each<R>(length: Duration, mut work: impl FnMut() -> R) -> f64 {
    let mut calls = 1_u32;
    loop {
        let began = Instant::now();
        for _ in 0..calls {
            black_box(work());
        }
        let taken = began.elapsed();
        // The first passes find out how many calls fill the time; only the last one counts.
        if taken * 2 >= length || calls >= u32::MAX / 4 {
            return taken.as_nanos() as f64 / f64::from(calls);
        }
        let needed = length.as_nanos() / taken.as_nanos().max(1) + 1;
        calls = calls.saturating_mul(needed.clamp(2, 100) as u32);
    }
}
