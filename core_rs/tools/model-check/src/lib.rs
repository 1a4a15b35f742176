//! Every order of the events of a small world, over the ledger's own state functions.
//!
//! `books` is what is durable, `statement` the least of a declaration's rules, `world` the events and
//! their steps, `properties` what must hold in every state. Only the state functions are the
//! product's; the rules around them are small, so that one of them can be left out and be missed.

#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "numbers of a small world; a fault of the checker may stop it"
)]

mod books;
mod properties;
mod statement;
mod world;

pub use statement::{Ask, Guard};
pub use world::{Event, State, World};
