//! The feed of an agency: every movement of its licenses with its receipt, and alerts of their use.
//!
//! An event is told from the ledger's rows alone. So whoever goes on from an event gets exactly the
//! rest, after any restart, and whoever reads again reads the same.

use descargo_evidence::CodeSecret;
use descargo_ledger::feed::{FeedBounds, FeedPart, FeedRow};
use descargo_ledger::reader::Reader;
use descargo_model::pb::{self, watch_exercises_response::Event};
use prost::Message;

use crate::caller::{Caller, Role};
use crate::command::Terms;
use crate::place::Cursor;
use crate::recorded::Stored;
use crate::refusal::{Reason, Refusal};

/// How much one part of the feed reads and holds: about a tenth of a second and 1 MiB, and one
/// verdict more.
const BOUNDS: FeedBounds =
    FeedBounds { scanned_max: 20_000, rows_max: 500, bytes_max: 1024 * 1024 };

/// A part of the feed, for whoever sends it.
#[derive(Debug)]
pub struct Part {
    /// Serialised `WatchExercisesResponse`s, in order.
    pub events: Vec<Vec<u8>>,
    /// Where to go on. It may lie beyond the last event, where the movements are another agency's.
    pub cursor: String,
    /// Whether there may be more already.
    pub more: bool,
}

/// The feed of an agency, or of those that a hub is listed for, in one ledger.
pub(crate) struct Feed<'a> {
    secret: &'a CodeSecret,
    ledger_id: &'a str,
    caller: &'a Caller,
    /// What the feed tells of. Another list is another feed, so a cursor of the old one is refused:
    /// going on from it would leave out what an agency that is new in the list had before.
    scope: String,
}

impl<'a> Feed<'a> {
    /// The feed that the caller may watch: that of its own agency, or of a hub's.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED` when it speaks for none.
    pub fn of(
        secret: &'a CodeSecret,
        ledger_id: &'a str,
        caller: &'a Caller,
    ) -> Result<Self, Refusal> {
        let speaks = matches!(caller.role, Role::Agency | Role::Hub) && !caller.agencies.is_empty();
        match speaks {
            true => Ok(Self { secret, ledger_id, caller, scope: scope(caller) }),
            false => Err(Refusal::new(Reason::RoleNotAllowed, "this identity is no agency's")),
        }
    }

    /// The events after a cursor, as many as one part may hold.
    ///
    /// # Errors
    /// `CURSOR_INVALID` for a cursor that is not this agency's and this ledger's; a fault when the
    /// ledger cannot be read.
    pub fn part(&self, reader: &Reader<Terms>, cursor: &str) -> Result<Part, Refusal> {
        let from = self.read(cursor)?;
        let told =
            |license: &pb::LicenseId| self.caller.is_told_of(&license.agency, &license.permit_key);
        let part = reader.feed(&told, from.at, BOUNDS).map_err(|fault| Refusal::from(&fault))?;
        if from.at.verdict_no > part.last_verdict_no {
            return Err(Refusal::of_field(
                Reason::CursorInvalid,
                "cursor",
                "this ledger has not come so far",
            ));
        }
        self.told(from, &part)
    }

    fn read(&self, cursor: &str) -> Result<Cursor, Refusal> {
        Cursor::read(cursor, self.secret, &self.bound_to()).ok_or_else(|| {
            Refusal::of_field(
                Reason::CursorInvalid,
                "cursor",
                "not a cursor that this validator gave to this agency",
            )
        })
    }

    fn bound_to(&self) -> [&str; 3] {
        ["feed", self.ledger_id, &self.scope]
    }

    fn told(&self, from: Cursor, part: &FeedPart) -> Result<Part, Refusal> {
        let mut events = Vec::with_capacity(part.rows.len());
        let mut last = from;
        let mut stored: Option<(i64, Stored)> = None;
        for row in &part.rows {
            let kept = stored.take().filter(|(verdict_no, _)| *verdict_no == row.place.verdict_no);
            let (verdict_no, verdict) = match kept {
                Some(kept) => kept,
                None => (row.place.verdict_no, Stored::read(row)?),
            };
            let told_before = if row.place == from.at { from.told } else { 0 };
            for (event, told) in told_of(&verdict, row)?.into_iter().zip(1..) {
                last = Cursor { at: row.place, told };
                if told > told_before {
                    let receipt = match event {
                        Event::Movement(_) => verdict.receipt.clone(),
                        _ => None,
                    };
                    let cursor = last.text(self.secret, &self.bound_to());
                    let response =
                        pb::WatchExercisesResponse { cursor, receipt, event: Some(event) };
                    events.push(response.encode_to_vec());
                }
            }
            stored = Some((verdict_no, verdict));
        }
        if last.at < part.looked_to {
            last = Cursor { at: part.looked_to, told: 1 };
        }
        let cursor = match last == Cursor::default() {
            true => String::new(),
            false => last.text(self.secret, &self.bound_to()),
        };
        Ok(Part { events, cursor, more: part.more })
    }
}

/// The agencies of a feed as one text, with their keys where those bound it.
fn scope(caller: &Caller) -> String {
    let each = caller.agencies.iter().map(|listed| match listed.permit_keys.as_slice() {
        keys if keys.is_empty() || caller.role == Role::Agency => listed.agency.clone(),
        keys => format!("{}:{}", listed.agency, keys.join(",")),
    });
    each.collect::<Vec<_>>().join(";")
}

/// The movement, and what is to be said of it.
fn told_of(verdict: &Stored, row: &FeedRow) -> Result<Vec<Event>, Refusal> {
    let mut events = vec![Event::Movement(verdict.movement(row)?)];
    events.extend(row.marks.iter().map(|percent| {
        Event::Alert(pb::Alert {
            kind: pb::AlertKind::Usage.into(),
            license: Some(row.license.clone()),
            license_line_no: row.license_line_no,
            percent: *percent,
            on_date: String::new(),
        })
    }));
    Ok(events)
}
