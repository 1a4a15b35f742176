//! Whatever is sent, the checks answer: no panic, one answer for one message, and never a grant
//! beside a refusal.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may fail loudly"
)]

mod support;

use descargo_model::decimal::{AmountValue, DecimalError, Quantity, Usd};
use descargo_model::pb;
use descargo_rules::coverage::{LicenseState, coverage};
use descargo_rules::declaration::{DeclarationContext, check_declaration};
use descargo_rules::submission::{Subject, SubmissionContext, check_submission};
use descargo_rules::terms::LicenseTerms;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Texts that are likely to be right, nearly right, or odd.
fn text() -> BoxedStrategy<String> {
    let likely = [
        "",
        "SE",
        "AV",
        "C1",
        "IM",
        "CP",
        "NB",
        "A1",
        "IMD",
        "EXD",
        "240",
        "16",
        "USA",
        "DEU",
        "72081001",
        "72083901",
        "27101299",
        "00",
        "01",
        "99",
        "1",
        "0",
        "0.5",
        "100",
        "5000.01",
        "2026-04-01",
        "2026-12-31",
        "2024-02-29",
        "2026-02-30",
        "EKU9003173C9",
        "SAT970701NN3",
        "CACX760510MGTSHC04",
        "K7M2QX9R",
        "262434566000001",
        "descargo.v1.Submission",
        "descargo.test",
        "SE-0001",
        "92233720368547.75807",
        "92233720368547758.07",
        "|",
        "n\u{303}",
    ];
    prop_oneof![
        8 => prop::sample::select(likely.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[0-9A-ZÑ&. ]{0,60}",
    ]
    .boxed()
}

fn amounts() -> BoxedStrategy<Option<pb::Amount>> {
    let amount = (option::of(text()), option::of(text()));
    option::of(amount.prop_map(|(quantity, value_usd)| pb::Amount { quantity, value_usd })).boxed()
}

fn extents() -> BoxedStrategy<Option<pb::Extent>> {
    let extent = (any::<bool>(), vec(text(), 0..4));
    option::of(extent.prop_map(|(every, only)| pb::Extent { every, only })).boxed()
}

fn tariffs() -> BoxedStrategy<pb::TariffCode> {
    (text(), text()).prop_map(|(code, nico)| pb::TariffCode { code, nico }).boxed()
}

fn parties() -> BoxedStrategy<Option<pb::Party>> {
    let party = (text(), text(), text());
    option::of(party.prop_map(|(rfc, curp, legal_name)| pb::Party { rfc, curp, legal_name }))
        .boxed()
}

fn timestamps() -> BoxedStrategy<Option<prost_types::Timestamp>> {
    let seconds = prop_oneof![1_775_000_000_i64..1_775_100_000, any::<i64>()];
    let nanos = prop_oneof![Just(0), any::<i32>()];
    let timestamp = (seconds, nanos);
    option::of(timestamp.prop_map(|(seconds, nanos)| prost_types::Timestamp { seconds, nanos }))
        .boxed()
}

fn license_lines() -> BoxedStrategy<pb::LicenseLine> {
    (0_u32..4, vec(tariffs(), 0..3), text(), 0_u32..110, amounts(), extents(), extents())
        .prop_map(|(line_no, tariff_codes, description, unit, authorized, origin, seller)| {
            pb::LicenseLine {
                line_no,
                tariff_codes,
                description,
                unit,
                authorized,
                countries_origin_destination: origin,
                countries_seller_buyer: seller,
            }
        })
        .boxed()
}

fn licenses() -> BoxedStrategy<pb::License> {
    let head = (-1..8_i32, parties(), -1..5_i32, extents(), extents(), text(), text());
    let rest =
        (-1..4_i32, vec(license_lines(), 0..3), amounts(), timestamps(), text(), text(), text());
    (head, rest, timestamps(), timestamps())
        .prop_map(|(head, rest, applied_at, ruled_at)| pb::License {
            instrument_kind: head.0,
            holder: head.1,
            operation: head.2,
            regimes: head.3,
            offices: head.4,
            valid_from: head.5,
            valid_to: head.6,
            quantity_basis: rest.0,
            lines: rest.1,
            total: rest.2,
            notified_at: rest.3,
            authorization_complement: rest.4,
            vucem_folio: rest.5,
            legal_basis: rest.6,
            applied_at,
            ruled_at,
        })
        .boxed()
}

/// Takes each field of `odd` that its bit in `mask` says, the others from `right`, so that messages
/// are often right but for one thing.
macro_rules! mixed {
    ($mask:expr, $right:expr, $odd:expr, $($field:ident),* $(,)?) => {{
        let (mut mask, mut mixed, odd): (u32, _, _) = ($mask, $right, $odd);
        $(
            if mask & 1 == 1 {
                mixed.$field = odd.$field;
            }
            mask >>= 1;
        )*
        let _ = mask;
        mixed
    }};
}

/// Bits of which few are set, and often none.
fn masks() -> BoxedStrategy<u32> {
    let bit = (0_u32..18).prop_map(|bit| 1 << bit);
    prop_oneof![Just(0), bit.clone(), (bit.clone(), bit).prop_map(|(one, other)| one | other)]
        .boxed()
}

fn nearly_right_licenses() -> BoxedStrategy<pb::License> {
    (masks(), licenses())
        .prop_map(|(mask, odd)| {
            mixed!(
                mask,
                support::license(),
                odd,
                instrument_kind,
                holder,
                operation,
                regimes,
                offices,
                valid_from,
                valid_to,
                quantity_basis,
                lines,
                total,
                notified_at,
                authorization_complement,
                vucem_folio,
                legal_basis,
                applied_at,
                ruled_at,
            )
        })
        .boxed()
}

fn nearly_right_declarations() -> BoxedStrategy<pb::Declaration> {
    (masks(), masks(), declarations())
        .prop_map(|(head, line, odd)| {
            let right = support::declaration();
            let odd_line = odd.lines[0].clone();
            let line = mixed!(
                line,
                right.lines[0].clone(),
                odd_line,
                line_no,
                tariff_code,
                country_origin_destination,
                country_seller_buyer,
                umc,
                umt,
                value_usd,
                draws,
            );
            let mixed = mixed!(
                head,
                right,
                odd,
                declaration_number,
                declaration_key,
                operation,
                regime,
                trader,
                clearance_office,
                entry_exit_office,
                paid_on,
            );
            pb::Declaration { lines: vec![line], ..mixed }
        })
        .boxed()
}

fn license_ids() -> BoxedStrategy<Option<pb::LicenseId>> {
    let id = (text(), text(), text());
    option::of(id.prop_map(|(agency, permit_key, permit_number)| pb::LicenseId {
        agency,
        permit_key,
        permit_number,
    }))
    .boxed()
}

fn changes() -> BoxedStrategy<pb::submission::Change> {
    use pb::submission::Change;
    let remainder = (0_u32..4, amounts());
    let remainder = remainder.prop_map(|(line_no, left)| pb::LineRemainder { line_no, left });
    let onboarding =
        (option::of(licenses()), vec(remainder, 0..4)).prop_map(|(license, remainders)| {
            Change::Onboarding(pb::Onboarding { license, remainders })
        });
    prop_oneof![nearly_right_licenses().prop_map(Change::Issue), onboarding].boxed()
}

fn submissions() -> BoxedStrategy<pb::Submission> {
    (text(), text(), timestamps(), license_ids(), 0_u32..3, option::of(changes()))
        .prop_map(|(r#type, validator, signed_at, license, version, change)| pb::Submission {
            r#type,
            validator,
            signed_at,
            license,
            version,
            change,
        })
        .boxed()
}

fn nearly_right_submissions() -> BoxedStrategy<pb::Submission> {
    (masks(), submissions())
        .prop_map(|(mask, odd)| {
            let right = support::submission();
            mixed!(mask, right, odd, r#type, validator, signed_at, license, version, change)
        })
        .boxed()
}

fn measures() -> BoxedStrategy<Option<pb::Measure>> {
    let measure = (text(), 0_u32..110);
    option::of(measure.prop_map(|(quantity, unit)| pb::Measure { quantity, unit })).boxed()
}

fn draws() -> BoxedStrategy<pb::Draw> {
    (license_ids(), text(), amounts())
        .prop_map(|(license, discharge_signature, amount)| pb::Draw {
            license,
            discharge_signature,
            amount,
        })
        .boxed()
}

fn declaration_lines() -> BoxedStrategy<pb::DeclarationLine> {
    let head = (any::<u32>(), option::of(tariffs()), text(), text());
    let rest = (measures(), measures(), text(), vec(draws(), 1..2));
    (head, rest)
        .prop_map(|(head, rest)| pb::DeclarationLine {
            line_no: head.0,
            tariff_code: head.1,
            country_origin_destination: head.2,
            country_seller_buyer: head.3,
            umc: rest.0,
            umt: rest.1,
            value_usd: rest.2,
            draws: rest.3,
        })
        .boxed()
}

fn declarations() -> BoxedStrategy<pb::Declaration> {
    let head = (text(), text(), -1..5_i32, text(), parties());
    let rest = (text(), text(), text(), vec(declaration_lines(), 1..2));
    (head, rest)
        .prop_map(|(head, rest)| pb::Declaration {
            acceptance_code: String::new(),
            shipment_no: None,
            declaration_number: head.0,
            declaration_key: head.1,
            operation: head.2,
            regime: head.3,
            trader: head.4,
            clearance_office: rest.0,
            entry_exit_office: rest.1,
            paid_on: rest.2,
            lines: rest.3,
        })
        .boxed()
}

fn any_submissions() -> BoxedStrategy<pb::Submission> {
    prop_oneof![submissions(), nearly_right_submissions()].boxed()
}

fn any_declarations() -> BoxedStrategy<pb::Declaration> {
    prop_oneof![declarations(), nearly_right_declarations()].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig {
        // The same cases every time; a failure is shrunk and printed, not kept in a file.
        rng_seed: RngSeed::Fixed(20_260_331),
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    })]

    #[test]
    fn a_submission_always_gets_its_findings(submission in any_submissions()) {
        let (rules, registry) = (support::rules(), support::registry());
        let agencies = support::listed_for("SE");
        let context = SubmissionContext {
            rules: &rules,
            validator: "descargo.test",
            received_at: support::instant(support::RECEIVED_AT),
            caller_agencies: &agencies,
            signer: Some(support::signer()),
            signer_registry: &registry,
            subject: Subject::Unknown,
        };
        let checked = check_submission(&submission, &context);
        let refuses = checked.findings.iter().any(|finding| finding.refuses());
        prop_assert_eq!(checked.grant.is_some(), !refuses);
        prop_assert_eq!(check_submission(&submission, &context).findings, checked.findings);
    }

    #[test]
    fn a_granted_license_can_always_be_matched(license in nearly_right_licenses()) {
        let (rules, registry) = (support::rules(), support::registry());
        let submission = pb::Submission {
            change: Some(pb::submission::Change::Issue(license.clone())),
            ..support::submission()
        };
        let agencies = support::listed_for("SE");
        let context = SubmissionContext {
            rules: &rules,
            validator: "descargo.test",
            received_at: support::instant(support::RECEIVED_AT),
            caller_agencies: &agencies,
            signer: None,
            signer_registry: &registry,
            subject: Subject::Unknown,
        };
        if let Some(grant) = check_submission(&submission, &context).grant {
            let terms = LicenseTerms::parse(&grant.license.to_pb(), &license).unwrap();
            prop_assert_eq!(terms.lines().len(), grant.lines.len());
        }
    }

    #[test]
    fn a_declaration_always_gets_its_findings(declaration in any_declarations(), status in 0..9_i32) {
        let rules = support::rules();
        let at = support::instant("2026-05-10T18:00:00Z");
        let context = DeclarationContext { rules: &rules, at };
        let checked = check_declaration(&declaration, &context);
        let claim = checked.claim().unwrap();
        let id = support::license_id("SE", "AV", "SE-0001");
        let terms = LicenseTerms::parse(&id, &support::license()).unwrap();
        let profile = rules.instruments.profile("AV", "SE").unwrap();
        let available = support::available();
        let state = LicenseState {
            status: pb::LicenseStatus::try_from(status).unwrap(),
            stops: &[],
            available: &available,
            discharge_signature: support::DISCHARGE_SIGNATURE,
        };
        let found = coverage(&claim, &terms, profile, &state, &context);
        let all = checked.findings.iter().chain(&found.findings);
        if !all.into_iter().any(|finding| finding.refuses()) {
            // A yes is a line with enough left, of an active license.
            prop_assert_eq!(status, i32::from(pb::LicenseStatus::Active));
            let line = available.iter().find(|left| Some(left.line_no) == found.line_no).unwrap();
            prop_assert!(line.available.minus(claim.amount()).is_some());
        }
    }

    #[test]
    fn any_quantity_is_written_as_it_is_read(scaled in 0..=i64::MAX) {
        let quantity = Quantity::from_scaled(scaled).unwrap();
        prop_assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
        let usd = Usd::from_scaled(scaled).unwrap();
        prop_assert_eq!(Usd::parse(&usd.to_string()), Ok(usd));
    }

    #[test]
    fn what_is_read_as_a_quantity_is_what_was_written(text in "[0-9]{1,15}(\\.[0-9]{0,7})?") {
        let whole = text.split('.').next().unwrap();
        let fraction = text.split_once('.').map(|(_, fraction)| fraction);
        let padded = whole.len() > 1 && whole.starts_with('0');
        let expected = match fraction {
            _ if padded => Err(DecimalError::Malformed),
            Some("") => Err(DecimalError::Malformed),
            Some(fraction) if fraction.len() > 5 => Err(DecimalError::TooManyDecimals { max: 5 }),
            fraction => {
                let digits = format!("{whole}{:0<5}", fraction.unwrap_or_default());
                let out_of_range = DecimalError::OutOfRange { max: Quantity::MAX_TEXT };
                digits.parse::<i64>().map_err(|_| out_of_range)
            }
        };
        prop_assert_eq!(Quantity::parse(&text).map(Quantity::scaled), expected);
    }

    #[test]
    fn no_text_makes_a_decimal_panic(text in any::<String>()) {
        if let Ok(quantity) = Quantity::parse(&text) {
            prop_assert!(text.starts_with(quantity.to_string().as_str()));
        }
    }

    #[test]
    fn a_balance_is_kept_by_taking_and_giving(
        left in (option::of(0..1_000_000_i64), option::of(0..1_000_000_i64)),
        taken in (option::of(0..1_000_000_i64), option::of(0..1_000_000_i64)),
    ) {
        let amount = |(quantity, value): (Option<i64>, Option<i64>)| AmountValue {
            quantity: quantity.and_then(Quantity::from_scaled),
            value_usd: value.and_then(Usd::from_scaled),
        };
        let (left, taken) = (amount(left), amount(taken));
        match left.minus(taken) {
            Some(rest) => prop_assert_eq!(rest.plus(taken), Some(left)),
            None => prop_assert!(
                taken.quantity > left.quantity || taken.value_usd > left.value_usd
            ),
        }
    }
}
