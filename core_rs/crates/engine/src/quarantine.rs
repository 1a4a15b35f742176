//! Puts what rests on a certificate into quarantine: an order, then one verdict for each license.
//!
//! The order is recorded first; from it on nothing that the certificate signed is believed, so what
//! rests on it is settled and can be looked for beside the writer, in parts. Each license is then held
//! by a bulk command, behind every call, so no lane waits for more than a short batch. A command has a
//! key of its own, so an order that is carried out again, after a crash or by two processes, changes
//! nothing twice. The last verdict says that nothing is left to do.

use std::collections::BTreeSet;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use descargo_evidence::sha256;
use descargo_ledger::command::{Decision, Effect, Keys, Record, RequestKey, View};
use descargo_ledger::group::GroupCommit;
use descargo_ledger::quarantine::{Held, Order, Resting, Search};
use descargo_ledger::reader::Reader;
use descargo_ledger::state;
use descargo_model::finding::StatedBy;
use descargo_model::pb::{self, verdict::Outcome};
use prost::Message;

use crate::answer::{Draft, Matter, firma, verdict_no_of};
use crate::appoint::Appoint;
use crate::command::{Command, Desk, Queued, Terms};
use crate::deliver::{Answered, Tag};
use crate::engine::not_queued;
use crate::refusal::{Reason, Refusal};

/// Envelopes that one snapshot looks at, some 10 milliseconds, and licenses that are held at a time.
const SCANNED_MAX: usize = 2_000;
const HELD_AT_ONCE: usize = 500;
/// How long an order is carried out when its caller does not say how long he waits.
const WAIT: Duration = Duration::from_secs(50);
/// When to ask again for an order that goes on.
const RETRY_AFTER_MS: u64 = 500;

/// A license to be held, or the end of an order.
#[derive(Debug)]
pub(crate) struct Hold {
    order: Arc<Order>,
    request_id: String,
    keys: Keys,
    /// `None`: every license is held.
    license: Option<Resting>,
}

impl Hold {
    fn new(order: &Arc<Order>, license: Option<Resting>) -> Result<Self, Refusal> {
        let message = pb::QuarantineCertificateRequest::decode(order.request.as_slice())
            .map_err(|_| Refusal::new(Reason::Fault, "an order of quarantine is damaged"))?;
        // No caller can choose such a key: it is no UUID.
        let part =
            license.as_ref().map_or_else(|| "end".into(), |held| held.license_id.to_string());
        let request_id = format!("{}.{part}", message.request_id.to_ascii_lowercase());
        let key = RequestKey { caller: order.caller.clone(), request_id: request_id.clone() };
        Ok(Self {
            keys: Keys {
                request: Some((key, sha256(&order.request))),
                licenses: license.iter().map(|held| held.key.clone()).collect(),
                resigned: true,
                ..Keys::default()
            },
            order: order.clone(),
            request_id,
            license,
        })
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    pub fn request(&self) -> &[u8] {
        &self.order.request
    }

    /// Decides, for the ledger to record.
    pub fn decide(&self, desk: &Desk, view: &View<'_, Terms>) -> Decision<Terms, Draft, Refusal> {
        let Some(resting) = &self.license else {
            let outcome = Outcome::Firma(pb::Firma::default());
            return self.record(desk, view, outcome, Effect::EndQuarantine(self.order.order_no));
        };
        let of_it = |row: &&descargo_ledger::command::Loaded<Terms>| {
            row.state.license_id == resting.license_id
        };
        let Some(row) = view.licenses(&resting.key).iter().find(of_it) else {
            return Decision::Refuse(Refusal::new(Reason::Fault, "a license has gone"));
        };
        // It was looked for on a snapshot: what was signed again since does not rest on it any more.
        let still_rests = |(version, taken_in): &&(u32, i64)| {
            let again = row.resigned.iter().filter(|(known, _)| known == version);
            again.map(|(_, verdict_no)| *verdict_no).max().is_none_or(|newest| newest <= *taken_in)
                && !row.state.doubtful.contains(version)
        };
        let versions: Vec<u32> =
            resting.versions.iter().filter(still_rests).map(|(version, _)| *version).collect();
        match state::quarantine(&row.state, &versions) {
            // Nothing is left of it: the order itself is the answer.
            Err(_) if versions.is_empty() => Decision::SameAs(self.order.order_no),
            Err(error) => Decision::Refuse(Refusal::new(Reason::Fault, error.to_string())),
            Ok((state, movement)) => {
                let mut outcome = firma(&state, std::slice::from_ref(&movement));
                if let Outcome::Firma(told) = &mut outcome {
                    // The operator has no right to it.
                    told.discharge_signature.clear();
                }
                let order_no = self.order.order_no;
                let held = Held { state, movement, versions, order_no };
                self.record(desk, view, outcome, Effect::Hold(held))
            }
        }
    }

    fn record(
        &self,
        desk: &Desk,
        view: &View<'_, Terms>,
        outcome: Outcome,
        effect: Effect<Terms>,
    ) -> Decision<Terms, Draft, Refusal> {
        let matter = Matter {
            request_id: &self.request_id,
            request_sha256: sha256(&self.order.request),
            caller: &self.order.caller,
            signer_sha256: Vec::new(),
            stated_by: StatedBy::Agency,
        };
        let draft = desk.letterhead.recorded(&matter, view, &[], None, outcome);
        Decision::Record(Box::new(Record { refused: false, draft, effect }))
    }
}

/// Carries orders out.
pub(crate) struct Quarantines {
    desk: Arc<Desk>,
    queue: Arc<GroupCommit<Command, Tag>>,
    reader: Reader<Terms>,
    ledger_id: String,
    /// Orders that go on beside everything else.
    running: Mutex<BTreeSet<i64>>,
}

impl Quarantines {
    pub fn new(
        desk: Arc<Desk>,
        queue: Arc<GroupCommit<Command, Tag>>,
        reader: Reader<Terms>,
        ledger_id: String,
    ) -> Self {
        Self { desk, queue, reader, ledger_id, running: Mutex::default() }
    }

