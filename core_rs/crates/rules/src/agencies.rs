//! For which agencies, and which of their keys, an identity may speak.

/// An agency that an identity is listed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgencyKeys {
    /// The agency.
    pub agency: String,
    /// Keys of Apendice 9; empty: all of the agency.
    pub permit_keys: Vec<String>,
}

impl AgencyKeys {
    /// Whether a key is among them.
    #[must_use]
    pub fn has_key(&self, permit_key: &str) -> bool {
        self.permit_keys.is_empty() || self.permit_keys.iter().any(|own| own == permit_key)
    }
}
