//! How much of a stream is under way, and what may come next: sequence, credit, and the end.

use std::collections::VecDeque;

use crate::limits::{CREDIT_BYTES, CREDIT_ITEMS};
use crate::refusal::{Reason, Refusal};

/// The state of one opening.
#[derive(Debug, Default)]
pub(crate) struct Window {
    phase: Phase,
    /// Where the next frame begins; any answered item or the one after them before the first frame.
    next_sequence: Option<u64>,
    next_piece: u64,
    items: usize,
    bytes: usize,
    /// Items and bytes of the messages that the agency's connection has not taken yet.
    unread: VecDeque<(usize, usize)>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Opening,
    Open {
        epoch: u64,
        answered_sequence: u64,
    },
    Over,
}

/// A frame that was let in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub epoch: u64,
    /// Number of its first piece; every piece of a stream has one.
    pub first_piece: u64,
}

impl Window {
    pub fn open(&mut self, epoch: u64, answered_sequence: u64) {
        if self.phase == Phase::Opening {
            self.phase = Phase::Open { epoch, answered_sequence };
        }
    }

    /// Ends it; answers whether it was not over yet.
    pub fn end(&mut self) -> bool {
        std::mem::replace(&mut self.phase, Phase::Over) != Phase::Over
    }

    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Lets a frame in; `None` when the stream is over, which its agency is told otherwise.
    ///
    /// # Errors
    /// `SEQUENCE_GAP` or `CREDIT_EXCEEDED`: the frame is not let in.
    pub fn take(
        &mut self,
        first_sequence: u64,
        items: usize,
        bytes: usize,
        piece: usize,
    ) -> Result<Option<Taken>, Refusal> {
        let (epoch, answered) = match self.phase {
            Phase::Over => return Ok(None),
            Phase::Opening => return Err(gap(first_sequence, "the stream is not open yet")),
            Phase::Open { epoch, answered_sequence } => (epoch, answered_sequence),
        };
        let next = answered.saturating_add(1);
        let count = u64::try_from(items).unwrap_or(u64::MAX);
        let fits = match self.next_sequence {
            Some(expected) => first_sequence == expected,
            None => (1..=next).contains(&first_sequence),
        };
        let Some(end) = first_sequence.checked_add(count).filter(|_| fits) else {
            return Err(gap(
                first_sequence,
                &match self.next_sequence {
                    Some(expected) => format!("the next item is {expected}"),
                    None => format!("the last answered sequence is {answered}"),
                },
            ));
        };
        let (items, bytes) = (self.items.saturating_add(items), self.bytes.saturating_add(bytes));
        if items > CREDIT_ITEMS || bytes > CREDIT_BYTES {
            return Err(Refusal::of_field(
                Reason::CreditExceeded,
                "items",
                format!(
                    "{items} items and {bytes} bytes would be without an answer, at most \
                     {CREDIT_ITEMS} and {CREDIT_BYTES}"
                ),
            ));
        }
        let first_piece = self.next_piece;
        let pieces = count.div_ceil(u64::try_from(piece.max(1)).unwrap_or(u64::MAX));
        self.next_piece = first_piece.saturating_add(pieces);
        self.next_sequence = Some(end);
        (self.items, self.bytes) = (items, bytes);
        Ok(Some(Taken { epoch, first_piece }))
    }

    /// A message with the answers to so many items is on its way.
    pub fn told(&mut self, items: usize, bytes: usize) {
        self.unread.push_back((items, bytes));
    }

    /// The oldest message goes out.
    pub fn wrote(&mut self) {
        if let Some((items, bytes)) = self.unread.pop_front() {
            self.items = self.items.saturating_sub(items);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Items whose answers did not go out yet.
    pub fn waiting(&self) -> usize {
        self.items
    }
}

fn gap(first_sequence: u64, why: &str) -> Refusal {
    Refusal::of_field(
        Reason::SequenceGap,
        "first_sequence",
        format!("the frame begins at {first_sequence}, but {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(answered_sequence: u64) -> Window {
        let mut window = Window::default();
        window.open(3, answered_sequence);
        window
    }

    fn take(window: &mut Window, first: u64, items: usize) -> Result<u64, Reason> {
        match window.take(first, items, 10, 25) {
            Ok(taken) => Ok(taken.unwrap().first_piece),
            Err(refusal) => Err(refusal.reason),
        }
    }

    #[test]
    fn the_first_frame_begins_behind_the_position_or_before_and_each_other_where_one_ended() {
        for (first, expected) in [
            (0, Err(Reason::SequenceGap)),
            (1, Ok(0)),
            (10, Ok(0)),
            (11, Ok(0)),
            (12, Err(Reason::SequenceGap)),
            (u64::MAX, Err(Reason::SequenceGap)),
        ] {
            assert_eq!(take(&mut open(10), first, 5), expected, "{first}");
        }
        let mut window = open(10);
        assert_eq!(take(&mut window, 11, 51), Ok(0));
        assert_eq!(take(&mut window, 61, 1), Err(Reason::SequenceGap));
        assert_eq!(take(&mut window, 63, 1), Err(Reason::SequenceGap));
        assert_eq!(take(&mut window, 62, 1), Ok(3), "51 items were three pieces");
    }

    #[test]
    fn credit_is_used_by_items_until_their_answers_are_taken() {
        let mut window = open(0);
        for first in [1, 501, 1_001, 1_501] {
            take(&mut window, first, 500).unwrap();
        }
        assert_eq!(take(&mut window, 2_001, 1), Err(Reason::CreditExceeded));
        window.told(64, 1);
        assert_eq!(take(&mut window, 2_001, 1), Err(Reason::CreditExceeded), "not taken yet");
        window.wrote();
        assert_eq!(window.waiting(), CREDIT_ITEMS - 64);
        assert_eq!(take(&mut window, 2_001, 65), Err(Reason::CreditExceeded));
        assert!(take(&mut window, 2_001, 64).is_ok());
    }

    #[test]
    fn credit_is_used_by_bytes_too() {
        let mut window = open(0);
        assert!(window.take(1, 1, CREDIT_BYTES, 25).is_ok());
        let refusal = window.take(2, 1, 1, 25).unwrap_err();
        assert_eq!(refusal.reason, Reason::CreditExceeded);
    }

    #[test]
    fn a_stream_ends_once() {
        let mut window = open(0);
        assert!(window.end());
        assert!(!window.end());
        window.open(4, 0);
        assert_eq!(window.take(1, 1, 1, 25), Ok(None));
    }
}
