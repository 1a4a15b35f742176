//! What a store and a decision say to each other.
//!
//! A store loads the rows that a batch's keys name, lets each command decide on them in order, and
//! writes what the decisions record, in one transaction. Commands never touch a store, stores never
//! know a rule.

use std::sync::Arc;

use crate::appointed::Appointment;
use crate::quarantine::{Held, Resigned};
use crate::state::{LicenseState, Movement};
use crate::streams::{OutOfTurn, Place};
use crate::tally::Tally;

pub use crate::positions::{DrawRow, DrawState, PositionRow, Positioned, Statement};
pub use crate::view::View;

/// An instant, in nanoseconds since 1970.
pub type Nanos = i64;

/// The content of a license version in the form that decisions read; immutable, so it may be
/// cached.
pub trait Terms: Send + Sync + Sized + 'static {
    /// Reads the stored content.
    ///
    /// # Errors
    /// A sentence, when the stored bytes are not what they were.
    fn read(state: &LicenseState, content: &[u8]) -> Result<Self, String>;
}

/// A request's idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// Who asked.
    pub caller: String,
    /// The key that the caller chose.
    pub request_id: String,
}

/// How a license is found; several agencies may have the same key and number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LicenseKey {
    /// Key of Apendice 9.
    pub permit_key: String,
    /// Number as it is looked up.
    pub lookup_number: String,
}

/// A line of a declaration or of one of its shipments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LineKey {
    /// The declaration.
    pub declaration_number: String,
    /// The shipment; 0 for the whole declaration.
    pub shipment_no: u32,
    /// The line.
    pub line_no: u32,
}

/// A declaration, or one of its shipments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PositionKey {
    /// The declaration.
    pub declaration_number: String,
    /// The shipment; 0 for the whole declaration.
    pub shipment_no: u32,
}

/// The rows that a command decides on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys {
    /// The request, when its answer is stored. A read has none.
    pub request: Option<(RequestKey, [u8; 32])>,
    /// Licenses by their names.
    pub licenses: Vec<LicenseKey>,
    /// A declaration line that draws alone: its draws, and where its declaration stands.
    pub line: Option<LineKey>,
    /// Declarations whole: all their positions, with every draw and the licenses of those.
    pub declarations: Vec<String>,
    /// The license version that a submission makes.
    pub version: Option<u32>,
    /// Whether the terms of the license are read.
    pub terms: bool,
    /// Whether the content of the license's present version is read, as a change of it needs.
    pub content: bool,
    /// Whether it is read which versions were signed again.
    pub resigned: bool,
}

/// A license with its terms.
#[derive(Debug)]
pub struct Loaded<T> {
    /// Where it stands.
    pub state: LicenseState,
    /// Its content, when the keys asked for it.
    pub terms: Option<Arc<T>>,
    /// Serialised `License` of its present version, when the keys asked for it.
    pub content: Option<Vec<u8>>,
    /// Those versions that the keys of the batch asked for and that exist.
    pub versions: Vec<VersionMark>,
    /// Versions that were signed again, each with the last verdict that took one in, when the keys
    /// asked for them.
    pub resigned: Vec<(u32, i64)>,
}

impl<T> Loaded<T> {
    /// The mark of a version that was asked for, when it exists.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&VersionMark> {
        self.versions.iter().find(|mark| mark.version == number)
    }
}

/// What identifies an accepted change of a license.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMark {
    /// Version that the change made.
    pub version: u32,
    /// Of the change without its signing time.
    pub change_sha256: [u8; 32],
    /// The verdict that accepted it.
    pub verdict_no: i64,
}

/// What a command wants done.
#[derive(Debug)]
pub enum Decision<T, D, R> {
    /// An earlier verdict answers this request; nothing changes.
    SameAs(i64),
    /// A new verdict, with what it changes.
    Record(Box<Record<T, D>>),
    /// No verdict; nothing is stored.
    Refuse(R),
}

/// A new verdict.
#[derive(Debug)]
pub struct Record<T, D> {
    /// Whether it says no.
    pub refused: bool,
    /// The verdict, to be sealed when the whole batch is decided.
    pub draft: D,
    /// What it changes.
    pub effect: Effect<T>,
}

/// What a verdict changes.
#[derive(Debug)]
pub enum Effect<T> {
    /// Nothing: a refusal.
    Nothing,
    /// A license is issued or taken over.
    Issue(Issued<T>),
    /// A license is changed by its agency.
    Change(Changed<T>),
    /// Declarations hold, take or give back.
    Position(Positioned),
    /// An operator says whose signatures count.
    Appoint(Appointment),
    /// A license is put in doubt.
    Hold(Held),
    /// A version of a license is signed again.
    Resign(Resigned),
    /// The order of this verdict is carried out.
    EndQuarantine(i64),
}

/// A license that is issued or taken over.
#[derive(Debug)]
pub struct Issued<T> {
    /// Its state.
    pub state: LicenseState,
    /// Its movements.
    pub movements: Vec<Movement>,
    /// Of the change without its signing time.
    pub change_sha256: [u8; 32],
    /// Serialised `License`.
    pub content: Vec<u8>,
    /// Serialised `Envelope`.
    pub envelope: Vec<u8>,
    /// Its terms, so that a draw in the same batch can read them.
    pub terms: Arc<T>,
}

/// A change of a license that exists.
#[derive(Debug)]
pub struct Changed<T> {
    /// The license after it.
    pub state: LicenseState,
    /// Its movements.
    pub movements: Vec<Movement>,
    /// Of the change without its signing time.
    pub change_sha256: [u8; 32],
    /// Serialised `License` of the new version.
    pub content: Vec<u8>,
    /// Serialised `Envelope`.
    pub envelope: Vec<u8>,
    /// Its terms, so that a draw in the same batch reads the new ones.
    pub terms: Arc<T>,
    /// Version of the suspension that it ends.
    pub ends_suspension: Option<u32>,
}

/// Something that is decided in a batch.
pub trait Command: Send + Sync {
    /// The content of a license.
    type Terms: Terms;
    /// A verdict before it is signed.
    type Draft: Send + Sync;
    /// Why there is no verdict.
    type Refusal: Send + Sync;

    /// The rows that it decides on.
    fn keys(&self) -> &Keys;
    /// The bytes that were asked, kept as evidence.
    fn request(&self) -> &[u8];
    /// Decides. Pure: the same view gives the same decision.
    fn decide(
        &self,
        view: &View<'_, Self::Terms>,
    ) -> Decision<Self::Terms, Self::Draft, Self::Refusal>;
    /// Signs a draft and makes it the answer's bytes. Several are sealed at a time.
    ///
    /// # Errors
    /// A sentence, when it cannot be signed.
    fn seal(&self, draft: &Self::Draft) -> Result<Vec<u8>, String>;
    /// Its request was answered before with other content.
    fn reused(&self) -> Self::Refusal;
    /// The command by which a hold lapses whose time is over, where commands have holds. It is
    /// decided before this one, which names the declaration.
    fn lapse(&self, _position: &PositionKey, _row: &PositionRow) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
    /// Its place on a stream that resumes, when it came by one.
    fn place(&self) -> Option<&Place> {
        None
    }
    /// What a verdict of it adds to an agency's counts; most commands add nothing.
    fn tally(&self, _draft: &Self::Draft) -> Option<Tally> {
        None
    }
    /// It is not decided, since its stream does not stand where it should.
    fn out_of_turn(&self, why: OutOfTurn) -> Self::Refusal;
}
