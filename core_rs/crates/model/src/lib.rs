//! The words of the domain: the contract's messages, decimals, identifiers, findings.

pub mod canonical;
pub mod curp;
pub mod date;
pub mod decimal;
pub mod finding;
pub mod license_name;
pub mod life;
pub mod pb;
pub mod rfc;
pub mod text;
pub mod units;
pub mod wire;
