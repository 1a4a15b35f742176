//! Looks at the certificate of an official before he is enrolled, when there is time to ask for a
//! better one. Whether it leads to a root is judged with each signature, as of its moment.

use thiserror::Error;

use crate::certificate::Certificate;
use crate::efirma;
use crate::key::{PublicKey, SignatureError};
use crate::problem::ProfileFault;
use crate::trust::Signer;

/// The exponent 65537 at the end of an RSAPublicKey: what every e.firma has.
const RSA_EXPONENT_DER: &[u8] = &[0x02, 0x03, 0x01, 0x00, 0x01];

/// Why a certificate is not enrolled.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum EnrolmentFault {
    /// The bytes are no certificate.
    #[error("certificate unreadable: {0}")]
    Unreadable(&'static str),
    /// Its key is of a wrong kind or below policy.
    #[error("{0}")]
    Key(SignatureError),
    /// Its RSA key has another exponent than 65537.
    #[error("key with an unusual RSA exponent, not 65537")]
    Exponent,
    /// It is no e.firma.
    #[error("not an e.firma: {0}")]
    NotEfirma(ProfileFault),
}

/// Who a certificate is of, if its key and its kind are fit to sign.
///
/// # Errors
/// Everything that is wrong with it.
pub fn enrolled(certificate_der: &[u8]) -> Result<Signer, Vec<EnrolmentFault>> {
    let certificate = Certificate::read(certificate_der)
        .map_err(|reason| vec![EnrolmentFault::Unreadable(reason)])?;
    let mut faults: Vec<EnrolmentFault> = key_fault(&certificate).into_iter().collect();
    match efirma::signer(&certificate) {
        Ok(signer) if faults.is_empty() => return Ok(signer),
        Ok(_) => {}
        Err(profile) => faults.extend(profile.into_iter().map(EnrolmentFault::NotEfirma)),
    }
    Err(faults)
}

fn key_fault(certificate: &Certificate) -> Option<EnrolmentFault> {
    let key = match &certificate.key {
        Ok(key) => key,
        Err(error) => return Some(EnrolmentFault::Key(error.clone())),
    };
    match key {
        PublicKey::Rsa(der) if !der.ends_with(RSA_EXPONENT_DER) => Some(EnrolmentFault::Exponent),
        _ => key.algorithm().err().map(EnrolmentFault::Key),
    }
}
