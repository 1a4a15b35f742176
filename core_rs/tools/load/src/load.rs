//! Puts one window of load on a server: a closed loop, which shows what the server can, or an open
//! one, which shows how long callers wait.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use http::Uri;
use tokio::task::LocalSet;

use crate::connection::{Answer, Connection};
use crate::order::Order;
use crate::requests::Requests;
use crate::schedule::{self, Gaps};

/// Latencies to within a thousandth.
const SIGNIFICANT_DIGITS: u8 = 3;
/// Longer than any deadline; what takes longer is counted as if it took this.
const LONGEST_NS: u64 = 120_000_000_000;

/// What came back since a window opened.
pub(crate) struct Window {
    pub(crate) answers: Vec<Answer>,
    /// Nanoseconds.
    pub(crate) latencies: Histogram<u64>,
    /// Nanoseconds from the moment a call was due to its send.
    pub(crate) lateness: Histogram<u64>,
    pub(crate) failed: BTreeMap<String, usize>,
    pub(crate) elapsed: Duration,
}

impl Window {
    fn new() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            answers: Vec::new(),
            latencies: Histogram::new_with_bounds(1, LONGEST_NS, SIGNIFICANT_DIGITS)?,
            lateness: Histogram::new_with_bounds(1, LONGEST_NS, SIGNIFICANT_DIGITS)?,
            failed: BTreeMap::new(),
            elapsed: Duration::ZERO,
        })
    }

    fn keep(&mut self, answer: Answer, since: Instant) {
        self.latencies.saturating_record(nanos(since.elapsed()));
        if let Err(why) = &answer {
            let kind = why.split(':').next().unwrap_or_default().to_owned();
            let count = self.failed.entry(kind).or_default();
            *count = count.saturating_add(1);
        }
        self.answers.push(answer);
    }
}

/// What the calls of a window share; they all run on one thread.
struct Shared {
    method: Uri,
    window: RefCell<Window>,
    requests: RefCell<Requests>,
    kind: String,
    hot: bool,
    /// Calls that a closed loop may still begin.
    left: Cell<usize>,
}

impl Shared {
    fn begins_another(&self) -> bool {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// One call, whose time counts since `since`.
    async fn call(&self, connection: Connection, since: Instant) {
        let request = self.requests.borrow_mut().next(&self.kind, self.hot);
        let answer = match request {
            Ok(request) => connection.call(self.method.clone(), request).await,
            Err(why) => Err(why),
        };
        self.window.borrow_mut().keep(answer, since);
    }
}

/// Loads for so many seconds, and waits for what is then still under way.
pub(crate) async fn window(
    order: &Order,
    method: &Uri,
    connections: &[Connection],
    requests: Requests,
    seconds: f64,
) -> Result<(Window, Requests), Box<dyn Error>> {
    let shared = Rc::new(Shared {
        method: method.clone(),
        window: RefCell::new(Window::new()?),
        requests: RefCell::new(requests),
        kind: order.kind.clone(),
        hot: order.hot,
        left: Cell::new(order.calls_max.unwrap_or(usize::MAX)),
    });
    let length = Duration::try_from_secs_f64(seconds)?;
    let began = Instant::now();
    let calls = LocalSet::new();
    match order.rate {
        Some(rate) => {
            let gaps = Gaps::new(order.seed, rate);
            calls.run_until(open(&shared, connections, gaps, began, length)).await;
        }
        None => closed(&calls, &shared, connections, order.outstanding, began, length),
    }
    calls.await;
    let shared = Rc::try_unwrap(shared).map_err(|_| "a call is still under way")?;
    let mut window = shared.window.into_inner();
    window.elapsed = began.elapsed();
    Ok((window, shared.requests.into_inner()))
}

/// Each of the outstanding calls follows its own answer.
fn closed(
    calls: &LocalSet,
    shared: &Rc<Shared>,
    connections: &[Connection],
    outstanding: usize,
    began: Instant,
    length: Duration,
) {
    for connection in connections.iter().cycle().take(outstanding) {
        let (shared, connection) = (Rc::clone(shared), connection.clone());
        calls.spawn_local(async move {
            while began.elapsed() < length && shared.begins_another() {
                shared.call(connection.clone(), Instant::now()).await;
            }
        });
    }
}

/// Each call is sent when it is due.
async fn open(
    shared: &Rc<Shared>,
    connections: &[Connection],
    gaps: Gaps,
    began: Instant,
    length: Duration,
) {
    let (sender, mut due) = tokio::sync::mpsc::unbounded_channel();
    let clock = std::thread::spawn(move || schedule::run(gaps, began, length, &sender));
    let mut turns = connections.iter().cycle();
    while let Some(moment) = due.recv().await {
        let Some(connection) = turns.next().cloned() else { break };
        let shared = Rc::clone(shared);
        tokio::task::spawn_local(async move {
            let late = nanos(moment.elapsed());
            shared.window.borrow_mut().lateness.saturating_record(late);
            shared.call(connection, moment).await;
        });
    }
    drop(due);
    // It ends when nothing more is due, or nobody listens.
    let _panicked = clock.join();
}

fn nanos(length: Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_wait_is_kept_as_long_as_it_was() {
        let mut window = Window::new().unwrap();
        let since = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        window.keep(Err("grpc-status 14: gone".into()), since);
        let seen = window.latencies.value_at_quantile(0.99);
        assert!((2_000_000_000..2_100_000_000).contains(&seen), "{seen}");
        assert_eq!(window.failed, BTreeMap::from([("grpc-status 14".into(), 1)]));
    }
}
