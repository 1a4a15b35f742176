//! What one signature costs, bare and with its certificate.
#![allow(
    missing_docs,
    dead_code,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a bench stops by panicking, and uses a part of the certificate maker"
)]

#[path = "../tests/trust/support.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use descargo_signature::{Algorithm, TrustStore, verify_raw};
use support::{Draft, Key, at, holder_key, issuing_key, root_key};

/// About a submission with three lines.
const MESSAGE: &[u8] = &[7; 1_024];

fn bare(criterion: &mut Criterion) {
    for (algorithm, key) in [
        (Algorithm::RsaPkcs1Sha256, holder_key()),
        (Algorithm::EcdsaP256Sha256, &Key::p256()),
        (Algorithm::Ed25519, &Key::ed25519()),
    ] {
        let (spki, signature) = (key.spki(), key.sign(MESSAGE));
        criterion.bench_function(&format!("verify_raw {}", algorithm.name()), |bencher| {
            bencher.iter(|| verify_raw(algorithm, black_box(&spki), MESSAGE, &signature).unwrap());
        });
    }
}

fn store() -> TrustStore {
    let root = Draft::authority("AC raíz", "AC raíz", root_key().spki()).signed_by(root_key());
    let issuing = Draft::authority("AC", "AC raíz", issuing_key().spki()).signed_by(root_key());
    TrustStore::new(vec![root], vec![issuing], vec![]).unwrap()
}

fn with_certificate(criterion: &mut Criterion) {
    let store = store();
    let signed_at = at("2026-03-01T12:00:00Z");
    for (name, key) in [("RSA-2048", holder_key()), ("P-256", &Key::p256())] {
        let certificate = Draft::efirma("AC", key.spki()).signed_by(issuing_key());
        let signature = key.sign(MESSAGE);
        criterion.bench_function(&format!("signer {name}, known certificate"), |bencher| {
            bencher.iter(|| {
                store.signer(MESSAGE, black_box(&signature), &certificate, signed_at).unwrap()
            });
        });
    }
    // A certificate without a way to a root is never remembered, so this reads it each time.
    let stranger = Draft::efirma("AC", holder_key().spki()).signed_by(holder_key());
    let signature = holder_key().sign(MESSAGE);
    criterion.bench_function("signer RSA-2048, stranger's certificate", |bencher| {
        bencher.iter(|| {
            store.signer(MESSAGE, black_box(&signature), &stranger, signed_at).unwrap_err()
        });
    });
}

criterion_group!(benches, bare, with_certificate);
criterion_main!(benches);
