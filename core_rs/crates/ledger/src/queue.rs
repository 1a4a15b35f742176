//! Two bounded queues before one writer: calls that somebody waits at, and bulk work.
//!
//! Calls are always taken first, so a call waits for one bulk batch at most: the one that is being
//! committed when it comes. That batch is short while calls come in between, and grows while none
//! do, since a long one costs fewer fsyncs. Under calls without end bulk work still gets a short
//! batch now and then, lest an agency's stream stand still for hours.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest wait for company, measured to pay for itself at 64 outstanding calls.
const GATHER_MAX: Duration = Duration::from_micros(1_000);
/// Calls in one transaction at most: bounds the time that one commit can take.
const BATCH_MAX: usize = 512;
/// Bulk commands in one transaction while calls come in between: about a millisecond.
const BULK_BESIDE_CALLS: usize = 8;
/// So many short bulk batches without a call between them, some 30 ms, before they grow: a lane that
/// asks one thing after another must not meet a long one between two of its calls.
const QUIET_BATCHES: u32 = 16;
/// Bulk commands in one transaction at most.
const BULK_MAX: usize = 64;
/// After so many batches of calls in a row waiting bulk work gets one short batch.
const CALL_BATCHES_IN_A_ROW: u32 = 32;

/// Why nothing was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotQueued {
    /// The queue is full.
    Full,
    /// The writer is stopping.
    Stopping,
}

/// The queues.
pub(crate) struct TwoLanes<E> {
    calls_max: usize,
    bulk_max: usize,
    lanes: Mutex<Lanes<E>>,
    filled: Condvar,
    bulk_taken: Condvar,
}

struct Lanes<E> {
    calls: VecDeque<E>,
    bulk: VecDeque<E>,
    stopping: bool,
    /// Size of the last batch of calls: a bulk batch says nothing of who calls at once.
    last_calls: usize,
    /// Batches of calls since the last bulk batch.
    call_batches: u32,
    /// Short bulk batches since the last call.
    quiet_batches: u32,
    /// Size of the last bulk batch that was allowed.
    bulk_size: usize,
}

impl<E> TwoLanes<E> {
    pub fn new(calls_max: usize, bulk_max: usize) -> Self {
        let lanes = Lanes {
            calls: VecDeque::new(),
            bulk: VecDeque::new(),
            stopping: false,
            last_calls: 1,
            call_batches: 0,
            quiet_batches: 0,
            bulk_size: BULK_BESIDE_CALLS,
        };
        Self {
            calls_max,
            bulk_max,
            lanes: Mutex::new(lanes),
            filled: Condvar::new(),
            bulk_taken: Condvar::new(),
        }
    }

    /// Queues a call.
    ///
    /// # Errors
    /// [`NotQueued`]: it is not queued.
    pub fn call(&self, call: E) -> Result<(), NotQueued> {
        let mut lanes = self.lock();
        if lanes.stopping {
            return Err(NotQueued::Stopping);
        }
        if lanes.calls.len() >= self.calls_max {
            return Err(NotQueued::Full);
        }
        lanes.calls.push_back(call);
        drop(lanes);
        self.filled.notify_one();
        Ok(())
    }

