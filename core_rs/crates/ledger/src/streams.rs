//! Positions of streams that resume: who is at which item, and whose turn it is.
//!
//! A position moves in the transaction that stores the answer. Each opening of a stream gets the
//! next epoch, and an item of an older one is refused, also when another process serves it: the
//! agency that opened again has been told a position that must not move under it.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::command::Nanos;
use crate::error::StoreFault;

/// Positions kept for each caller; those opened longest ago go first.
const POSITIONS_KEPT_PER_CALLER: i64 = 1_000;

/// Names a stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// Whose it is.
    pub caller: String,
    /// Name that the caller keeps over its connections.
    pub stream_id: String,
}

/// What a command does on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Opens it; the reply is a [`Position`].
    Open,
    /// Is its item.
    Item {
        /// Of the opening that it came by.
        epoch: u64,
        /// Its number, from 1 on.
        sequence: u64,
    },
}

/// A command's place on a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The stream.
    pub key: StreamKey,
    /// The step.
    pub step: Step,
}

/// Where a stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Of its last opening.
    pub epoch: u64,
    /// Last item whose answer is durable.
    pub answered_sequence: u64,
}

impl Position {
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.epoch) << 64 | u128::from(self.answered_sequence)).to_be_bytes()
    }

    /// The position in the reply to an opening.
    #[must_use]
    pub fn from_reply(reply: &[u8]) -> Option<Self> {
        let (epoch, answered) = reply.split_first_chunk::<8>()?;
        Some(Self {
            epoch: u64::from_be_bytes(*epoch),
            answered_sequence: u64::from_be_bytes(answered.try_into().ok()?),
        })
    }
}

/// Why an item is not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfTurn {
    /// The stream was opened again since.
    Superseded,
    /// An item before it has no answer.
    Gap,
}

/// The positions of a batch.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    rows: HashMap<StreamKey, Turn>,
}

#[derive(Debug)]
struct Turn {
    position: Position,
    opened: bool,
    moved: bool,
}

impl Turns {
    /// Reads the position of a stream, once for a batch.
    pub fn load(&mut self, connection: &Connection, place: &Place) -> Result<(), StoreFault> {
        if self.rows.contains_key(&place.key) {
            return Ok(());
        }
        let found = connection
            .prepare_cached(
                "SELECT epoch, answered_sequence FROM stream_position
                 WHERE caller = ?1 AND stream_id = ?2",
            )?
            .query_row(params![place.key.caller, place.key.stream_id], |row| {
                Ok(Position {
                    epoch: row.get::<_, i64>(0)?.cast_unsigned(),
                    answered_sequence: row.get::<_, i64>(1)?.cast_unsigned(),
                })
            })
            .optional()?;
        let position = found.unwrap_or(Position { epoch: 0, answered_sequence: 0 });
        self.rows.insert(place.key.clone(), Turn { position, opened: false, moved: false });
        Ok(())
    }

    /// Opens a stream: whoever had it open is superseded.
    pub fn open(&mut self, key: &StreamKey) -> Option<Position> {
        let turn = self.rows.get_mut(key)?;
        turn.position.epoch = turn.position.epoch.saturating_add(1);
        turn.opened = true;
        Some(turn.position)
    }

    /// Whether it is an item's turn: the next one's, or that of one that was answered before.
    pub fn check(&self, key: &StreamKey, epoch: u64, sequence: u64) -> Result<(), OutOfTurn> {
        let turn = self.rows.get(key).ok_or(OutOfTurn::Superseded)?;
        if turn.position.epoch != epoch {
            return Err(OutOfTurn::Superseded);
        }
        match sequence <= turn.position.answered_sequence.saturating_add(1) {
            true => Ok(()),
            false => Err(OutOfTurn::Gap),
        }
    }

    /// The item is answered.
    pub fn advance(&mut self, key: &StreamKey, sequence: u64) {
        if let Some(turn) = self.rows.get_mut(key)
            && sequence > turn.position.answered_sequence
        {
            turn.position.answered_sequence = sequence;
            turn.moved = true;
        }
    }

    /// Writes what changed.
    pub fn save(&self, connection: &Connection, now: Nanos) -> Result<(), StoreFault> {
        for (key, turn) in &self.rows {
            if turn.opened {
                save_opened(connection, key, turn.position, now)?;
            } else if turn.moved {
                connection
                    .prepare_cached(
                        "UPDATE stream_position SET answered_sequence = ?3
                         WHERE caller = ?1 AND stream_id = ?2",
                    )?
                    .execute(params![
                        key.caller,
                        key.stream_id,
                        turn.position.answered_sequence.cast_signed()
                    ])?;
            }
        }
        Ok(())
    }
}

fn save_opened(
    connection: &Connection,
    key: &StreamKey,
    position: Position,
    now: Nanos,
) -> Result<(), StoreFault> {
    connection
        .prepare_cached(
            "INSERT INTO stream_position VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET epoch = excluded.epoch,
                 answered_sequence = excluded.answered_sequence, opened_at = excluded.opened_at",
        )?
        .execute(params![
            key.caller,
            key.stream_id,
            position.epoch.cast_signed(),
            position.answered_sequence.cast_signed(),
            now
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM stream_position WHERE caller = ?1 AND stream_id IN
             (SELECT stream_id FROM stream_position WHERE caller = ?1
              ORDER BY opened_at DESC, stream_id LIMIT -1 OFFSET ?2)",
        )?
        .execute(params![key.caller, POSITIONS_KEPT_PER_CALLER])?;
    Ok(())
}
