//! Whose signatures count: certificates that are believed and officials who may sign.
//!
//! Both come from files that an operator changes while the server runs, a compromised key above
//! all. They are replaced whole, and a decision is made under one of them: the present one. What
//! was checked under an earlier one while it waited in the queue is checked again.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use descargo_rules::signers::SignerRegistry;
use descargo_signature::TrustStore;

/// Certificates and officials, as the files said at one moment.
#[derive(Debug)]
pub(crate) struct Authority {
    pub trust: TrustStore,
    pub signers: SignerRegistry,
}

/// The present authority.
#[derive(Debug)]
pub(crate) struct Authorities {
    present: RwLock<Arc<Authority>>,
}

impl Authorities {
    pub fn new(authority: Authority) -> Self {
        Self { present: RwLock::new(Arc::new(authority)) }
    }

    /// The present one, to check a signature with.
    pub fn present(&self) -> Arc<Authority> {
        Arc::clone(&self.held())
    }

    /// The present one, which stays so until the guard goes: a decision is made meanwhile.
    pub fn held(&self) -> RwLockReadGuard<'_, Arc<Authority>> {
        // Only whole values are ever put in, so a poisoned lock is still good.
        self.present.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another in its place. Waits for the decision that is being made; none that begins
    /// after the return is made under the old one.
    pub fn replace(&self, authority: Authority) {
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        *present = Arc::new(authority);
    }
}
