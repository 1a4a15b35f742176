//! The words of the domain: the contract's messages, decimals, identifiers, findings.

pub mod pb;
pub mod wire;
