//! Licenses, balances and movements: the pure state machine and its SQLite store.
//!
//! `state` holds the rules of a balance, `command` what a decision and a store say to each other,
//! `store` one transaction for each batch, `queue` and `group` the thread that gathers batches,
//! `streams` the positions of streams that resume, `tally` and `activity` what is counted and told of
//! it, `reader` the snapshots beside all that.

pub mod activity;
pub mod appointed;
mod cache;
pub mod command;
mod decide;
pub mod error;
pub mod feed;
pub mod group;
pub mod list;
mod load;
pub mod movements;
mod position_rows;
pub mod positions;
pub mod quarantine;
mod queue;
pub mod reader;
mod rows;
mod schema;
pub mod state;
mod stops;
pub mod store;
pub mod streams;
pub mod tally;
pub mod view;
mod working;
mod writes;
