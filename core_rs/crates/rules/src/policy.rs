//! The limits that no law states: configuration, with our defaults and the reason beside each.

use serde::{Deserialize, Serialize};

/// What is done with a tariff code that the tariff lacks, on a day that the tariff does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum UnknownTariffCode {
    /// Warn (W803): the tariff that we hold may be older than the code.
    #[default]
    Warn,
    /// Refuse (C203): for who imports the tariff as it changes.
    Refuse,
}

/// The limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// By how many days the validity may begin before the signing date (N407); not for onboarding.
    pub backdating_days: u32,
    /// How old a signature may be when it arrives (F508).
    pub signed_at_window_hours: u32,
    /// By how much a signature may lie in the future (F508).
    pub clock_skew_seconds: u32,
    /// What is done with a code that the tariff lacks.
    pub unknown_tariff_code: UnknownTariffCode,
    /// Below how many percent of what was granted a balance is low (W811).
    pub low_balance_percent: u32,
    /// From how many days before the last day on the end is near (W811).
    pub expiry_warning_days: u32,
    /// From how many days before the last day on an agency is told that a balance is left.
    pub alert_expiry_days: u32,
    /// How many days after the payment a hold on a quota lapses that was not exercised. Other paid holds
    /// last as long as their license.
    pub paid_hold_days: u32,
    /// How many wrong discharge signatures one caller may state for one license within a minute.
    pub wrong_signature_limit: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            // An act of authority has no effect before it is signed, unless its rules say so.
            backdating_days: 0,
            // A long weekend and a holiday; longer, and a stale decision passes for a new one.
            signed_at_window_hours: 168,
            // What a machine without a disciplined clock may drift by.
            clock_skew_seconds: 300,
            // The official tariff that is public ends in March 2024: refusing would stop new codes.
            unknown_tariff_code: UnknownTariffCode::Warn,
            // What brokers told their holders when they kept ledgers of their own.
            low_balance_percent: 10,
            // The same: a week suffices to ask for an extension.
            expiry_warning_days: 7,
            // A month suffices to use what is left, or to extend.
            alert_expiry_days: 30,
            // No rule was found; a season, within which goods at sea arrive.
            paid_hold_days: 90,
            // A discharge signature has 40 bits: at five a minute it is not found in a lifetime.
            wrong_signature_limit: 5,
        }
    }
}
