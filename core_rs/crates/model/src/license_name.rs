//! The name of a license: agency, permit key and number.

use crate::pb;
use crate::text::lookup_number;

/// A license's name, as it was stated and as it is looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LicenseName {
    /// Issuing agency; empty only where a declaration states none.
    pub agency: String,
    /// Key of Apendice 9.
    pub permit_key: String,
    /// Number as it was stated.
    pub permit_number: String,
    /// Number without blanks and in capitals; the one that is unique.
    pub lookup_number: String,
}

impl LicenseName {
    /// The name that the contract's message states. It is not checked here.
    #[must_use]
    pub fn from_pb(id: &pb::LicenseId) -> Self {
        Self {
            agency: id.agency.clone(),
            permit_key: id.permit_key.clone(),
            permit_number: id.permit_number.clone(),
            lookup_number: lookup_number(&id.permit_number),
        }
    }

    /// The contract's message, with the number as it was stated.
    #[must_use]
    pub fn to_pb(&self) -> pb::LicenseId {
        pb::LicenseId {
            agency: self.agency.clone(),
            permit_key: self.permit_key.clone(),
            permit_number: self.permit_number.clone(),
        }
    }
}
