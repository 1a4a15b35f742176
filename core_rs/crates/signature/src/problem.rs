//! Everything that may be wrong with a signature, each with the code of its finding and the texts
//! that are set beside each other for people: what was declared, and what would have been granted.
//!
//! No text carries keys, signatures or the identifiers of a person.

use crate::key::SignatureError;

/// One problem. A signature is believed when there is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureProblem {
    /// The signature is not of this message by this certificate's key.
    #[error("signature does not verify")]
    DoesNotVerify,
    /// The certificate did not hold when it signed.
    #[error("certificate outside its validity at the moment of signing")]
    OutsideValidity {
        /// When the signature says it was made.
        signed_at_unix_s: i64,
        /// First second of the certificate.
        not_before: i64,
        /// Last second of the certificate.
        not_after: i64,
    },
    /// No chain of trust leads from the certificate to a root.
    #[error("no chain of trust: {0}")]
    Chain(ChainFault),
    /// The certificate, or an authority above it, was revoked by then.
    #[error("certificate `{number}` was revoked: {reason}")]
    Revoked {
        /// Number of the revoked certificate.
        number: String,
        /// From when it is revoked.
        at_unix_s: i64,
        /// When the signature says it was made.
        signed_at_unix_s: i64,
        /// Why, in the words of the revocation.
        reason: String,
    },
    /// The certificate is of another kind than e.firma.
    #[error("not an e.firma: {0}")]
    NotEfirma(ProfileFault),
    /// The certificate's key is of a wrong kind or below policy.
    #[error("{0}")]
    Key(SignatureError),
}

/// Where a chain of trust breaks.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChainFault {
    /// The bytes are no certificate.
    #[error("certificate unreadable: {0}")]
    Unreadable(&'static str),
    /// A critical extension that we do not understand may take away what we grant.
    #[error("certificate of {holder} has the unknown critical extension `{oid}`")]
    CriticalExtension {
        /// `the signer`, or the name of an authority.
        holder: String,
        /// Object identifier of the extension.
        oid: String,
    },
    /// We hold no authority of that name.
    #[error("issuer `{issuer}` is not known")]
    IssuerUnknown {
        /// Name of the issuer as the certificate writes it.
        issuer: String,
    },
    /// An authority has that name, but did not sign this certificate.
    #[error("certificate is not signed by the issuer `{issuer}` that it names")]
    NotSignedByIssuer {
        /// Name of the authority.
        issuer: String,
    },
    /// The certificate is signed in a way that is too weak, or that the issuer's key cannot make.
    #[error("certificate's signature algorithm is weak, or not of the key of issuer `{issuer}`")]
    SignatureAlgorithm {
        /// Name of the authority.
        issuer: String,
    },
    /// The authority's own key is not usable.
    #[error("issuer `{issuer}`: {error}")]
    IssuerKey {
        /// Name of the authority.
        issuer: String,
        /// What is wrong with its key.
        error: SignatureError,
    },
    /// The authority is known, but leads to no root.
    #[error("issuer `{issuer}` leads to no root within the limit of depth")]
    NotAnchored {
        /// Name of the authority.
        issuer: String,
    },
    /// The issuer's certificate is not an authority's.
    #[error("issuer `{issuer}` is not an authority")]
    IssuerNotAuthority {
        /// Name of the issuer.
        issuer: String,
    },
    /// The issuer's key may not sign certificates.
    #[error("issuer `{issuer}` may not sign certificates")]
    IssuerMayNotSign {
        /// Name of the issuer.
        issuer: String,
    },
    /// The issuer allows fewer authorities below it.
    #[error("issuer `{issuer}` allows {allowed} authorities below it, not {found}")]
    PathTooLong {
        /// Name of the issuer.
        issuer: String,
        /// Its limit.
        allowed: u32,
        /// How many there are.
        found: u32,
    },
    /// The issuer may only vouch for some names, which we cannot check.
    #[error("issuer `{issuer}` is constrained to names")]
    NameConstraints {
        /// Name of the issuer.
        issuer: String,
    },
    /// The issuer did not hold when the signature was made.
    #[error("issuer `{issuer}` outside its validity at the moment of signing")]
    IssuerOutsideValidity {
        /// Name of the issuer.
        issuer: String,
        /// When the signature says it was made.
        signed_at_unix_s: i64,
        /// First second of the issuer.
        not_before: i64,
        /// Last second of the issuer.
        not_after: i64,
    },
}