    /// Goes on with the orders that a process left unfinished, beside everything else.
    ///
    /// # Errors
    /// When the ledger cannot be read, or no thread can be had.
    pub fn resume(self: &Arc<Self>) -> Result<(), String> {
        let left = self.reader.orders(None).map_err(|fault| fault.to_string())?;
        if left.is_empty() {
            return Ok(());
        }
        let own = self.clone();
        std::thread::Builder::new()
            .name("descargo-quarantine".into())
            .spawn(move || {
                for order in left {
                    // What fails stays unfinished: the next start or the operator's next call goes on.
                    let _ = own.carry_out(&Arc::new(order), None);
                }
            })
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    /// Carries an order out beside everything else, once at a time for each.
    fn go_on(self: &Arc<Self>, order: &Arc<Order>) {
        let running = || self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if !running().insert(order.order_no) {
            return;
        }
        let (own, carried) = (self.clone(), order.clone());
        let work = move || {
            // What fails stays unfinished: the next start or the operator's next call goes on.
            let _ = own.carry_out(&carried, None);
            own.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&carried.order_no);
        };
        if std::thread::Builder::new().name("descargo-quarantine".into()).spawn(work).is_err() {
            running().remove(&order.order_no);
        }
    }

    /// Records an order and carries it out; the response's bytes.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be recorded; `OUTCOME_UNCERTAIN` when it takes longer than the
    /// caller waits.
    pub fn answer(
        self: &Arc<Self>,
        order: Appoint,
        timeout: Option<Duration>,
    ) -> Result<Vec<u8>, Refusal> {
        let until = Instant::now().checked_add(timeout.unwrap_or(WAIT).min(WAIT));
        let (sender, receiver) = channel();
        self.queue
            .submit(Tag::Inside(sender), self.command(Queued::Appoint(Box::new(order)), until))
            .map_err(not_queued)?;
        let answer = answer_of(receiver.recv().map_err(|_| stopping())?)?;
        let order_no = self.verdict_no(&answer.revision)?;
        let found = self.reader.orders(Some(order_no)).map_err(|fault| Refusal::from(&fault))?;
        let order = found.into_iter().next().map(Arc::new);
        let order = order.ok_or_else(|| Refusal::new(Reason::Fault, "an order has gone"))?;
        let revision = match self.carry_out(&order, until) {
            // Whoever asked may never ask again: what rests on a stolen key is held all the same.
            Err(late) if late.reason == Reason::OutcomeUncertain => {
                self.go_on(&order);
                return Err(late);
            }
            done => done?,
        };
        let licenses = self.reader.count_held(order_no).map_err(|fault| Refusal::from(&fault))?;
        let licenses = u64::try_from(licenses).unwrap_or_default();
        Ok(pb::QuarantineCertificateResponse { revision, licenses }.encode_to_vec())
    }

