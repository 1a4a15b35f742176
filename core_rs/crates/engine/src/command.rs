//! What waits in the ledger's queue, and the desk that it is decided at.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use descargo_evidence::{CodeSecret, ReceiptKey};
use descargo_ledger::command::{
    self as ledger, Decision, Keys, LicenseKey, Nanos, PositionKey, PositionRow, View,
};
use descargo_ledger::state::LicenseState;
use descargo_ledger::streams::{OutOfTurn, Place};
use descargo_ledger::tally::Tally;
use descargo_model::pb;
use descargo_rules::Rules;
use descargo_rules::terms::LicenseTerms;
use prost::Message;

use crate::answer::{Draft, Letterhead};
use crate::appoint::Appoint;
use crate::authority::Authorities;
use crate::caller::Caller;
use crate::declaration::{Declared, Lapse};
use crate::quarantine::Hold;
use crate::refusal::{Reason, Refusal};
use crate::rulesets::CheckedRuleset;
use crate::streams::superseded;
use crate::submission_tally;
use crate::submit::Submit;
use crate::wrong_signatures::WrongSignatures;

/// Everything that decides beside request, ledger and time. Built once; only the authorities change.
pub(crate) struct Desk {
    pub rules: Rules,
    pub authorities: Authorities,
    pub codes: CodeSecret,
    pub receipts: ReceiptKey,
    pub letterhead: Letterhead,
    pub ruleset: Option<CheckedRuleset>,
    pub wrong_signatures: WrongSignatures,
}

impl Desk {
    /// Lets nobody guess on who has stated too many wrong discharge signatures for this license.
    /// Asked when it is decided: tries that wait in the queue together count one another.
    ///
    /// # Errors
    /// `RATE_EXCEEDED`, with the time to wait.
    pub fn hold_back_guesses(
        &self,
        caller: &Caller,
        license: &LicenseKey,
        at: Nanos,
        field: impl FnOnce() -> String,
    ) -> Result<(), Refusal> {
        match self.wrong_signatures.wait_ms(&caller.name, license, at) {
            None => Ok(()),
            Some(wait_ms) => Err(Refusal::of_field(
                Reason::RateExceeded,
                field(),
                "too many wrong discharge signatures for this license within a minute",
            )
            .retry_after_ms(wait_ms)),
        }
    }

    /// Counts a wrong discharge signature; the caller's next tries may have to wait.
    pub fn note_wrong_signature(&self, caller: &Caller, license: &LicenseKey, at: Nanos) {
        self.wrong_signatures.note(&caller.name, license, at);
    }
}

/// The terms of a license, as the ledger caches them.
#[derive(Debug)]
pub(crate) struct Terms(LicenseTerms);

impl Terms {
    pub fn new(terms: LicenseTerms) -> Self {
        Self(terms)
    }
}

impl std::ops::Deref for Terms {
    type Target = LicenseTerms;

    fn deref(&self) -> &LicenseTerms {
        &self.0
    }
}

