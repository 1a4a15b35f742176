//! Whom we believe: roots, authorities between, and what has been revoked.
//!
//! A signer is judged as of the moment it signed, since a permit outlives the certificate that
//! issued it. A revocation is of one certificate: when an authority's key is lost, every
//! certificate of that key has to be listed.

use std::sync::Arc;

use rustls_pki_types::pem::{PemObject, SectionKind};

use crate::AUTHORITIES_MAX;
use crate::cache::Cache;
use crate::certificate::{Certificate, Window, fingerprint};
use crate::efirma;
use crate::key::{SignatureError, Verifier};
use crate::paths::{Authorities, Path};
use crate::problem::{ChainFault, ProfileFault, SignatureProblem};
use crate::revocations::Revocations;
pub use crate::revocations::{Revocation, RevokedCertificate};

/// Who signed, as the certificate says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signer {
    /// RFC of the holder, a company or a person.
    pub rfc: String,
    /// RFC of the person who signs for a company.
    pub representative_rfc: Option<String>,
    /// CURP of the person who signs, if the certificate holds a well-formed one.
    pub curp: Option<String>,
    /// Name of the holder.
    pub name: String,
    /// Certificate number: SAT's 20 digits, or the serial in lower-case hex.
    pub number: String,
    /// SHA-256 of the certificate.
    pub certificate_sha256: [u8; 32],
    /// First second in which the certificate holds, since 1970 UTC.
    pub not_before: i64,
    /// Last second in which the certificate holds, since 1970 UTC.
    pub not_after: i64,
}

/// Why there can be no trust store; each says what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TrustError {
    /// Nothing to trust.
    #[error("no root certificate: put the authorities you trust into the anchors file")]
    NoRoots,
    /// More authorities than a store takes.
    #[error("{count} authorities are more than {AUTHORITIES_MAX}: keep those that issue e.firmas")]
    TooManyAuthorities {
        /// How many were given.
        count: usize,
    },
    /// One certificate cannot be read.
    #[error("{kind} certificate {position} is unreadable ({reason}): replace or remove it")]
    Unreadable {
        /// `root` or `intermediate`.
        kind: &'static str,
        /// Place in the list, from 1.
        position: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A revocation that could never match.
    #[error("revocation {position}: serial is neither 20 digits nor hex: copy it from the list")]
    RevokedSerial {
        /// Place in the list, from 1.
        position: usize,
    },
    /// The bundle is not PEM.
    #[error("certificate bundle is not PEM ({0}): convert it with `openssl x509 -inform DER`")]
    Pem(String),
    /// The bundle holds no certificate.
    #[error("certificate bundle holds no `BEGIN CERTIFICATE` section: is it DER, or another file?")]
    NoCertificate,
    /// The bundle holds something that has no place in it.
    #[error("certificate bundle holds a section that is no certificate: remove it")]
    ForeignSection,
}

/// The certificates of a PEM bundle, in order. At least one.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, TrustError> {
    let mut certificates = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem) {
        match section.map_err(|error| TrustError::Pem(error.to_string()))? {
            (SectionKind::Certificate, der) => certificates.push(der),
            // Most likely a private key, which nobody should leave in a file of certificates.
            _ => return Err(TrustError::ForeignSection),
        }
    }
    if certificates.is_empty() { Err(TrustError::NoCertificate) } else { Ok(certificates) }
}

/// Roots, intermediates and revocations, with a memory of the certificates seen. Shared by
/// threads; to change what is trusted, build another.
#[derive(Debug)]
pub struct TrustStore {
    authorities: Arc<Authorities>,
    revocations: Revocations,
    /// Shared by stores that differ in their revocations alone: what is known does not depend on them.
    known: Arc<Cache<Known>>,
}

/// What is known of a signer's certificate, whatever it signs and whenever.
#[derive(Debug)]
struct Known {
    sha256: [u8; 32],
    number: String,
    window: Window,
    verifier: Result<Verifier, SignatureError>,
    signer: Result<Signer, Vec<ProfileFault>>,
    critical_extension: Option<ChainFault>,
    paths: Result<Vec<Path>, ChainFault>,
}

impl TrustStore {
    /// A store of certificates in DER.
    pub fn new(
        roots: Vec<Vec<u8>>,
        intermediates: Vec<Vec<u8>>,
        revocations: Vec<Revocation>,
    ) -> Result<TrustStore, TrustError> {
        let count = roots.len().saturating_add(intermediates.len());
        match count {
            _ if roots.is_empty() => return Err(TrustError::NoRoots),
            _ if count > AUTHORITIES_MAX => return Err(TrustError::TooManyAuthorities { count }),
            _ => {}
        }
        let roots = read_all("root", &roots)?;
        let intermediates = read_all("intermediate", &intermediates)?;
        Ok(TrustStore {
            authorities: Arc::new(Authorities::new(roots, intermediates)),
            revocations: Revocations::new(revocations)?,
            known: Arc::new(Cache::new()),
        })
    }

