//! The contract's messages, as generated from `proto/descargo/v1`.
#![allow(missing_docs, reason = "generated code; the .proto files carry the comments")]

include!("generated/descargo.v1.rs");

/// The descriptor of the same files, which the strict reader walks by.
pub(crate) const DESCRIPTOR: &[u8] = include_bytes!("generated/descargo.v1.binpb");
