//! The engine's calls about whole declarations.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use crate::caller::Caller;
use crate::declaration::Declared;
use crate::deliver::Outcome;
use crate::refusal::Refusal;

impl Engine {
    /// Answers a `CheckDeclarationRequest` with a `CheckDeclarationResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be answered.
    pub fn check_declaration(&self, caller: &Arc<Caller>, request: &[u8]) -> Outcome {
        self.checked(Declared::of_check(caller.clone(), request))
    }

    /// Queues a `ReserveDeclarationRequest`; its outcome is a `ReserveDeclarationResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn reserve_declaration(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        self.declared(Declared::of_reserve(caller.clone(), request), timeout)
    }

    /// Queues a `PayDeclarationRequest`; its outcome is a `PayDeclarationResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn pay_declaration(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        self.declared(Declared::of_pay(caller.clone(), request), timeout)
    }

    /// Queues a `ValidateDeclarationRequest`; its outcome is a `ValidateDeclarationResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn validate_declaration(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        self.declared(Declared::of_validate(caller.clone(), request), timeout)
    }

    /// Queues a `ReleaseDeclarationRequest`; its outcome is a `ReleaseDeclarationResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn release_declaration(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        self.declared(Declared::of_release(caller.clone(), request), timeout)
    }

    /// Queues a `RectifyDeclarationRequest`; its outcome is a `RectifyDeclarationResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn rectify_declaration(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        self.declared(Declared::of_rectify(caller.clone(), request), timeout)
    }
}
