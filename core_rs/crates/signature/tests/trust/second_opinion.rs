//! A second opinion: `rustls-webpki` builds the same paths in its own way.
//!
//! It may be laxer, since it never reads keyUsage and takes an anchor's word for everything. It
//! must never refuse what we accept, and for most broken links it has to refuse as well.

use std::slice::from_ref;
use std::time::Duration;

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::support::{
    Draft, Key, at, basic_constraints, holder_key, issuing_key, key_usage, name, name_constraints,
    root_key, unknown_extension,
};
use crate::{ROOT, ask, efirma, issuing, noon, root, store_of};

struct Case {
    why: &'static str,
    root: Vec<u8>,
    intermediates: Vec<Vec<u8>>,
    signer: Vec<u8>,
}

impl Case {
    fn good() -> Case {
        Case {
            why: "good chain",
            root: root().signed_by(root_key()),
            intermediates: vec![issuing().signed_by(root_key())],
            signer: efirma().signed_by(issuing_key()),
        }
    }

    fn issuing(why: &'static str, draft: &Draft) -> Case {
        Case { why, intermediates: vec![draft.signed_by(root_key())], ..Case::good() }
    }

    fn signer(why: &'static str, draft: &Draft) -> Case {
        Case { why, signer: draft.signed_by(issuing_key()), ..Case::good() }
    }

    fn is_good_for_us(&self) -> bool {
        ask(&store_of(from_ref(&self.root), &self.intermediates), &self.signer).is_ok()
    }

    fn is_good_for_webpki(&self) -> bool {
        let (root, signer) =
            (CertificateDer::from(&*self.root), CertificateDer::from(&*self.signer));
        let between: Vec<CertificateDer<'_>> =
            self.intermediates.iter().map(|der| CertificateDer::from(&**der)).collect();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(noon().unsigned_abs()));
        let Ok(signer) = EndEntityCert::try_from(&signer) else { return false };
        let anchor = anchor_from_trusted_cert(&root).unwrap();
        let (anchors, usage) = ([anchor], KeyUsage::client_auth());
        let algorithms = ALL_VERIFICATION_ALGS;
        signer.verify_for_usage(algorithms, &anchors, &between, at, usage, None, None).is_ok()
    }
}

fn extended(mut draft: Draft, extension: Vec<u8>) -> Draft {
    draft.extensions.push(extension);
    draft
}

#[test]
fn both_accept_good_chains() {
    let p256 = Key::p256();
    let p384 = Key::p384();
    let crossed = Draft { spki: p384.spki(), ..issuing() };
    for case in [
        Case::good(),
        Case { signer: efirma().signed_by(&p384), ..Case::issuing("P-384 authority", &crossed) },
        Case::signer("P-256 signer", &Draft { spki: p256.spki(), ..efirma() }),
        Case::signer("passed over", &extended(efirma(), unknown_extension(false))),
        Case {
            signer: Draft::efirma(ROOT, holder_key().spki()).signed_by(root_key()),
            ..Case::good()
        },
    ] {
        assert!(case.is_good_for_webpki(), "{}", case.why);
        // The P-256 signer's key did not sign the message; its chain is asked for elsewhere.
        assert!(case.is_good_for_us() || case.why == "P-256 signer", "{}", case.why);
    }
}

#[test]
fn both_refuse_broken_chains() {
    let stranger = Key::p256();
    let with = |extensions| Draft { extensions, ..issuing() };
    let (past, future) = (at("2026-02-28T00:00:00Z"), at("2026-03-02T00:00:00Z"));
    let no_more = basic_constraints(true, Some(0));
    let second = Draft::authority("AC de abajo", crate::ISSUING, issuing_key().spki());
    let limited = with(vec![no_more, key_usage(&[0x06], 1)]);
    for case in [
        Case { intermediates: vec![issuing().signed_by(&stranger)], ..Case::good() },
        Case { signer: efirma().signed_by(holder_key()), ..Case::good() },
        Case::issuing("no authority", &with(vec![basic_constraints(false, None)])),
        Case::issuing("no basicConstraints", &with(vec![key_usage(&[0x06], 1)])),
        Case::issuing("past authority", &Draft { not_after: past, ..issuing() }),
        Case::issuing("future authority", &Draft { not_before: future, ..issuing() }),
        Case::issuing("unknown critical", &extended(issuing(), unknown_extension(true))),
        Case::issuing("constrained", &extended(issuing(), name_constraints())),
        Case::signer("past", &Draft { not_after: past, ..efirma() }),
        Case::signer("future", &Draft { not_before: future, ..efirma() }),
        Case::signer("unknown critical", &extended(efirma(), unknown_extension(true))),
        Case::signer("authority", &with(vec![basic_constraints(true, None)])),
        Case::signer("other issuer", &Draft { issuer: name(&[(3, 0x0C, b"AC")]), ..efirma() }),
        Case {
            why: "path too long",
            root: root().signed_by(root_key()),
            intermediates: vec![limited.signed_by(root_key()), second.signed_by(issuing_key())],
            signer: Draft::efirma("AC de abajo", holder_key().spki()).signed_by(issuing_key()),
        },
    ] {
        assert!(!case.is_good_for_us(), "{}", case.why);
        assert!(!case.is_good_for_webpki(), "{}", case.why);
    }
}
