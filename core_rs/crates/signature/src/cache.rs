//! What is remembered about certificates: everything that depends neither on the message, nor on
//! the moment, nor on the revocations.
//!
//! Only certificates with a way to a root are remembered, so a stranger's flood of certificates
//! made at home cannot push out those that agencies use. Two generations bound it: when the young
//! one is full it becomes the old one, and what is asked for again moves back.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock};

use crate::CACHE_ENTRIES_MAX;

/// Bounded, shared memory by certificate fingerprint.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    generations: RwLock<Generations<T>>,
    generation_max: usize,
}

#[derive(Debug)]
struct Generations<T> {
    young: HashMap<[u8; 32], Arc<T>>,
    old: HashMap<[u8; 32], Arc<T>>,
}

impl<T> Cache<T> {
    pub(crate) fn new() -> Cache<T> {
        Cache::of_entries(CACHE_ENTRIES_MAX)
    }

    fn of_entries(entries_max: usize) -> Cache<T> {
        let generations = Generations { young: HashMap::new(), old: HashMap::new() };
        Cache { generations: RwLock::new(generations), generation_max: entries_max / 2 }
    }

    pub(crate) fn get(&self, fingerprint: &[u8; 32]) -> Option<Arc<T>> {
        let found = {
            // A panic while the lock was held leaves whole entries behind, since each is one
            // insert; so a poisoned lock is still good.
            let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
            match generations.young.get(fingerprint) {
                Some(young) => return Some(Arc::clone(young)),
                None => generations.old.get(fingerprint).map(Arc::clone)?,
            }
        };
        self.put(*fingerprint, Arc::clone(&found));
        Some(found)
    }

    pub(crate) fn put(&self, fingerprint: [u8; 32], entry: Arc<T>) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= self.generation_max {
            generations.old = mem::take(&mut generations.young);
        }
        generations.young.insert(fingerprint, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> [u8; 32] {
        [number; 32]
    }

    fn entries(cache: &Cache<u8>) -> usize {
        let generations = cache.generations.read().unwrap();
        generations.young.keys().chain(generations.old.keys()).count()
    }

    #[test]
    fn it_never_holds_more_than_its_limit() {
        let cache = Cache::of_entries(8);
        for number in 0..100 {
            cache.put(key(number), Arc::new(number));
            assert!(entries(&cache) <= 8);
        }
        assert_eq!(cache.get(&key(99)).as_deref(), Some(&99));
        assert_eq!(cache.get(&key(0)), None);
    }

    #[test]
    fn what_is_asked_for_stays() {
        let cache = Cache::of_entries(8);
        cache.put(key(200), Arc::new(200));
        for number in 0..100 {
            cache.put(key(number), Arc::new(number));
            assert_eq!(cache.get(&key(200)).as_deref(), Some(&200), "after {number}");
        }
    }
}
