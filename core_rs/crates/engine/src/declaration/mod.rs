//! Whole declarations: what a declaration holds, takes for good and gives back, all lines or nothing.
//!
//! `read` takes requests in, `present` tells where a declaration stands, `books` checks draws on
//! copies of their licenses, `plan` makes steps of what changes, `state` decides statements,
//! `refer` decides what names a position only, `rectify` and `close` their own cases, `lapse` ends
//! holds whose time is over, `verdict` makes the answer. One draw of one line takes the same way.

use std::sync::Arc;

use descargo_ledger::command::{Decision, Effect, Keys, PositionKey, Record, View};
use descargo_model::finding::{Finding, StatedBy};
use descargo_model::pb::{self, verdict::Outcome};

use crate::answer::{Draft, Matter};
use crate::caller::Caller;
use crate::command::{Desk, Terms};
use crate::declaration::verdict::Allowed;
use crate::refusal::{Reason, Refusal};

mod books;
mod close;
mod lapse;
mod lone;
mod plan;
mod present;
mod read;
mod rectify;
mod refer;
mod state;
mod verdict;

pub(crate) use lapse::Lapse;

/// A request about a declaration.
#[derive(Debug)]
pub(crate) struct Declared {
    caller: Arc<Caller>,
    request_id: String,
    request: Vec<u8>,
    request_sha256: [u8; 32],
    asked: Asked,
    keys: Keys,
}

/// What is asked.
#[derive(Debug)]
enum Asked {
    /// One draw of one line is exercised.
    Lone(Stated),
    /// Everything is held.
    Reserve(Stated),
    /// Everything is exercised.
    Validate(Stated),
    /// It takes the place of another declaration.
    Rectify(Stated, Reference),
    /// It was paid on this day.
    Pay(Reference, String),
    /// It gives back what it holds, on this ground.
    Release(Reference, pb::ReleaseGround),
}

/// A declaration that is stated.
#[derive(Debug)]
struct Stated {
    declaration: pb::Declaration,
    position: PositionKey,
    statement_sha256: [u8; 32],
}

/// A position that is named by its acuse.
#[derive(Debug)]
struct Reference {
    /// Field of the request.
    field: &'static str,
    declaration_number: String,
    acceptance_code: String,
}

/// What the rules and the ledger say.
enum Judged<'v> {
    /// It was answered before, by this verdict.
    Made(i64),
    /// No.
    Refused(Refused<'v>),
    /// Yes.
    Allowed(Box<Allowed>),
}

/// A no.
struct Refused<'v> {
    findings: Vec<Finding>,
    /// Licenses whose standing the caller may know.
    licenses: Vec<&'v descargo_ledger::command::Loaded<Terms>>,
}

impl<'v> Judged<'v> {
    /// A no that says nothing of licenses.
    fn refused(findings: Vec<Finding>) -> Self {
        Self::Refused(Refused { findings, licenses: Vec::new() })
    }
}

/// One decision.
#[derive(Clone, Copy)]
struct Decide<'a, 'v> {
    caller: &'a Caller,
    desk: &'a Desk,
    view: &'v View<'v, Terms>,
}

impl Declared {
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Decides, for the ledger to record.
    pub fn decide(&self, desk: &Desk, view: &View<'_, Terms>) -> Decision<Terms, Draft, Refusal> {
        let judged = match self.judge(desk, view) {
            Ok(judged) => judged,
            Err(refusal) => return Decision::Refuse(refusal),
        };
        match judged {
            Judged::Made(verdict_no) => Decision::SameAs(verdict_no),
            Judged::Refused(Refused { findings, licenses }) => {
                let outcome = Outcome::Error(verdict::refusal(view, &licenses));
                let draft =
                    desk.letterhead.recorded(&self.matter(), view, &findings, None, outcome);
                let effect = Effect::Nothing;
                Decision::Record(Box::new(Record { refused: true, draft, effect }))
            }
            Judged::Allowed(allowed) => {
                let Allowed { findings, firma, position, positioned } = *allowed;
                let outcome = Outcome::Firma(firma);
                let position = Some(position);
                let draft =
                    desk.letterhead.recorded(&self.matter(), view, &findings, position, outcome);
                let effect = Effect::Position(positioned);
                Decision::Record(Box::new(Record { refused: false, draft, effect }))
            }
        }
    }

    /// Tells what would be decided; changes nothing.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be told.
    pub fn preview(&self, desk: &Desk, view: &View<'_, Terms>) -> Result<Draft, Refusal> {
        let (findings, outcome) = match self.judge(desk, view)? {
            // Stated again, it would move nothing.
            Judged::Made(_) => (Vec::new(), Outcome::Preview(pb::Preview::default())),
            Judged::Refused(Refused { findings, licenses }) => {
                (findings, Outcome::Error(verdict::refusal(view, &licenses)))
            }
            Judged::Allowed(allowed) => {
                let movements = allowed.firma.movements;
                (allowed.findings, Outcome::Preview(pb::Preview { movements }))
            }
        };
        Ok(desk.letterhead.unrecorded(&self.matter(), view.decided_at, &findings, outcome))
    }

    fn judge<'v>(&self, desk: &Desk, view: &'v View<'v, Terms>) -> Result<Judged<'v>, Refusal> {
        for license in &self.keys.licenses {
            let place = || self.draw_path(license);
            desk.hold_back_guesses(&self.caller, license, view.decided_at, place)?;
        }
        let decide = Decide { caller: &self.caller, desk, view };
        match &self.asked {
            Asked::Lone(stated) => decide.lone(stated, self.keys.line.as_ref()),
            Asked::Reserve(stated) => decide.reserve(stated),
            Asked::Validate(stated) => decide.validate(stated),
            Asked::Rectify(stated, rectified) => decide.rectify(stated, rectified),
            Asked::Pay(reference, paid_on) => decide.pay(reference, paid_on),
            Asked::Release(reference, ground) => decide.release(reference, *ground),
        }
    }

    /// Path of the first draw on a license.
    fn draw_path(&self, license: &descargo_ledger::command::LicenseKey) -> String {
        let (Asked::Lone(stated)
        | Asked::Reserve(stated)
        | Asked::Validate(stated)
        | Asked::Rectify(stated, _)) = &self.asked
        else {
            return String::new();
        };
        for (line_index, line) in stated.declaration.lines.iter().enumerate() {
            for (index, draw) in line.draws.iter().enumerate() {
                if read::license_key(draw) == *license {
                    return format!(
                        "declaration.lines[{line_index}].draws[{index}].discharge_signature"
                    );
                }
            }
        }
        String::new()
    }

    fn matter(&self) -> Matter<'_> {
        Matter {
            request_id: &self.request_id,
            request_sha256: self.request_sha256,
            caller: &self.caller.name,
            signer_sha256: Vec::new(),
            stated_by: StatedBy::Broker,
        }
    }
}

/// What is ours becomes a fault.
fn fault(what: books::Fault) -> Refusal {
    Refusal::new(Reason::Fault, what)
}
