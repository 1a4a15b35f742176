//! What a receipt and a code cost.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench stops by panicking")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use descargo_evidence::{CodeSecret, ReceiptKey, sha256};

/// About a verdict with two lines.
const PAYLOAD_BYTES: usize = 1_024;

fn evidence(criterion: &mut Criterion) {
    let key = ReceiptKey::from_pkcs8_pem(ReceiptKey::generate_pem().unwrap().as_bytes()).unwrap();
    let payload = vec![7; PAYLOAD_BYTES];
    criterion.bench_function("sign a receipt of 1 KiB", |bencher| {
        bencher.iter(|| key.sign(black_box(&payload)).unwrap());
    });
    let secret = CodeSecret::new(&[7; 32]).unwrap();
    criterion.bench_function("discharge signature", |bencher| {
        bencher.iter(|| secret.discharge_signature("SE", "C1", black_box("123"), 1, &[0; 32]));
    });
    criterion.bench_function("sha-256 of 1 KiB", |bencher| {
        bencher.iter(|| sha256(black_box(&payload)));
    });
}

criterion_group!(benches, evidence);
criterion_main!(benches);
