//! What a client is told to do, and what it tells afterwards.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::answers;
use crate::load::Window;

/// One window of load.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    /// `host:port`.
    pub(crate) target: String,
    /// `/service/method`.
    pub(crate) method: String,
    /// Name of the template in the corpus.
    pub(crate) kind: String,
    /// Outcome that every answer must have; empty for a handler that decides nothing.
    #[serde(default)]
    pub(crate) expect: String,
    /// Whether all draws are on one license.
    #[serde(default)]
    pub(crate) hot: bool,
    /// Calls outstanding in a closed loop.
    #[serde(default)]
    pub(crate) outstanding: usize,
    /// A closed loop ends after so many calls, if that is sooner than its time.
    pub(crate) calls_max: Option<usize>,
    /// Calls per second of an open loop; without it the loop is closed.
    pub(crate) rate: Option<f64>,
    /// Of the open loop's schedule.
    #[serde(default)]
    pub(crate) seed: u64,
    /// Connections that calls take in turn.
    #[serde(default = "one")]
    pub(crate) connections: usize,
    /// Whose certificate the connections carry; empty for no TLS at all.
    #[serde(default = "lane")]
    pub(crate) caller: String,
    /// Load before the window opens, not counted.
    pub(crate) warm_up_s: f64,
    /// How long calls are sent.
    pub(crate) window_s: f64,
}

fn one() -> usize {
    1
}

fn lane() -> String {
    "lane-nuevo-laredo".into()
}

/// The client is warm and waits for `go`.
#[derive(Serialize)]
pub(crate) struct Ready {
    pub(crate) ready: bool,
}

/// What a window showed.
#[derive(Serialize)]
pub(crate) struct Told {
    calls: usize,
    elapsed_s: f64,
    /// Microseconds and how many calls took them, since the intended send in an open loop.
    latencies_us: Vec<(f64, u64)>,
    /// Microseconds between the intended and the real send that 99 of 100 calls do not exceed.
    late_p99_us: f64,
    /// Answers that are not what was expected.
    refused: usize,
    /// How many calls ended with each gRPC status other than OK, and with a broken connection.
    failed: BTreeMap<String, usize>,
    /// The first answer that was not as expected, for whoever wonders.
    first_refusal: String,
}

impl Told {
    /// Reads the answers now that no call waits for it.
    pub(crate) fn of(window: Window, expect: &str) -> Self {
        let wrong = answers::refusals(&window.answers, expect);
        Self {
            calls: window.answers.len(),
            elapsed_s: window.elapsed.as_secs_f64(),
            latencies_us: counts(&window.latencies),
            late_p99_us: micros(window.lateness.value_at_quantile(0.99)),
            refused: wrong.count,
            failed: window.failed,
            first_refusal: wrong.first,
        }
    }
}

fn counts(histogram: &hdrhistogram::Histogram<u64>) -> Vec<(f64, u64)> {
    histogram
        .iter_recorded()
        .map(|step| (micros(step.value_iterated_to()), step.count_since_last_iteration()))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "a latency has far less than 53 bits")]
fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}
