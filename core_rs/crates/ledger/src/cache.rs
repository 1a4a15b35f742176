//! Immutable license contents in memory. Balances and statuses are never cached.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Contents kept at most. A content is 1 to 3 KiB for a license of a few lines: under 100 MiB.
const CONTENTS_MAX: usize = 32_768;

type Place = (i64, u32);

/// Contents by license and version.
pub struct TermsCache<T> {
    contents: RwLock<Generations<T>>,
}

/// Two generations: when the young one is full it becomes the old one and the old one goes. What is
/// asked for moves to the young one, so hot licenses stay, without a list to keep in order.
struct Generations<T> {
    young: HashMap<Place, Arc<T>>,
    old: HashMap<Place, Arc<T>>,
}

impl<T> Default for TermsCache<T> {
    fn default() -> Self {
        let contents = RwLock::new(Generations { young: HashMap::new(), old: HashMap::new() });
        Self { contents }
    }
}

impl<T> TermsCache<T> {
    pub(crate) fn get(&self, place: Place) -> Option<Arc<T>> {
        let found = {
            let contents = self.contents.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = contents.young.get(&place) {
                return Some(found.clone());
            }
            contents.old.get(&place).cloned()
        };
        if let Some(found) = &found {
            self.put(place, found.clone());
        }
        found
    }

    pub(crate) fn put(&self, place: Place, terms: Arc<T>) {
        let mut contents = self.contents.write().unwrap_or_else(PoisonError::into_inner);
        if contents.young.len() >= CONTENTS_MAX / 2 {
            contents.old = std::mem::take(&mut contents.young);
        }
        contents.young.insert(place, terms);
    }
}
