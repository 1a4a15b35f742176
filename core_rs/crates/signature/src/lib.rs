//! Signatures and certificates: who signed, or why we will not believe it.
//!
//! Pure: the moment of signing, the anchors and the revocations come in as arguments, so a verdict
//! can be replayed from the journal. There is no `is_valid`: a check returns the signer or every
//! problem that was found.
//!
//! The numbers (one core, warm cache): RSA-2048 about 20 us, P-256 about 60 us, Ed25519 about 40 us
//! for the signature; 2 to 4 us for the fingerprint of a 1.5 KiB certificate and its look-up; a cold
//! certificate adds its reading and one more signature. `benches/signature.rs` measures them.
//!
//! Path building is ours. `rustls-webpki` refuses what SAT issues (it reads names for TLS servers
//! and wants one extended key usage per purpose), never reads `keyUsage`, and answers with the first
//! problem it meets, while an agency must be told everything in one go. What remains of RFC 5280 for
//! a fixed and small set of authorities is short enough to read: `paths.rs`.
#![forbid(unsafe_code)]

mod cache;
mod certificate;
mod der;
mod efirma;
mod key;
mod names;
mod paths;
mod problem;
mod revocations;
mod trust;

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
