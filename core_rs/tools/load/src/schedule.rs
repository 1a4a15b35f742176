//! When the calls of an open loop are due: a Poisson process, the same for the same seed.
//!
//! Calls are sent when they are due, whether or not earlier ones were answered, as lorries arrive
//! whether or not the gate is open. A latency counts from the moment that a call was due.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

/// The kernel may wake a sleeper later by 50 us unless it is told otherwise, and that would be
/// counted as the server's.
const TIMER_SLACK_NS: u64 = 1;

/// Gaps between calls, in turn.
pub(crate) struct Gaps {
    state: u64,
    mean_s: f64,
}

impl Gaps {
    /// `rate` calls per second in the long run.
    pub(crate) fn new(seed: u64, rate: f64) -> Self {
        Self { state: seed, mean_s: 1.0 / rate }
    }

    /// SplitMix64: enough for a schedule, and the same everywhere.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Iterator for Gaps {
    type Item = Duration;

    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept, which a float holds")]
    fn next(&mut self) -> Option<Duration> {
        let above_zero = self.random().wrapping_shr(11).wrapping_add(1) as f64;
        let uniform = above_zero / 9_007_199_254_740_992.0;
        Duration::try_from_secs_f64(-uniform.ln() * self.mean_s).ok()
    }
}

/// Hands out the moments at which calls are due, each when it comes, until the window is over.
///
/// A thread of its own: the runtime's timers know only milliseconds.
pub(crate) fn run(gaps: Gaps, began: Instant, window: Duration, due: &UnboundedSender<Instant>) {
    // Where the kernel refuses, lateness shows it in the result.
    let _refused = rustix::thread::set_current_timer_slack(NonZeroU64::new(TIMER_SLACK_NS));
    let mut moment = began;
    let Some(end) = began.checked_add(window) else { return };
    for gap in gaps {
        let Some(next) = moment.checked_add(gap).filter(|next| *next < end) else { return };
        moment = next;
        std::thread::sleep(moment.saturating_duration_since(Instant::now()));
        if due.send(moment).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_schedule() {
        let some = |seed| Gaps::new(seed, 100.0).take(50).collect::<Vec<_>>();
        assert_eq!(some(7), some(7));
        assert_ne!(some(7), some(8));
    }

    #[test]
    fn gaps_are_those_of_a_poisson_process() {
        let gaps: Vec<f64> =
            Gaps::new(1, 200.0).take(100_000).map(|gap| gap.as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / 100_000.0;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / 100_000.0;
        // An exponential distribution has its mean for a standard deviation.
        assert!((mean * 200.0 - 1.0).abs() < 0.02, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{variance}");
    }

    #[test]
    fn nothing_is_due_behind_the_window() {
        let (sender, mut due) = tokio::sync::mpsc::unbounded_channel();
        let began = Instant::now();
        let window = Duration::from_millis(20);
        run(Gaps::new(3, 10_000.0), began, window, &sender);
        let mut last = began;
        while let Ok(moment) = due.try_recv() {
            assert!(last < moment && moment < began + window);
            last = moment;
        }
        assert!(last > began);
    }
}