    /// The same store, with more certificates revoked. It costs no reading of certificates.
    #[must_use]
    pub fn also_revoking(&self, more: impl IntoIterator<Item = Revocation>) -> TrustStore {
        TrustStore {
            authorities: Arc::clone(&self.authorities),
            revocations: self.revocations.with(more),
            known: Arc::clone(&self.known),
        }
    }

    /// Who signed `message`, or everything that is wrong, in the order of the codes.
    ///
    /// `signed_at_unix_s` is what the signed message says; whether that is near enough to now is
    /// for the caller to judge.
    pub fn signer(
        &self,
        message: &[u8],
        signature: &[u8],
        certificate_der: &[u8],
        signed_at_unix_s: i64,
    ) -> Result<Signer, Vec<SignatureProblem>> {
        let known = match self.known(certificate_der) {
            Ok(known) => known,
            // Nothing else can be said of a certificate that cannot be read.
            Err(reason) => {
                return Err(vec![SignatureProblem::Chain(ChainFault::Unreadable(reason))]);
            }
        };
        let mut problems = known.own_problems(message, signature, signed_at_unix_s);
        problems.extend(self.chain_problems(&known, signed_at_unix_s));
        problems.extend(self.revocations.problem(&known.number, &known.sha256, signed_at_unix_s));
        // Stable: problems of one code keep the order in which they were found.
        problems.sort_by_key(SignatureProblem::code);
        match &known.signer {
            Ok(signer) if problems.is_empty() => Ok(signer.clone()),
            _ => Err(problems),
        }
    }

    fn known(&self, certificate_der: &[u8]) -> Result<Arc<Known>, &'static str> {
        let sha256 = fingerprint(certificate_der);
        if let Some(known) = self.known.get(&sha256) {
            return Ok(known);
        }
        let certificate = Certificate::read(certificate_der)?;
        let known = Arc::new(Known {
            sha256,
            number: certificate.number.clone(),
            window: certificate.window,
            verifier: verifier(&certificate),
            signer: efirma::signer(&certificate),
            critical_extension: certificate
                .extensions
                .critical_unknown
                .clone()
                .map(|oid| ChainFault::CriticalExtension { holder: "the signer".into(), oid }),
            paths: self.authorities.paths_of(&certificate),
        });
        if known.paths.is_ok() {
            self.known.put(sha256, Arc::clone(&known));
        }
        Ok(known)
    }

    /// One good way to a root is enough; without one, the way with the fewest problems is told.
    fn chain_problems(&self, known: &Known, signed_at_unix_s: i64) -> Vec<SignatureProblem> {
        match &known.paths {
            Err(fault) => vec![SignatureProblem::Chain(fault.clone())],
            Ok(paths) => paths
                .iter()
                .map(|path| self.path_problems(path, signed_at_unix_s))
                .min_by_key(Vec::len)
                .unwrap_or_default(),
        }
    }

    fn path_problems(&self, path: &Path, signed_at_unix_s: i64) -> Vec<SignatureProblem> {
        let mut problems: Vec<SignatureProblem> =
            path.faults.iter().cloned().map(SignatureProblem::Chain).collect();
        for authority in self.authorities.of(path) {
            if !authority.window.contains(signed_at_unix_s) {
                problems.push(SignatureProblem::Chain(ChainFault::IssuerOutsideValidity {
                    issuer: authority.subject_shown.clone(),
                    signed_at_unix_s,
                    not_before: authority.window.not_before,
                    not_after: authority.window.not_after,
                }));
            }
            let (number, sha256) = (&authority.number, &authority.sha256);
            problems.extend(self.revocations.problem(number, sha256, signed_at_unix_s));
        }
        problems
    }
}

impl Known {
    fn own_problems(
        &self,
        message: &[u8],
        signature: &[u8],
        signed_at_unix_s: i64,
    ) -> Vec<SignatureProblem> {
        let mut problems = Vec::new();
        match &self.verifier {
            Ok(verifier) if verifier.verify(message, signature).is_ok() => {}
            Ok(_) => problems.push(SignatureProblem::DoesNotVerify),
            Err(error) => problems.push(SignatureProblem::Key(error.clone())),
        }
        if !self.window.contains(signed_at_unix_s) {
            problems.push(SignatureProblem::OutsideValidity {
                signed_at_unix_s,
                not_before: self.window.not_before,
                not_after: self.window.not_after,
            });
        }
        problems.extend(self.critical_extension.clone().map(SignatureProblem::Chain));
        let faults = self.signer.as_ref().err().into_iter().flatten().copied();
        problems.extend(faults.map(SignatureProblem::NotEfirma));
        problems
    }
}

fn verifier(certificate: &Certificate) -> Result<Verifier, SignatureError> {
    let key = certificate.key.as_ref().map_err(Clone::clone)?;
    key.verifier(key.algorithm()?)
}

fn read_all(kind: &'static str, ders: &[Vec<u8>]) -> Result<Vec<Certificate>, TrustError> {
    let read = |(position, der): (usize, &Vec<u8>)| {
        Certificate::read(der).map_err(|reason| TrustError::Unreadable { kind, position, reason })
    };
    (1..).zip(ders).map(read).collect()
}