/// Why a certificate is not an e.firma.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProfileFault {
    /// An organizational unit in the subject: a CSD.
    #[error("CSD, its subject has an organizational unit")]
    InvoiceSeal,
    /// An authority signs certificates and nothing else.
    #[error("certificate of an authority")]
    Authority,
    /// keyUsage is there and leaves out digitalSignature or nonRepudiation.
    #[error("key usage without digitalSignature and nonRepudiation")]
    KeyUsage,
    /// No 2.5.4.45.
    #[error("subject without RFC")]
    RfcMissing,
    /// 2.5.4.45 is no RFC.
    #[error("RFC in the subject unreadable")]
    RfcUnreadable,
    /// More than one 2.5.4.45.
    #[error("more than one RFC in the subject")]
    RfcRepeated,
}

impl SignatureProblem {
    /// The finding's code in the catalogue.
    pub fn code(&self) -> &'static str {
        match self {
            SignatureProblem::DoesNotVerify => "F501",
            SignatureProblem::OutsideValidity { .. } => "F502",
            SignatureProblem::Chain(_) => "F503",
            SignatureProblem::Revoked { .. } => "F504",
            SignatureProblem::NotEfirma(_) => "F505",
            SignatureProblem::Key(_) => "F507",
        }
    }

    /// What the submission declared or carried. Empty where saying it would not help.
    pub fn declared(&self) -> String {
        match self {
            SignatureProblem::DoesNotVerify => String::new(),
            SignatureProblem::OutsideValidity { signed_at_unix_s, .. }
            | SignatureProblem::Revoked { signed_at_unix_s, .. } => instant(*signed_at_unix_s),
            SignatureProblem::Chain(ChainFault::IssuerOutsideValidity {
                signed_at_unix_s, ..
            }) => instant(*signed_at_unix_s),
            SignatureProblem::Chain(fault) => fault.to_string(),
            SignatureProblem::NotEfirma(fault) => fault.to_string(),
            SignatureProblem::Key(error) => error.to_string(),
        }
    }

    /// What would have been accepted. Empty where saying it would not help.
    pub fn granted(&self) -> String {
        match self {
            SignatureProblem::DoesNotVerify => String::new(),
            SignatureProblem::OutsideValidity { not_before, not_after, .. } => {
                period(*not_before, *not_after)
            }
            SignatureProblem::Revoked { number, at_unix_s, .. } => {
                format!("certificate {number} before {}", instant(*at_unix_s))
            }
            SignatureProblem::Chain(fault) => fault.granted(),
            SignatureProblem::NotEfirma(_) => "e.firma".to_owned(),
            SignatureProblem::Key(_) => {
                "RSA of 2048 to 8192 bits with exponent from 65537, P-256 or Ed25519".to_owned()
            }
        }
    }
}

impl ChainFault {
    fn granted(&self) -> String {
        match self {
            ChainFault::IssuerOutsideValidity { issuer, not_before, not_after, .. } => {
                format!("{issuer}: {}", period(*not_before, *not_after))
            }
            ChainFault::PathTooLong { allowed, .. } => format!("at most {allowed} authorities"),
            _ => "a certificate issued under one of the validator's roots".to_owned(),
        }
    }
}

fn period(from_unix_s: i64, to_unix_s: i64) -> String {
    format!("{} to {}", instant(from_unix_s), instant(to_unix_s))
}

/// RFC 3339 in UTC; a second that no calendar reaches is shown as its number.
fn instant(unix_s: i64) -> String {
    match jiff::Timestamp::from_second(unix_s) {
        Ok(timestamp) => timestamp.to_string(),
        Err(_) => unix_s.to_string(),
    }
}
