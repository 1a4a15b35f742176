//! What a version of a license changed, field by field.

use std::collections::BTreeMap;

use descargo_model::date::instant_of;
use descargo_model::pb;

/// Paths of fields and what they say; a field that is absent has no entry.
type Leaves = BTreeMap<String, String>;

/// The fields that differ, by path.
pub(crate) fn between(old: &pb::License, new: &pb::License) -> Vec<pb::FieldChange> {
    let (old, mut new) = (leaves(old), leaves(new));
    let mut changes: Vec<_> = old
        .into_iter()
        .map(|(field, old_value)| {
            let new_value = new.remove(&field).unwrap_or_default();
            pb::FieldChange { field, old_value, new_value }
        })
        .filter(|change| change.old_value != change.new_value)
        .collect();
    changes.extend(new.into_iter().map(|(field, new_value)| pb::FieldChange {
        field,
        old_value: String::new(),
        new_value,
    }));
    changes.sort_by(|one, other| one.field.cmp(&other.field));
    changes
}

fn leaves(license: &pb::License) -> Leaves {
    let mut leaves = Leaves::new();
    let mut text = |field: &str, value: &str| put(&mut leaves, field, value);
    text(
        "instrument_kind",
        unprefixed(license.instrument_kind().as_str_name(), "INSTRUMENT_KIND_"),
    );
    text("operation", unprefixed(license.operation().as_str_name(), "OPERATION_TYPE_"));
    text("quantity_basis", unprefixed(license.quantity_basis().as_str_name(), "QUANTITY_BASIS_"));
    text("valid_from", &license.valid_from);
    text("valid_to", &license.valid_to);
    text("authorization_complement", &license.authorization_complement);
    text("vucem_folio", &license.vucem_folio);
    text("legal_basis", &license.legal_basis);
    if let Some(holder) = &license.holder {
        text("holder.rfc", &holder.rfc);
        text("holder.curp", &holder.curp);
        text("holder.legal_name", &holder.legal_name);
    }
    let instants = [
        ("notified_at", license.notified_at),
        ("applied_at", license.applied_at),
        ("ruled_at", license.ruled_at),
    ];
    for (field, stated) in instants {
        if let Some(at) = stated.as_ref().and_then(instant_of) {
            text(field, &at.to_string());
        }
    }
    extent(&mut leaves, "regimes", license.regimes.as_ref());
    extent(&mut leaves, "offices", license.offices.as_ref());
    amount(&mut leaves, "total", license.total.as_ref());
    for (at, line) in license.lines.iter().enumerate() {
        license_line(&mut leaves, &format!("lines[{at}]"), line);
    }
    leaves
}

fn license_line(leaves: &mut Leaves, path: &str, line: &pb::LicenseLine) {
    put(leaves, &format!("{path}.line_no"), &line.line_no.to_string());
    put(leaves, &format!("{path}.description"), &line.description);
    put(leaves, &format!("{path}.unit"), &line.unit.to_string());
    amount(leaves, &format!("{path}.authorized"), line.authorized.as_ref());
    let countries = line.countries_origin_destination.as_ref();
    extent(leaves, &format!("{path}.countries_origin_destination"), countries);
    let countries = line.countries_seller_buyer.as_ref();
    extent(leaves, &format!("{path}.countries_seller_buyer"), countries);
    for (at, code) in line.tariff_codes.iter().enumerate() {
        put(leaves, &format!("{path}.tariff_codes[{at}].code"), &code.code);
        put(leaves, &format!("{path}.tariff_codes[{at}].nico"), &code.nico);
    }
}

fn amount(leaves: &mut Leaves, path: &str, amount: Option<&pb::Amount>) {
    let Some(amount) = amount else { return };
    put(leaves, &format!("{path}.quantity"), amount.quantity());
    put(leaves, &format!("{path}.value_usd"), amount.value_usd());
}

fn extent(leaves: &mut Leaves, path: &str, extent: Option<&pb::Extent>) {
    let Some(extent) = extent else { return };
    if extent.every {
        put(leaves, &format!("{path}.every"), "true");
    }
    put(leaves, &format!("{path}.only"), &extent.only.join(", "));
}

fn put(leaves: &mut Leaves, path: &str, value: &str) {
    if !value.is_empty() {
        leaves.insert(path.to_owned(), value.to_owned());
    }
}

fn unprefixed<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTOR: &[u8] = include_bytes!("../../model/src/generated/descargo.v1.binpb");

    fn license() -> pb::License {
        let only = |codes: &[&str]| pb::Extent {
            every: false,
            only: codes.iter().map(|code| (*code).to_owned()).collect(),
        };
        let line = pb::LicenseLine {
            line_no: 1,
            unit: 1,
            authorized: Some(pb::Amount {
                quantity: Some("500".into()),
                value_usd: Some("9000.5".into()),
            }),
            countries_origin_destination: Some(only(&["CHN", "USA"])),
            ..pb::LicenseLine::default()
        };
        pb::License { lines: vec![line], valid_to: "2026-12-31".into(), ..pb::License::default() }
    }

    fn seen(old: &pb::License, new: &pb::License) -> Vec<(String, String, String)> {
        between(old, new)
            .into_iter()
            .map(|change| (change.field, change.old_value, change.new_value))
            .collect()
    }

    #[test]
    fn nothing_differs_from_itself() {
        assert!(between(&license(), &license()).is_empty());
    }

    #[test]
    fn what_appears_changes_and_goes_is_told_by_path() {
        let mut new = license();
        new.valid_to = "2027-03-31".into();
        new.legal_basis = "RLCE 23".into();
        let line = new.lines.first_mut().unwrap();
        line.authorized = Some(pb::Amount { quantity: Some("500".into()), value_usd: None });
        line.countries_origin_destination = Some(pb::Extent { every: true, only: vec![] });
        let expected = [
            ("legal_basis", "", "RLCE 23"),
            ("lines[0].authorized.value_usd", "9000.5", ""),
            ("lines[0].countries_origin_destination.every", "", "true"),
            ("lines[0].countries_origin_destination.only", "CHN, USA", ""),
            ("valid_to", "2026-12-31", "2027-03-31"),
        ]
        .map(|(field, old, new)| (field.to_owned(), old.to_owned(), new.to_owned()));
        assert_eq!(seen(&license(), &new), expected);
    }

    /// A field that joins the contract must join this list too.
    #[test]
    fn every_field_of_a_license_is_compared() {
        let set = <prost_types::FileDescriptorSet as prost::Message>::decode(DESCRIPTOR).unwrap();
        let fields = |wanted: &str| -> Vec<String> {
            let mut messages = set.file.iter().flat_map(|file| &file.message_type);
            let message = messages.find(|message| message.name() == wanted).unwrap();
            message.field.iter().map(|field| field.name().to_owned()).collect()
        };
        let source = include_str!("changes.rs");
        let body = source.split("#[cfg(test)]").next().unwrap();
        for message in ["License", "LicenseLine", "Party", "TariffCode", "Amount", "Extent"] {
            for field in fields(message) {
                assert!(body.contains(&field), "{message}.{field}");
            }
        }
    }
}
