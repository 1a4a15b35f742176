//! The trust store from outside: good signers, broken chains and forgeries.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod chain;
mod forged;
mod keys;
mod second_opinion;
mod signer;
mod stores;
mod support;

use descargo_signature::{SignatureProblem, Signer, TrustStore};
use support::{Draft, Key, at, holder_key, issuing_key, root_key};

/// What is signed in these tests.
const MESSAGE: &[u8] = "permiso ficticio número 1".as_bytes();
const ROOT: &str = "AC raíz de pruebas";
const ISSUING: &str = "AC emisora de pruebas";

/// A moment at which every default certificate holds.
fn noon() -> i64 {
    at("2026-03-01T12:00:00Z")
}

fn root() -> Draft {
    Draft::authority(ROOT, ROOT, root_key().spki())
}

fn issuing() -> Draft {
    Draft { serial: vec![2], ..Draft::authority(ISSUING, ROOT, issuing_key().spki()) }
}

fn efirma() -> Draft {
    Draft::efirma(ISSUING, holder_key().spki())
}

/// The default two authorities.
fn store() -> TrustStore {
    store_of(&[root().signed_by(root_key())], &[issuing().signed_by(root_key())])
}

fn store_of(roots: &[Vec<u8>], intermediates: &[Vec<u8>]) -> TrustStore {
    TrustStore::new(roots.to_vec(), intermediates.to_vec(), Vec::new()).unwrap()
}

/// Signs with the default holder's key and asks at the default moment.
fn ask(store: &TrustStore, certificate: &[u8]) -> Result<Signer, Vec<SignatureProblem>> {
    ask_with(store, certificate, holder_key())
}

fn ask_with(
    store: &TrustStore,
    certificate: &[u8],
    key: &Key,
) -> Result<Signer, Vec<SignatureProblem>> {
    store.signer(MESSAGE, &key.sign(MESSAGE), certificate, noon())
}

fn codes(answer: &Result<Signer, Vec<SignatureProblem>>) -> Vec<&'static str> {
    answer.as_ref().err().into_iter().flatten().map(SignatureProblem::code).collect()
}
