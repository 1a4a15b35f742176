//! Changes of licenses that exist: what the rules see of one, and what becomes of it.

use std::sync::Arc;

use descargo_ledger::command::{Loaded, View};
use descargo_ledger::state::{self, LicenseState, Moment, Movement, StateError};
use descargo_model::date::Day;
use descargo_model::decimal::AmountValue;
use descargo_model::pb::{self, LicenseStatus, submission::Change};
use descargo_rules::submission::{LicenseChange, Present};
use descargo_rules::terms::LicenseTerms;
use jiff::Timestamp;
use prost::Message;

use crate::clock::instant;
use crate::command::Terms;

/// A license with its present content decoded.
pub(crate) struct Standing<'a> {
    pub row: &'a Loaded<Terms>,
    pub license: pb::License,
    pub status: LicenseStatus,
    used: Vec<(u32, AmountValue)>,
    moment: Moment,
}

impl<'a> Standing<'a> {
    /// Reads a loaded license; `None` when its content is damaged.
    pub fn read(row: &'a Loaded<Terms>, view: &View<'_, Terms>) -> Option<Self> {
        let license = pb::License::decode(row.content.as_deref()?).ok()?;
        let moment =
            Moment { at: instant(view.decided_at), valid_to: Day::parse(&license.valid_to).ok()? };
        let balances = row.state.balances.iter();
        let used = balances
            .map(|balance| Some((balance.license_line_no, balance.used().ok()?)))
            .collect::<Option<_>>()?;
        let status = row.state.status_at(moment.at, moment.valid_to);
        Some(Self { row, license, status, used, moment })
    }

    /// What the rules see of it.
    pub fn present(&self) -> Present<'_> {
        Present {
            version: self.row.state.version,
            status: self.status,
            license: &self.license,
            used: &self.used,
            stops: &self.row.state.stops,
        }
    }

    /// Whether a version of it is in doubt.
    pub fn doubts(&self, version: u32) -> bool {
        self.row.state.doubtful.contains(&version)
    }

    /// Takes the doubt from a version that was signed again.
    ///
    /// # Errors
    /// A sentence, when the version is in none.
    pub fn signed_again(&self, version: u32) -> Result<(LicenseState, Movement), String> {
        let notified = self.license.notified_at.is_some();
        let (state, movement) =
            state::sign_again(&self.row.state, version, notified, self.moment.at)
                .map_err(|error| format!("a version cannot be signed again: {error}"))?;
        let status = state.status_at(self.moment.at, self.moment.valid_to);
        Ok((state, Movement { status, ..movement }))
    }

    /// Makes a change that nothing speaks against.
    ///
    /// # Errors
    /// A sentence: what the rules let pass does not fit the license, which is our fault.
    pub fn changed(&self, change: LicenseChange, stated: &Change) -> Result<Next, String> {
        let ends_suspension = match &change {
            LicenseChange::Reinstatement(version) => Some(*version),
            _ => None,
        };
        let (state, movements) =
            state::change(&self.row.state, &step(change), self.moment).map_err(fault)?;
        let license = content(&self.license, stated);
        let terms = LicenseTerms::parse(&state.name.to_pb(), &license)
            .map_err(|error| error.to_string())?;
        let movements = shown(&state, movements, self.moment.at, terms.valid_to);
        let terms = Arc::new(Terms::new(terms));
        Ok(Next { state, movements, content: license.encode_to_vec(), terms, ends_suspension })
    }
}

/// A license after a change.
pub(crate) struct Next {
    pub state: LicenseState,
    pub movements: Vec<Movement>,
    pub content: Vec<u8>,
    pub terms: Arc<Terms>,
    pub ends_suspension: Option<u32>,
}

/// Movements with the status that is shown, which knows suspensions and last days.
pub(crate) fn shown(
    state: &LicenseState,
    mut movements: Vec<Movement>,
    at: Timestamp,
    valid_to: Day,
) -> Vec<Movement> {
    let status = state.status_at(at, valid_to);
    movements.iter_mut().for_each(|movement| movement.status = status);
    movements
}

fn step(change: LicenseChange) -> state::Change {
    match change {
        LicenseChange::Amendment(lines) => state::Change::Amend(lines),
        LicenseChange::Extension(_) => state::Change::Extend,
        LicenseChange::Stop(stop) => state::Change::Stop(stop),
        LicenseChange::Reinstatement(version) => state::Change::Reinstate(version),
        LicenseChange::Notification => state::Change::Notify,
    }
}

/// The content of the version that a change makes: stops are no content, so they keep it.
fn content(before: &pb::License, change: &Change) -> pb::License {
    match change {
        Change::Amendment(license) => license.clone(),
        Change::Extension(extension) => {
            pb::License { valid_to: extension.valid_to.clone(), ..before.clone() }
        }
        Change::Notification(at) => pb::License { notified_at: Some(*at), ..before.clone() },
        _ => before.clone(),
    }
}

fn fault(error: StateError) -> String {
    format!("a change without finding cannot be made: {error}")
}
