//! Loads the rows that a command's keys name, each once for a batch.

use std::sync::Arc;

use rusqlite::Connection;

use crate::cache::TermsCache;
use crate::command::{Keys, LicenseKey, Loaded, Terms};
use crate::error::StoreFault;
use crate::state::LicenseState;
use crate::working::WorkingSet;
use crate::{quarantine, rows};

pub(crate) fn rows_of<T: Terms>(
    connection: &Connection,
    cache: &TermsCache<T>,
    set: &mut WorkingSet<T>,
    keys: &Keys,
) -> Result<(), StoreFault> {
    if let Some((key, _)) = &keys.request
        && !set.outcomes.contains_key(key)
        && let Some(outcome) = rows::outcome(connection, key)?
    {
        set.outcomes.insert(key.clone(), outcome);
    }
    if let Some(key) = &keys.license {
        licenses(connection, cache, set, key, keys)?;
    }
    if let Some(line) = &keys.line {
        if !set.draws.contains_key(line) {
            set.draws.insert(line.clone(), rows::draws(connection, line)?);
        }
        let place = (line.declaration_number.clone(), line.shipment_no);
        if !set.positions.contains_key(&place)
            && let Some(position) = rows::position(connection, &place.0, place.1)?
        {
            set.positions.insert(place, position);
        }
    }
    Ok(())
}

fn licenses<T: Terms>(
    connection: &Connection,
    cache: &TermsCache<T>,
    set: &mut WorkingSet<T>,
    key: &LicenseKey,
    keys: &Keys,
) -> Result<(), StoreFault> {
    if !set.licenses.contains_key(key) {
        let states = rows::licenses(connection, key)?;
        let loaded = states
            .into_iter()
            .map(|state| Loaded {
                state,
                terms: None,
                content: None,
                versions: Vec::new(),
                resigned: Vec::new(),
            })
            .collect::<Vec<_>>();
        set.licenses.insert(key.clone(), loaded);
    }
    for row in set.licenses.get_mut(key).into_iter().flatten() {
        if keys.terms && row.terms.is_none() {
            row.terms = Some(terms(connection, cache, &row.state)?);
        }
        if keys.content && row.content.is_none() {
            row.content = rows::content(connection, row.state.license_id, row.state.version)?;
        }
        if keys.resigned && row.resigned.is_empty() {
            row.resigned = quarantine::resigned(connection, row.state.license_id)?;
        }
        // Requests of one batch may ask for several versions; none may hide another's.
        if let Some(asked) = keys.version
            && row.version(asked).is_none()
            && let Some(mark) = rows::version(connection, row.state.license_id, asked)?
        {
            row.versions.push(mark);
        }
    }
    Ok(())
}

/// The terms of the license's present version: cached, since a version's content never changes.
fn terms<T: Terms>(
    connection: &Connection,
    cache: &TermsCache<T>,
    state: &LicenseState,
) -> Result<Arc<T>, StoreFault> {
    let place = (state.license_id, state.version);
    if let Some(found) = cache.get(place) {
        return Ok(found);
    }
    let damaged = || StoreFault::damaged("license_version.content", state.license_id);
    let content =
        rows::content(connection, state.license_id, state.version)?.ok_or_else(damaged)?;
    let terms = Arc::new(T::read(state, &content).map_err(|_| damaged())?);
    cache.put(place, terms.clone());
    Ok(terms)
}
