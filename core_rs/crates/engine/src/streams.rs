//! Streams of submissions: many items over one connection, answered in order, resumed after a cut.
//!
//! A frame's items are read and their signatures checked by the pool, in pieces of
//! [`PIECE`] items on every core; the pieces are put in order again and wait in the ledger's bulk
//! queue, where each item is a command of its own. Its answer and the stream's position become
//! durable together. What an agency has not taken yet is bounded by its credit, so a stream costs at
//! most [`CREDIT_BYTES`](crate::limits::CREDIT_BYTES) of requests and the answers to as many items.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use descargo_ledger::group::{GroupCommit, NotQueued};
use descargo_ledger::streams::{Place, Step, StreamKey};
use descargo_model::wire::{self, Value};

use crate::caller::Caller;
use crate::command::{Command, Desk, Queued};
use crate::deliver::{Notify, Tag};
use crate::frame::Frame;
use crate::limits::{STREAMS_MAX, STREAMS_PER_CALLER_MAX};
use crate::pool::Pool;
use crate::refusal::{Reason, Refusal};
use crate::submit::Submit;
use crate::window::{Taken, Window};

/// Items that one thread checks at a time.
const PIECE: usize = 25;
/// How long an agency waits when as many streams are open as may be.
const RETRY_AFTER_MS: u64 = 1_000;
/// Longest key that is repeated in an answer; a longer one is none.
const REQUEST_ID_BYTES_MAX: usize = 36;

/// One opening of a stream.
pub struct Stream {
    pub(crate) ticket: u64,
    pub(crate) window: Mutex<Window>,
    caller: Arc<Caller>,
    key: StreamKey,
    order: Mutex<Order>,
}

/// Pieces that are checked, until those before them are.
#[derive(Default)]
struct Order {
    checked: BTreeMap<u64, Vec<(Tag, Command)>>,
    next: u64,
}

/// An item that waits for its answer.
pub(crate) struct Sent {
    pub sequence: u64,
    pub request_id: String,
    pub bytes: usize,
}

impl Stream {
    /// Its answers carry this ticket, each of them.
    #[must_use]
    pub fn ticket(&self) -> u64 {
        self.ticket
    }

    pub(crate) fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All streams of the validator.
pub struct Streams {
    floor: Arc<Floor>,
    notify: Arc<Notify>,
    pool: Pool,
    tickets: Arc<AtomicU64>,
    open: Mutex<HashMap<StreamKey, Arc<Stream>>>,
}

/// What the pool's threads need.
struct Floor {
    desk: Arc<Desk>,
    queue: Arc<GroupCommit<Command, Tag>>,
    notify: Arc<Notify>,
}

impl Streams {
    pub(crate) fn start(
        desk: Arc<Desk>,
        queue: Arc<GroupCommit<Command, Tag>>,
        notify: Arc<Notify>,
        tickets: Arc<AtomicU64>,
    ) -> std::io::Result<Self> {
        Ok(Self {
            floor: Arc::new(Floor { desk, queue, notify: notify.clone() }),
            notify,
            pool: Pool::start()?,
            tickets,
            open: Mutex::new(HashMap::new()),
        })
    }

    /// Opens a stream by its first message. Whoever had it open is superseded. The first outcome of
    /// its ticket tells where it stands.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be opened.
    pub fn open(&self, caller: &Arc<Caller>, first: &[u8]) -> Result<Arc<Stream>, Refusal> {
        let key = StreamKey { caller: caller.name.clone(), stream_id: Frame::opening(first)? };
        let stream = Arc::new(Stream {
            ticket: self.tickets.fetch_add(1, Ordering::Relaxed),
            window: Mutex::default(),
            caller: caller.clone(),
            key: key.clone(),
            order: Mutex::default(),
        });
        let command = Command {
            desk: self.floor.desk.clone(),
            deadline: None,
            matter: Queued::Opening,
            place: Some(Place { key: key.clone(), step: Step::Open }),
        };
        // Held over both, so that the one that is open is the one that the ledger opened last.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !open.contains_key(&key) {
            within_bounds(&open, &key)?;
        }
        self.floor
            .queue
            .submit(Tag::Opening(stream.clone()), command)
            .map_err(crate::engine::not_queued)?;
        if let Some(earlier) = open.insert(key, stream.clone())
            && earlier.window().end()
        {
            (self.notify)(vec![(earlier.ticket, Err(superseded()))]);
        }
        Ok(stream)
    }

