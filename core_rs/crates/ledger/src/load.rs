//! Loads the rows that a command's keys name, each once for a batch.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::Connection;

use crate::cache::TermsCache;
use crate::command::{Keys, LicenseKey, LineKey, Loaded, Terms};
use crate::error::StoreFault;
use crate::state::LicenseState;
use crate::working::{Draws, WorkingSet};
use crate::{position_rows, quarantine, rows};

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
    for key in &keys.licenses {
        licenses(connection, cache, set, key, keys)?;
    }
    if let Some(line) = &keys.line {
        positions(connection, set, &line.declaration_number)?;
        line_draws(connection, set, line)?;
        // Whether a line's is the last hold of its declaration is told by the others.
        let rows = set.positions.get(&line.declaration_number);
        if rows.is_some_and(|rows| rows.values().any(|row| row.lease_until.is_some())) {
            whole(connection, set, &line.declaration_number)?;
        }
    }
    for declaration_number in &keys.declarations {
        positions(connection, set, declaration_number)?;
        for key in whole(connection, set, declaration_number)? {
            licenses(connection, cache, set, &key, keys)?;
        }
    }
    Ok(())
}

fn positions<T: Terms>(
    connection: &Connection,
    set: &mut WorkingSet<T>,
    declaration_number: &str,
) -> Result<(), StoreFault> {
    if !set.positions.contains_key(declaration_number) {
        let rows = position_rows::positions(connection, declaration_number)?;
        let rows = rows.into_iter().map(|(key, row)| (key.shipment_no, row)).collect();
        set.positions.insert(declaration_number.to_owned(), rows);
    }
    Ok(())
}

fn line_draws<T: Terms>(
    connection: &Connection,
    set: &mut WorkingSet<T>,
    line: &LineKey,
) -> Result<(), StoreFault> {
    let place = (line.shipment_no, line.line_no);
    let known = |draws: &Draws| draws.whole || draws.by_line.contains_key(&place);
    if !set.draws.get(&line.declaration_number).is_some_and(known) {
        let rows = position_rows::line_draws(connection, line)?;
        let draws = set.draws.entry(line.declaration_number.clone()).or_default();
        draws.by_line.insert(place, rows.into_iter().map(|(_, row)| row).collect());
    }
    Ok(())
}

/// Loads every draw of a declaration and tells the licenses that they draw from.
fn whole<T: Terms>(
    connection: &Connection,
    set: &mut WorkingSet<T>,
    declaration_number: &str,
) -> Result<BTreeSet<LicenseKey>, StoreFault> {
    if !set.draws.get(declaration_number).is_some_and(|draws| draws.whole) {
        let mut draws = Draws { whole: true, ..Draws::default() };
        for (shipment_no, row) in position_rows::draws(connection, declaration_number)? {
            draws.by_line.entry((shipment_no, row.line_no)).or_default().push(row);
        }
        set.draws.insert(declaration_number.to_owned(), draws);
    }
    let draws = set.draws.get(declaration_number);
    let rows = draws.into_iter().flat_map(|draws| draws.by_line.values().flatten());
    Ok(rows.map(|row| row.license.clone()).collect())
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