impl ledger::Terms for Terms {
    fn read(state: &LicenseState, content: &[u8]) -> Result<Self, String> {
        let license = pb::License::decode(content).map_err(|error| error.to_string())?;
        LicenseTerms::parse(&state.name.to_pb(), &license)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

/// A request in the queue.
pub(crate) struct Command {
    pub desk: Arc<Desk>,
    /// After this nobody waits for the answer, so nothing is decided.
    pub deadline: Option<Instant>,
    pub matter: Queued,
    /// Its place on the stream that it came by.
    pub place: Option<Place>,
}

/// What is asked.
pub(crate) enum Queued {
    Submit(Box<Submit>),
    /// An operator says whose signatures count.
    Appoint(Box<Appoint>),
    /// A license is put into quarantine, or an order of it ends.
    Hold(Box<Hold>),
    Declared(Box<Declared>),
    /// A hold has had its time.
    Lapse(Box<Lapse>),
    /// A stream is opened, which the ledger does by itself.
    Opening,
    /// An item of a stream that cannot be decided; it has its turn like every other.
    Unfit(Refusal),
}

impl Command {
    /// The end of a hold, which nobody waits for.
    pub fn lapse_of(desk: &Arc<Desk>, position: &PositionKey, row: &PositionRow) -> Self {
        let lapse = Lapse::of(&desk.letterhead.validator, position, row);
        let matter = Queued::Lapse(Box::new(lapse));
        Self { desk: desk.clone(), deadline: None, matter, place: None }
    }
}

static NO_KEYS: LazyLock<Keys> = LazyLock::new(Keys::default);

impl ledger::Command for Command {
    type Terms = Terms;
    type Draft = Draft;
    type Refusal = Refusal;

    fn keys(&self) -> &Keys {
        match &self.matter {
            Queued::Submit(submit) => submit.keys(),
            Queued::Appoint(appoint) => appoint.keys(),
            Queued::Hold(hold) => hold.keys(),
            Queued::Declared(declared) => declared.keys(),
            Queued::Lapse(lapse) => lapse.keys(),
            Queued::Opening | Queued::Unfit(_) => &NO_KEYS,
        }
    }

    fn request(&self) -> &[u8] {
        match &self.matter {
            Queued::Submit(submit) => submit.request(),
            Queued::Appoint(appoint) => appoint.request(),
            Queued::Hold(hold) => hold.request(),
            Queued::Declared(declared) => declared.request(),
            Queued::Lapse(lapse) => lapse.request(),
            Queued::Opening | Queued::Unfit(_) => &[],
        }
    }

    fn decide(&self, view: &View<'_, Terms>) -> Decision<Terms, Draft, Refusal> {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Decision::Refuse(Refusal::new(
                Reason::NotDecided,
                "the deadline passed before a decision; nothing was done",
            ));
        }
        match &self.matter {
            Queued::Submit(submit) => {
                // Held until it is decided, so that a change of authority binds from its
                // acknowledgement on.
                let authority = match self.desk.authorities.held(view.appointed) {
                    Ok(held) => held,
                    Err(error) => {
                        return Decision::Refuse(Refusal::new(Reason::Fault, error.to_string()));
                    }
                };
                match submit.is_checked_under(&authority) {
                    true => submit.decide(&self.desk, view),
                    false => submit.checked_again(&authority).decide(&self.desk, view),
                }
            }
            Queued::Appoint(appoint) => appoint.decide(&self.desk, view),
            Queued::Hold(hold) => hold.decide(&self.desk, view),
            Queued::Declared(declared) => declared.decide(&self.desk, view),
            Queued::Lapse(lapse) => lapse.decide(&self.desk, view),
            Queued::Opening => {
                Decision::Refuse(Refusal::new(Reason::Fault, "an opening is no decision"))
            }
            Queued::Unfit(refusal) => Decision::Refuse(refusal.clone()),
        }
    }

    fn seal(&self, draft: &Draft) -> Result<Vec<u8>, String> {
        draft.sealed(&self.desk.receipts)
    }

    fn lapse(&self, position: &PositionKey, row: &PositionRow) -> Option<Self> {
        Some(Self::lapse_of(&self.desk, position, row))
    }

    fn tally(&self, draft: &Draft) -> Option<Tally> {
        match &self.matter {
            Queued::Submit(submit) => submission_tally::of(submit, &self.desk, draft),
            _ => None,
        }
    }

    fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    fn out_of_turn(&self, why: OutOfTurn) -> Refusal {
        match why {
            OutOfTurn::Superseded => superseded(),
            OutOfTurn::Gap => {
                Refusal::new(Reason::StoreUnavailable, "an item before it was not stored")
            }
        }
    }

    fn reused(&self) -> Refusal {
        Refusal::of_field(
            Reason::RequestIdReused,
            "request_id",
            "this key was used for other content; send new content under a new key",
        )
    }
}