    /// Takes a frame, and tells how many items it has; their answers come by the stream's ticket, in
    /// order.
    ///
    /// # Errors
    /// [`Refusal`]: nothing of the frame is done, and the stream is to end with it once everything
    /// before is answered.
    pub fn frame(&self, stream: &Arc<Stream>, bytes: &[u8]) -> Result<usize, Refusal> {
        let frame = Frame::read(bytes)?;
        let count = frame.items.len();
        let sizes = frame.items.iter().map(Vec::len).sum();
        let mut window = stream.window();
        let Some(Taken { epoch, first_piece }) =
            window.take(frame.first_sequence, count, sizes, PIECE)?
        else {
            return Ok(0);
        };
        drop(window);
        let mut items = frame.items.into_iter().zip(frame.first_sequence..).peekable();
        for piece_no in first_piece.. {
            if items.peek().is_none() {
                break;
            }
            let piece: Vec<(Vec<u8>, u64)> = items.by_ref().take(PIECE).collect();
            let (floor, stream) = (self.floor.clone(), stream.clone());
            self.pool.run(move || floor.check(&stream, epoch, piece_no, &piece));
        }
        Ok(count)
    }

    /// One message of answers goes out to the agency: its items use no credit any more.
    pub fn wrote(&self, stream: &Stream) {
        stream.window().wrote();
    }

    /// How many items have no answer that went out.
    pub fn waiting(&self, stream: &Stream) -> usize {
        stream.window().waiting()
    }

    /// Closes a stream. What it had queued is still decided; resuming it gets the answers.
    pub fn close(&self, stream: &Arc<Stream>) {
        stream.window().end();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(&stream.key).is_some_and(|current| Arc::ptr_eq(current, stream)) {
            open.remove(&stream.key);
        }
    }

    /// Closes every stream and ends the pool.
    pub(crate) fn stop(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for stream in open.values() {
            if stream.window().end() {
                let why = crate::engine::not_queued(NotQueued::Stopping);
                (self.notify)(vec![(stream.ticket, Err(why))]);
            }
        }
        self.pool.stop();
    }
}

impl Floor {
    /// Reads the items of a piece, checks their signatures, and queues what is in order now.
    fn check(&self, stream: &Arc<Stream>, epoch: u64, piece_no: u64, items: &[(Vec<u8>, u64)]) {
        if stream.window().is_over() {
            return;
        }
        let checked =
            items.iter().map(|(item, sequence)| self.read(stream, epoch, item, *sequence));
        let checked = checked.collect();
        let mut order = stream.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.checked.insert(piece_no, checked);
        // The lock is held while the queue is full: a later piece must not overtake this one.
        loop {
            let next = order.next;
            let Some(piece) = order.checked.remove(&next) else { return };
            order.next = next.saturating_add(1);
            if let Err(why) = self.queue.submit_bulk(piece) {
                if stream.window().end() {
                    (self.notify)(vec![(stream.ticket, Err(crate::engine::not_queued(why)))]);
                }
                return;
            }
        }
    }

    fn read(&self, stream: &Arc<Stream>, epoch: u64, item: &[u8], sequence: u64) -> (Tag, Command) {
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| {
            Submit::read(stream.caller.clone(), item, self.desk.authorities.present())
        }));
        let matter = match read {
            Ok(Ok(submit)) => Queued::Submit(Box::new(submit)),
            Ok(Err(refusal)) => Queued::Unfit(refusal),
            Err(_) => Queued::Unfit(Refusal::new(Reason::Fault, "the item cannot be read")),
        };
        let sent = Sent { sequence, request_id: request_id(item), bytes: item.len() };
        let place = Place { key: stream.key.clone(), step: Step::Item { epoch, sequence } };
        let command =
            Command { desk: self.desk.clone(), deadline: None, matter, place: Some(place) };
        (Tag::Item(stream.clone(), sent), command)
    }
}

fn within_bounds(open: &HashMap<StreamKey, Arc<Stream>>, key: &StreamKey) -> Result<(), Refusal> {
    let own = open.keys().filter(|other| other.caller == key.caller).count();
    if own >= STREAMS_PER_CALLER_MAX {
        return Err(Refusal::new(
            Reason::LimitExceeded,
            format!("{own} streams are open, at most {STREAMS_PER_CALLER_MAX}"),
        ));
    }
    match open.len() < STREAMS_MAX {
        true => Ok(()),
        false => Err(Refusal::new(Reason::Overloaded, "too many streams are open")
            .retry_after_ms(RETRY_AFTER_MS)),
    }
}

/// Somebody opened the stream again.
pub(crate) fn superseded() -> Refusal {
    Refusal::of_field(Reason::StreamSuperseded, "stream_id", "the stream was opened again")
}

/// The key that an item was sent under, for its answer; empty when it cannot be told.
fn request_id(item: &[u8]) -> String {
    let fields = wire::fields(item).unwrap_or_default();
    let key = fields.iter().find_map(|(number, value)| match (number, value) {
        (1, Value::Chunk(key)) if key.len() <= REQUEST_ID_BYTES_MAX => Some(*key),
        _ => None,
    });
    String::from_utf8(key.unwrap_or_default().to_vec()).unwrap_or_default()
}
