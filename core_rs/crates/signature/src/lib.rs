//! Signatures and certificates: who signed, or why we will not believe it.
//!
//! Pure: the moment of signing, the anchors and the revocations come in as arguments, so a verdict
//! can be replayed from the journal. There is no `is_valid`: a check returns the signer or every
//! problem that was found.
//!
//! The numbers (one core of a small machine, a message of 1 KiB): with a known certificate an
//! RSA-2048 signer costs about 20 us, P-256 about 60 us and Ed25519 about 45 us, nearly all of it
//! the signature; an unknown certificate adds about 30 us once. `benches/signature.rs` measures
//! them.
//!
//! Path building is ours, although `rustls-webpki` reads certificates of SAT's shape and gives
//! the second opinion in our tests. It answers for one moment and with one reason, and never reads
//! `keyUsage`. We must say everything that is wrong in one go, tell an expired authority from a
//! revoked and an unknown one, and remember a chain without the moment at which it was asked for.
//! For a small and fixed set of authorities the rest of RFC 5280 is short enough to read:
//! `paths.rs`.
#![forbid(unsafe_code)]

mod cache;
mod certificate;
mod der;
mod efirma;
mod enrolment;
mod key;
mod names;
mod paths;
mod problem;
mod revocations;
mod small_order;
mod trust;

pub use enrolment::{EnrolmentFault, enrolled};
pub use key::{Algorithm, SignatureError, verify_raw};
pub use problem::{ChainFault, ProfileFault, SignatureProblem};
pub use trust::{
    Revocation, RevokedCertificate, Signer, TrustError, TrustStore, certificates_from_pem,
};

/// A certificate longer than this is not read: the contract's limit for `certificate_der`.
pub const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;
/// Authorities above the signer, the root included. SAT uses two.
pub const CHAIN_DEPTH_MAX: usize = 6;
/// Ways from one authority to the roots that are kept; cross-signed authorities have two.
pub const CHAIN_PATHS_MAX: usize = 8;
/// Authorities of one store, roots and intermediates together. SAT has about ten.
pub const AUTHORITIES_MAX: usize = 64;
/// Certificates whose reading and chain are remembered; about 4 KiB each.
pub const CACHE_ENTRIES_MAX: usize = 4_096;
