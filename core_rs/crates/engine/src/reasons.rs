//! The texts of reasons, for items of a stream: what a unary call's status would have said.

use std::collections::HashMap;

use descargo_model::pb;
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::settings::SettingsError;

const REASONS_TOML: &str = include_str!("../../../../proto/descargo/catalogue/reasons.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    status: String,
    message_es: String,
    message_en: String,
    remedy_es: String,
    remedy_en: String,
}

/// Status and texts by reason.
#[derive(Debug)]
pub(crate) struct Reasons(HashMap<String, Row>);

impl Reasons {
    /// The texts that were compiled in.
    pub fn compiled_in() -> Result<Self, SettingsError> {
        toml::from_str(REASONS_TOML)
            .map(Self)
            .map_err(|error| SettingsError(format!("reasons.toml: {error}")))
    }

    /// What an item without verdict is answered.
    pub fn item(&self, refusal: &Refusal) -> pb::ItemRefusal {
        let row = self.0.get(refusal.reason.as_str());
        let told = |of: fn(&Row) -> (&str, &str)| {
            let (message, remedy) = row.map_or(("", ""), of);
            format!("{message} {remedy}")
        };
        pb::ItemRefusal {
            status: row.map_or("INTERNAL", |row| &row.status).to_owned(),
            reason: refusal.reason.as_str().to_owned(),
            field: refusal.field.clone(),
            detail: refusal.detail.clone(),
            message_es: told(|row| (&row.message_es, &row.remedy_es)),
            message_en: told(|row| (&row.message_en, &row.remedy_en)),
            retry_after_ms: refusal
                .retry_after_ms
                .map_or(0, |ms| u32::try_from(ms).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Reason;

    #[test]
    fn an_item_is_told_what_the_unary_call_would_say() {
        let reasons = Reasons::compiled_in().unwrap();
        let refusal = Refusal::of_field(Reason::RequestIdReused, "request_id", "used before");
        let item = reasons.item(&refusal.retry_after_ms(7));
        assert_eq!(
            [item.status.as_str(), &item.reason, &item.field, &item.detail],
            ["ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id", "used before"]
        );
        assert!(item.message_es.len() > 20 && item.message_en.len() > 20);
        assert_eq!(item.retry_after_ms, 7);
    }
}
