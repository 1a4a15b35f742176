//! What a command sees of the rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::appointed::Appointed;
use crate::command::{LicenseKey, LineKey, Loaded, Nanos, PositionKey};
use crate::positions::{DrawRow, PositionRow};
use crate::state::LicenseState;
use crate::working::WorkingSet;

/// What a command sees: the rows that its keys name.
#[derive(Debug)]
pub struct View<'a, T> {
    /// When it is decided; never earlier than a decision before.
    pub decided_at: Nanos,
    /// Number that the verdict gets if it is recorded.
    pub verdict_no: i64,
    /// Identity of the ledger, part of every verdict's name.
    pub ledger_id: &'a str,
    /// Row number that a new license gets.
    pub next_license_id: i64,
    /// Whose signatures count, as far as operators said so in the ledger.
    pub appointed: &'a Arc<Appointed>,
    pub(crate) rows: &'a WorkingSet<T>,
}

impl<'a, T> View<'a, T> {
    /// Licenses with a key and number, by agency.
    #[must_use]
    pub fn licenses(&self, key: &LicenseKey) -> &'a [Loaded<T>] {
        self.rows.licenses.get(key).map_or(&[][..], Vec::as_slice)
    }

    /// The license of a draw.
    #[must_use]
    pub fn license_of(&self, draw: &DrawRow) -> Option<&'a Loaded<T>> {
        let of_row = |row: &&Loaded<T>| row.state.license_id == draw.license_id;
        self.licenses(&draw.license).iter().find(of_row)
    }

    /// The live draws of a line.
    #[must_use]
    pub fn line_draws(&self, line: &LineKey) -> &'a [DrawRow] {
        self.rows
            .draws
            .get(&line.declaration_number)
            .and_then(|draws| draws.by_line.get(&(line.shipment_no, line.line_no)))
            .map_or(&[][..], Vec::as_slice)
    }

    /// The live draws of a position, by line.
    pub fn draws(&self, position: &PositionKey) -> impl Iterator<Item = &'a DrawRow> + use<'a, T> {
        let shipment_no = position.shipment_no;
        self.rows
            .draws
            .get(&position.declaration_number)
            .into_iter()
            .flat_map(move |draws| draws.by_line.range((shipment_no, 0)..=(shipment_no, u32::MAX)))
            .flat_map(|(_, draws)| draws)
    }

    /// The positions of a declaration, by shipment.
    pub fn positions(
        &self,
        declaration_number: &str,
    ) -> impl Iterator<Item = (u32, &'a PositionRow)> + use<'a, T> {
        let rows: Option<&'a BTreeMap<u32, PositionRow>> =
            self.rows.positions.get(declaration_number);
        rows.into_iter().flatten().map(|(shipment_no, row)| (*shipment_no, row))
    }

    /// Where a declaration or one of its shipments stands.
    #[must_use]
    pub fn position(&self, key: &PositionKey) -> Option<&'a PositionRow> {
        self.rows.positions.get(&key.declaration_number)?.get(&key.shipment_no)
    }
}

/// The key by which a license is found.
#[must_use]
pub fn key_of(state: &LicenseState) -> LicenseKey {
    LicenseKey {
        permit_key: state.name.permit_key.clone(),
        lookup_number: state.name.lookup_number.clone(),
    }
}