    /// Holds every license that rests on the order's certificate; the revision of the last verdict.
    fn carry_out(&self, order: &Arc<Order>, until: Option<Instant>) -> Result<String, Refusal> {
        let search = Search {
            certificate_sha256: order.certificate_sha256,
            signed_after: order.signed_after,
            before_verdict_no: order.order_no,
            fingerprint: sha256,
        };
        let mut from = 0;
        loop {
            let part = self
                .reader
                .resting(&search, from, SCANNED_MAX, HELD_AT_ONCE)
                .map_err(|fault| Refusal::from(&fault))?;
            let left = part.licenses.into_iter().filter(|license| {
                license.versions.iter().any(|(version, _)| !license.doubtful.contains(version))
            });
            let holds =
                left.map(|license| Hold::new(order, Some(license))).collect::<Result<_, _>>()?;
            self.decide_all(holds, until)?;
            match part.next {
                Some(next) => from = next,
                None => break,
            }
        }
        let end = self.decide_all(vec![Hold::new(order, None)?], until)?;
        end.map(|answer| answer.revision).ok_or_else(stopping)
    }

    /// Has every one decided; the last answer.
    fn decide_all(
        &self,
        holds: Vec<Hold>,
        until: Option<Instant>,
    ) -> Result<Option<pb::Answer>, Refusal> {
        let (sender, receiver) = channel();
        let commands: Vec<_> = holds
            .into_iter()
            .map(|hold| {
                let command = self.command(Queued::Hold(Box::new(hold)), None);
                (Tag::Inside(sender.clone()), command)
            })
            .collect();
        drop(sender);
        self.queue.submit_bulk(commands).map_err(not_queued)?;
        let mut last = None;
        loop {
            let answered = match until {
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(until) => {
                    receiver.recv_timeout(until.saturating_duration_since(Instant::now()))
                }
            };
            match answered {
                Ok(answered) => last = Some(answer_of(answered)?),
                Err(RecvTimeoutError::Disconnected) => return Ok(last),
                Err(RecvTimeoutError::Timeout) => return Err(goes_on()),
            }
        }
    }

    fn command(&self, matter: Queued, deadline: Option<Instant>) -> Command {
        Command { desk: self.desk.clone(), deadline, matter, place: None }
    }

    fn verdict_no(&self, revision: &str) -> Result<i64, Refusal> {
        verdict_no_of(revision, &self.ledger_id)
            .ok_or_else(|| Refusal::new(Reason::Fault, "a stored revision is damaged"))
    }
}

fn answer_of(answered: Answered) -> Result<pb::Answer, Refusal> {
    let answer = match answered {
        Ok(answer) => answer?,
        Err(fault) => return Err(Refusal::from(&*fault)),
    };
    pb::Answer::decode(&*answer)
        .map_err(|_| Refusal::new(Reason::Fault, "a stored answer is damaged"))
}

fn goes_on() -> Refusal {
    Refusal::new(
        Reason::OutcomeUncertain,
        "it is ordered and not carried out yet; send the same request again",
    )
    .retry_after_ms(RETRY_AFTER_MS)
}

fn stopping() -> Refusal {
    Refusal::new(Reason::Draining, "the validator is stopping; the order is carried out later")
}
