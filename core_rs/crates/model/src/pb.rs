//! The contract's messages, as generated from `proto/descargo/v1`.
#![allow(
    missing_docs,
    clippy::large_enum_variant,
    reason = "generated code; the .proto files carry the comments and decide what is beside what"
)]

include!("generated/descargo.v1.rs");

/// The descriptor of the same files, which the strict reader walks by.
pub(crate) const DESCRIPTOR: &[u8] = include_bytes!("generated/descargo.v1.binpb");