    /// Queues bulk work in order, waiting for room: never to be called where somebody waits.
    ///
    /// # Errors
    /// [`NotQueued::Stopping`]: what was not queued is dropped.
    pub fn bulk(&self, work: impl IntoIterator<Item = E>) -> Result<(), NotQueued> {
        for one in work {
            let mut lanes = self.lock();
            while lanes.bulk.len() >= self.bulk_max && !lanes.stopping {
                lanes = self.bulk_taken.wait(lanes).unwrap_or_else(PoisonError::into_inner);
            }
            if lanes.stopping {
                return Err(NotQueued::Stopping);
            }
            lanes.bulk.push_back(one);
            drop(lanes);
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Takes nothing more in; what is queued is still handed out.
    pub fn stop(&self) {
        self.lock().stopping = true;
        self.filled.notify_all();
        self.bulk_taken.notify_all();
    }

    /// The next batch, of one kind; `None` once stopped and empty. A batch of calls waits for
    /// company until it has as many as the one before, within a window.
    pub fn next(&self) -> Option<Vec<E>> {
        let mut lanes = self.lock();
        loop {
            let bulk_is_due = lanes.call_batches >= CALL_BATCHES_IN_A_ROW && !lanes.bulk.is_empty();
            if !lanes.calls.is_empty() && !bulk_is_due {
                return Some(self.gather(lanes));
            }
            if !lanes.bulk.is_empty() {
                let batch = lanes.take_bulk();
                drop(lanes);
                self.bulk_taken.notify_all();
                return Some(batch);
            }
            if lanes.stopping {
                return None;
            }
            lanes = self.filled.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The calls that are queued, and those that come within the window.
    fn gather(&self, mut lanes: MutexGuard<'_, Lanes<E>>) -> Vec<E> {
        let mut batch = Vec::new();
        let deadline = Instant::now().checked_add(GATHER_MAX);
        loop {
            let room = BATCH_MAX.saturating_sub(batch.len()).min(lanes.calls.len());
            batch.extend(lanes.calls.drain(..room));
            let left =
                deadline.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
            if batch.len() >= lanes.last_calls || left.is_zero() || lanes.stopping {
                lanes.call_batches = lanes.call_batches.saturating_add(1);
                lanes.last_calls = batch.len();
                return batch;
            }
            lanes = self.filled.wait_timeout(lanes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes<E>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Lanes<E> {
    fn take_bulk(&mut self) -> Vec<E> {
        if self.call_batches > 0 {
            (self.bulk_size, self.quiet_batches) = (BULK_BESIDE_CALLS, 0);
        } else if self.quiet_batches >= QUIET_BATCHES {
            self.bulk_size = self.bulk_size.saturating_mul(2).min(BULK_MAX);
        } else {
            self.quiet_batches = self.quiet_batches.saturating_add(1);
        }
        self.call_batches = 0;
        let size = self.bulk_size.min(self.bulk.len());
        self.bulk.drain(..size).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(calls: u32, bulk: u32) -> TwoLanes<(char, u32)> {
        let lanes = TwoLanes::new(10_000, 10_000);
        lanes.bulk((0..bulk).map(|n| ('b', n))).unwrap();
        for n in 0..calls {
            lanes.call(('c', n)).unwrap();
        }
        lanes
    }

    fn numbers(kind: char, range: std::ops::Range<u32>) -> Vec<(char, u32)> {
        range.map(|n| (kind, n)).collect()
    }

    #[test]
    fn calls_are_taken_before_bulk_work_that_came_first() {
        let lanes = filled(3, 100);
        assert_eq!(lanes.next(), Some(numbers('c', 0..3)));
        assert_eq!(lanes.next(), Some(numbers('b', 0..8)));
        lanes.call(('c', 3)).unwrap();
        assert_eq!(lanes.next(), Some(numbers('c', 3..4)));
        assert_eq!(lanes.next(), Some(numbers('b', 8..16)));
    }

    #[test]
    fn a_bulk_batch_grows_to_its_bound_while_no_calls_come_and_shrinks_when_one_does() {
        let lanes = filled(0, 1_000);
        let size = || lanes.next().unwrap().len();
        for _ in 0..QUIET_BATCHES {
            assert_eq!(size(), BULK_BESIDE_CALLS);
        }
        assert_eq!([size(), size(), size(), size()], [16, 32, BULK_MAX, BULK_MAX]);
        lanes.call(('c', 0)).unwrap();
        assert_eq!([size(), size(), size()], [1, BULK_BESIDE_CALLS, BULK_BESIDE_CALLS]);
    }

    #[test]
    fn bulk_work_is_not_starved_by_calls_without_end() {
        let lanes = filled(0, 20);
        for n in 0..CALL_BATCHES_IN_A_ROW {
            lanes.call(('c', n)).unwrap();
            assert_eq!(lanes.next(), Some(vec![('c', n)]));
        }
        lanes.call(('c', 1_000)).unwrap();
        assert_eq!(lanes.next(), Some(numbers('b', 0..8)));
        assert_eq!(lanes.next(), Some(vec![('c', 1_000)]));
    }

    #[test]
    fn a_stopped_queue_refuses_and_still_hands_out_what_it_has() {
        let lanes = filled(1, 9);
        lanes.stop();
        assert_eq!(lanes.call(('c', 1)), Err(NotQueued::Stopping));
        assert_eq!(lanes.bulk([('b', 9)]), Err(NotQueued::Stopping));
        assert_eq!(lanes.next(), Some(numbers('c', 0..1)));
        assert_eq!(lanes.next(), Some(numbers('b', 0..8)));
        assert_eq!(lanes.next(), Some(numbers('b', 8..9)));
        assert_eq!(lanes.next(), None);
    }

    #[test]
    fn a_full_lane_refuses_calls_and_holds_bulk_work_back() {
        let lanes = TwoLanes::new(1, 1);
        lanes.call(1).unwrap();
        assert_eq!(lanes.call(2), Err(NotQueued::Full));
        std::thread::scope(|scope| {
            let bulk = scope.spawn(|| lanes.bulk([3, 4, 5]));
            assert_eq!(lanes.next(), Some(vec![1]));
            for expected in 3..=5 {
                assert_eq!(lanes.next(), Some(vec![expected]));
            }
            assert_eq!(bulk.join().unwrap(), Ok(()));
        });
    }

    #[test]
    fn a_batch_of_calls_is_bounded() {
        let lanes = filled(u32::try_from(BATCH_MAX).unwrap() + 1, 0);
        assert_eq!(lanes.next().unwrap().len(), BATCH_MAX);
        assert_eq!(lanes.next().unwrap().len(), 1);
    }
}
