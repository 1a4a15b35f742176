//! Slows down who guesses: a discharge signature has only 40 bits.
//!
//! After a number of wrong ones for one license from one caller within a minute, that caller waits
//! for that license until the minute is over. Others, and its other licenses, notice nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use descargo_ledger::command::{LicenseKey, Nanos};

use crate::limits::WRONG_SIGNATURE_PAIRS_MAX;

const WINDOW: Nanos = 60_000_000_000;

/// Wrong discharge signatures of the last minute, by caller and license.
#[derive(Debug)]
pub(crate) struct WrongSignatures {
    limit: usize,
    seen: Mutex<HashMap<(String, LicenseKey), Vec<Nanos>>>,
}

impl WrongSignatures {
    pub fn new(limit: usize) -> Self {
        Self { limit, seen: Mutex::new(HashMap::new()) }
    }

    /// Milliseconds that the caller has to wait for this license, when it has to.
    pub fn wait_ms(&self, caller: &str, license: &LicenseKey, now: Nanos) -> Option<u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() {
            return None;
        }
        let instants = seen.get_mut(&(caller.to_owned(), license.clone()))?;
        instants.retain(|at| now.saturating_sub(*at) < WINDOW);
        let counted = instants.len();
        let free_after = instants.get(counted.checked_sub(self.limit)?)?;
        let wait = free_after.saturating_add(WINDOW).saturating_sub(now);
        u64::try_from(wait / 1_000_000).ok().map(|ms| ms.saturating_add(1))
    }

    /// Counts a wrong one.
    pub fn note(&self, caller: &str, license: &LicenseKey, now: Nanos) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= WRONG_SIGNATURE_PAIRS_MAX {
            seen.retain(|_, instants| {
                instants.last().is_some_and(|at| now.saturating_sub(*at) < WINDOW)
            });
        }
        let instants = seen.entry((caller.to_owned(), license.clone())).or_default();
        // More than the limit never need be remembered: the oldest of the last `limit` decides.
        if instants.len() >= self.limit.saturating_mul(2) {
            instants.drain(..self.limit);
        }
        instants.push(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn license() -> LicenseKey {
        LicenseKey { permit_key: "C1".into(), lookup_number: "X".into() }
    }

    #[test]
    fn the_limit_slows_one_caller_on_one_license_until_the_minute_is_over() {
        let wrong = WrongSignatures::new(5);
        for at in 0..5 {
            assert_eq!(wrong.wait_ms("lane-1", &license(), at), None);
            wrong.note("lane-1", &license(), at);
        }
        assert_eq!(wrong.wait_ms("lane-1", &license(), 5), Some(60_000));
        assert_eq!(wrong.wait_ms("lane-2", &license(), 5), None);
        let other = LicenseKey { lookup_number: "Y".into(), ..license() };
        assert_eq!(wrong.wait_ms("lane-1", &other, 5), None);
        assert_eq!(wrong.wait_ms("lane-1", &license(), WINDOW - 1), Some(1));
        assert_eq!(wrong.wait_ms("lane-1", &license(), WINDOW), None);
    }
}
