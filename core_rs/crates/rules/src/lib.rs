//! Checks of submissions and declarations against catalogues and instrument profiles.
//!
//! Everything here is total and pure: the same message, rules and instant give the same findings,
//! in the same order, and nothing panics. What refuses is a finding, never an error.

pub mod agencies;
pub mod catalogue;
pub mod claim;
pub mod codes;
pub mod coverage;
pub mod declaration;
pub mod instruments;
pub mod load;
pub mod policy;
pub mod ruleset;
pub mod signers;
pub mod submission;
pub mod terms;

mod balance;
mod collect;
mod fields;
mod party;

use catalogue::Catalogue;
use instruments::Instruments;
use policy::Policy;

/// All that decides beside the message, the clock and the ledger. Built once and swapped whole.
#[derive(Debug)]
pub struct Rules {
    /// Dated catalogues.
    pub catalogue: Catalogue,
    /// Profiles of the instruments.
    pub instruments: Instruments,
    /// Limits that the law leaves open.
    pub policy: Policy,
}
