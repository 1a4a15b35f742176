//! The ways from each authority to the roots.
//!
//! Authorities are fixed when the store is built, so everything among them that does not depend on
//! the moment is decided then, once: who issued whom, how long the ways are, and what breaks the
//! rules of RFC 5280. A signer's certificate then costs one signature for each authority that bears
//! its issuer's name, and no search.
//!
//! All authorities of one name are tried, since a renewed or cross-signed one keeps its name. Key
//! identifiers only say which to try first: they are a hint of the issuer's, not a proof.

use std::collections::VecDeque;

use crate::certificate::{Certificate, NotIssued};
use crate::problem::ChainFault;
use crate::{CHAIN_DEPTH_MAX, CHAIN_PATHS_MAX};

/// Steps of one search; a bundle in which everybody has signed everybody must not stall a start.
const SEARCH_STEPS_MAX: usize = 1_024;

/// An authority of the store.
#[derive(Debug)]
struct Authority {
    certificate: Certificate,
    is_root: bool,
}

/// One way up: the direct issuer first, a root last.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    steps: Vec<usize>,
    /// What is wrong with it at every moment.
    pub(crate) faults: Vec<ChainFault>,
}

/// All authorities, and the ways from each to the roots.
#[derive(Debug)]
pub(crate) struct Authorities {
    authorities: Vec<Authority>,
    /// For each authority, in the same order.
    paths: Vec<Vec<Path>>,
}

impl Authorities {
    /// An intermediate that is also a root stays a root.
    pub(crate) fn new(roots: Vec<Certificate>, intermediates: Vec<Certificate>) -> Authorities {
        let mut authorities: Vec<Authority> = Vec::new();
        let roots = roots.into_iter().map(|certificate| (certificate, true));
        let intermediates = intermediates.into_iter().map(|certificate| (certificate, false));
        for (certificate, is_root) in roots.chain(intermediates) {
            if !authorities.iter().any(|known| known.certificate.sha256 == certificate.sha256) {
                authorities.push(Authority { certificate, is_root });
            }
        }
        let issuers: Vec<Vec<usize>> =
            authorities.iter().map(|child| issuers_of(child, &authorities)).collect();
        let paths =
            (0..authorities.len()).map(|start| paths_from(start, &authorities, &issuers)).collect();
        Authorities { authorities, paths }
    }

    /// The ways from `certificate` to the roots; never none.
    pub(crate) fn paths_of(&self, certificate: &Certificate) -> Result<Vec<Path>, ChainFault> {
        let mut candidates: Vec<(usize, &Authority)> = self
            .authorities
            .iter()
            .enumerate()
            .filter(|(_, authority)| authority.certificate.subject == certificate.issuer)
            .collect();
        candidates.sort_by_key(|(_, authority)| !is_hinted(certificate, &authority.certificate));
        let issuer = certificate.issuer_shown.clone();
        let mut fault = ChainFault::IssuerUnknown { issuer: issuer.clone() };
        let mut paths = Vec::new();
        for (index, authority) in candidates {
            match certificate.check_issued_by(&authority.certificate) {
                Ok(()) => {
                    fault = ChainFault::NotAnchored { issuer: issuer.clone() };
                    paths.extend(self.paths.get(index).into_iter().flatten().cloned());
                }
                Err(_) if matches!(fault, ChainFault::NotAnchored { .. }) => {}
                Err(reason) => fault = not_issued(issuer.clone(), reason),
            }
        }
        if paths.is_empty() { Err(fault) } else { Ok(paths) }
    }

    /// The authorities of a path, the direct issuer first.
    pub(crate) fn of<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = &'a Certificate> {
        certificates(&path.steps, &self.authorities)
    }
}

fn certificates<'a>(
    steps: &'a [usize],
    authorities: &'a [Authority],
) -> impl Iterator<Item = &'a Certificate> {
    steps.iter().filter_map(|step| authorities.get(*step)).map(|authority| &authority.certificate)
}

fn not_issued(issuer: String, reason: NotIssued) -> ChainFault {
    match reason {
        NotIssued::Key(error) => ChainFault::IssuerKey { issuer, error },
        NotIssued::Algorithm => ChainFault::SignatureAlgorithm { issuer },
        NotIssued::Signature => ChainFault::NotSignedByIssuer { issuer },
    }
}

/// A root is trusted because the operator says so: nobody above it is asked.
fn issuers_of(child: &Authority, authorities: &[Authority]) -> Vec<usize> {
    let is_issuer = |authority: &Authority| {
        !child.is_root
            && authority.certificate.subject == child.certificate.issuer
            && authority.certificate.sha256 != child.certificate.sha256
            && child.certificate.check_issued_by(&authority.certificate).is_ok()
    };
    (0..).zip(authorities).filter(|(_, one)| is_issuer(one)).map(|(index, _)| index).collect()
}

/// Breadth first, so that the shortest ways are found first.
fn paths_from(start: usize, authorities: &[Authority], issuers: &[Vec<usize>]) -> Vec<Path> {
    let mut found = Vec::new();
    let mut open = VecDeque::from([vec![start]]);
    for _ in 0..SEARCH_STEPS_MAX {
        let Some(steps) = open.pop_front().filter(|_| found.len() < CHAIN_PATHS_MAX) else {
            break;
        };
        let Some(last) = steps.last().copied() else { continue };
        if authorities.get(last).is_some_and(|authority| authority.is_root) {
            let faults = faults(&steps, authorities);
            found.push(Path { steps, faults });
        } else if steps.len() < CHAIN_DEPTH_MAX {
            for issuer in issuers.get(last).into_iter().flatten() {
                if !steps.contains(issuer) {
                    open.push_back(steps.iter().chain([issuer]).copied().collect());
                }
            }
        }
    }
    found
}

fn faults(steps: &[usize], authorities: &[Authority]) -> Vec<ChainFault> {
    let mut faults = Vec::new();
    // Self-issued certificates carry a renewed key and do not count (RFC 5280, 4.2.1.9).
    let mut below: u32 = 0;
    for authority in certificates(steps, authorities) {
        faults.extend(faults_as_issuer(authority, below));
        if !authority.is_self_issued() {
            below = below.saturating_add(1);
        }
    }
    faults
}

fn faults_as_issuer(authority: &Certificate, below: u32) -> Vec<ChainFault> {
    let issuer = || authority.subject_shown.clone();
    let extensions = &authority.extensions;
    let mut faults = Vec::new();
    if !extensions.is_authority {
        faults.push(ChainFault::IssuerNotAuthority { issuer: issuer() });
    }
    // Stricter than RFC 5280, which lets a missing keyUsage pass: SAT's authorities all have it.
    if !extensions.key_usage.is_some_and(|usage| usage.certificate_signing) {
        faults.push(ChainFault::IssuerMayNotSign { issuer: issuer() });
    }
    if let Some(allowed) = extensions.path_length_max.filter(|allowed| below > *allowed) {
        faults.push(ChainFault::PathTooLong { issuer: issuer(), allowed, found: below });
    }
    if extensions.has_name_constraints {
        faults.push(ChainFault::NameConstraints { issuer: issuer() });
    }
    if let Some(oid) = extensions.critical_unknown.clone() {
        faults.push(ChainFault::CriticalExtension { holder: issuer(), oid });
    }
    faults
}

fn is_hinted(certificate: &Certificate, authority: &Certificate) -> bool {
    let named = &certificate.extensions.authority_key_id;
    named.is_some() && *named == authority.extensions.subject_key_id
}
