//! Which licenses a line needs, by the rules that the validator is configured with.

use descargo_model::date::Day;
use descargo_model::decimal::{Quantity, Usd};
use descargo_model::pb;
use descargo_rules::catalogue::Catalogue;
use descargo_rules::codes::Tariff;
use descargo_rules::ruleset::{Line, Pattern, Rule, Ruleset, ScopeKind};
use prost::Message;

use crate::command::Desk;
use crate::deliver::Outcome;
use crate::limits::EXERCISE_BYTES_MAX;
use crate::refusal::{Reason, Refusal};
use crate::request;

/// Answers a `ListRequiredLicensesRequest`.
///
/// # Errors
/// `FIELD_INVALID` when a field that rules need is missing or unknown: a rule that is not met for a
/// slip of the pen would look as if nothing were needed.
pub(crate) fn answer(desk: &Desk, bytes: &[u8]) -> Outcome {
    let message: pb::ListRequiredLicensesRequest =
        request::read("ListRequiredLicensesRequest", bytes, EXERCISE_BYTES_MAX)?;
    let line = read_line(&message, &desk.rules)?;
    let mut response = pb::ListRequiredLicensesResponse {
        catalogue_version: desk.letterhead.catalogue_version.clone(),
        ..pb::ListRequiredLicensesResponse::default()
    };
    if let Some(checked) = &desk.ruleset {
        response.ruleset_hash = checked.sha256().to_vec();
        fill(checked.ruleset(), &line, &mut response);
    }
    Ok(response.encode_to_vec())
}

fn fill(ruleset: &Ruleset, line: &Line<'_>, response: &mut pb::ListRequiredLicensesResponse) {
    response.judged_permit_keys =
        ruleset.judged_permit_keys(line).into_iter().map(str::to_owned).collect();
    response.judged = !response.judged_permit_keys.is_empty();
    let required = ruleset.required(line);
    let mut numbers = [required.rules, required.other_goods].concat();
    numbers.sort_unstable();
    let rules = numbers.iter().filter_map(|number| ruleset.rule(*number));
    response.requirements = rules.map(requirement).collect();
    let failed = required.failed.iter().filter_map(|number| ruleset.rule(*number));
    response.failed_rule_ids = failed.map(|rule| rule.id.clone()).collect();
}

fn requirement(rule: &Rule) -> pb::Requirement {
    let license = |key: &String| pb::LicenseId {
        agency: rule.agency.clone(),
        permit_key: key.clone(),
        ..pb::LicenseId::default()
    };
    let licenses: Vec<pb::LicenseId> = rule.permit_keys.iter().map(license).collect();
    let (any_of, all_of) = if rule.all { (vec![], licenses) } else { (licenses, vec![]) };
    let scope = rule.scope.as_ref().map(|(kind, goods)| match kind {
        ScopeKind::Only => format!("Únicamente: {goods}"),
        ScopeKind::Except => format!("Excepto: {goods}"),
    });
    pb::Requirement {
        rule_id: rule.id.clone(),
        any_of,
        legal_basis: rule.legal_basis_text(),
        exempting: rule.exempt.iter().map(identifier).collect(),
        illustrative: rule.legal_basis.illustrative,
        all_of,
        only_with: rule.when_identifiers.iter().map(identifier).collect(),
        scope: scope.unwrap_or_default(),
    }
}

fn identifier(pattern: &Pattern) -> pb::Identifier {
    pb::Identifier { key: pattern.key.clone(), complements: pattern.complements.clone() }
}

fn read_line<'a>(
    message: &'a pb::ListRequiredLicensesRequest,
    rules: &descargo_rules::Rules,
) -> Result<Line<'a>, Refusal> {
    let catalogue: &Catalogue = &rules.catalogue;
    let declaration =
        message.declaration.as_ref().ok_or_else(|| invalid("declaration", "it is missing"))?;
    let [line] = declaration.lines.as_slice() else {
        return Err(invalid("declaration.lines", "exactly one line is asked about"));
    };
    let on =
        Day::parse(&message.on_date).map_err(|error| invalid("on_date", &error.to_string()))?;
    let tariff =
        line.tariff_code.as_ref().and_then(|tariff| Tariff::read(&tariff.code, &tariff.nico));
    let (code, nico) =
        tariff.and_then(|tariff| tariff.nico.map(|nico| (tariff.code, nico))).ok_or_else(|| {
            invalid("declaration.lines[0].tariff_code", "not 8 digits and a NICO of 2")
        })?;
    let operation = pb::OperationType::try_from(declaration.operation)
        .ok()
        .filter(|operation| *operation != pb::OperationType::Unspecified)
        .ok_or_else(|| invalid("declaration.operation", "it is missing or unknown"))?;
    let country = &line.country_origin_destination;
    for (known, field) in [
        (catalogue.has_regime_ever(&declaration.regime), "declaration.regime"),
        (
            rules.instruments.has_declaration_key(&declaration.declaration_key),
            "declaration.declaration_key",
        ),
        (
            declaration.clearance_office.len() == 3
                && catalogue.has_aduana_ever(&declaration.clearance_office),
            "declaration.clearance_office",
        ),
        (catalogue.has_country_ever(country), "declaration.lines[0].country_origin_destination"),
    ] {
        if !known {
            return Err(invalid(field, "it is missing or unknown"));
        }
    }
    let value = optional(&line.value_usd, "declaration.lines[0].value_usd", |text| {
        Usd::parse(text).ok().map(Usd::scaled)
    })?;
    let umt = line.umt.as_ref().map(|umt| umt.quantity.as_str()).unwrap_or_default();
    let quantity = optional(umt, "declaration.lines[0].umt.quantity", |text| {
        Quantity::parse(text).ok().map(Quantity::scaled)
    })?;
    Ok(Line {
        tariff: code,
        nico,
        operation,
        regime: &declaration.regime,
        declaration_key: &declaration.declaration_key,
        country,
        office: &declaration.clearance_office,
        value_cents: value,
        quantity_e5: quantity,
        identifiers: &[],
        // The call takes none.
        identifiers_known: false,
        on,
    })
}

fn optional(
    text: &str,
    field: &str,
    read: fn(&str) -> Option<i64>,
) -> Result<Option<i64>, Refusal> {
    match text {
        "" => Ok(None),
        text => {
            read(text).map(Some).ok_or_else(|| invalid(field, "it is no decimal of the contract"))
        }
    }
}

fn invalid(field: &str, what: &str) -> Refusal {
    Refusal::of_field(Reason::FieldInvalid, field, what)
}
