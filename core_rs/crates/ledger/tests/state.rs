//! The rules of a balance, against every sequence of draws that proptest thinks of.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a test may fail loudly"
)]

use descargo_ledger::state::{self, Balance, LicenseState, OpenedLine, StateError};
use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::license_name::LicenseName;
use descargo_model::pb::LicenseStatus;
use proptest::prelude::*;

fn amount(quantity: Option<i64>, usd: Option<i64>) -> AmountValue {
    AmountValue {
        quantity: quantity.and_then(Quantity::from_scaled),
        value_usd: usd.and_then(Usd::from_scaled),
    }
}

fn opened(authorized: AmountValue, available: AmountValue) -> OpenedLine {
    OpenedLine { line_no: 1, unit: 1, authorized, available }
}

fn issued(line: &OpenedLine) -> Result<LicenseState, StateError> {
    let name = LicenseName {
        agency: "SE".into(),
        permit_key: "C1".into(),
        permit_number: "1".into(),
        lookup_number: "1".into(),
    };
    state::issue(1, name, String::new(), true, std::slice::from_ref(line)).map(|(state, _)| state)
}

fn is_conserved(balance: &Balance) -> bool {
    let quantity = |amount: AmountValue| amount.quantity.map(Quantity::scaled);
    let usd = |amount: AmountValue| amount.value_usd.map(Usd::scaled);
    let holds = |dimension: &dyn Fn(AmountValue) -> Option<i64>| {
        let rest =
            [balance.reserved, balance.exercised].map(|amount| dimension(amount).unwrap_or(0));
        match (dimension(balance.authorized), dimension(balance.available)) {
            (None, None) => true,
            (Some(granted), Some(left)) => granted == left + rest[0] + rest[1],
            _ => false,
        }
    };
    holds(&quantity) && holds(&usd)
}

proptest! {
    #[test]
    fn every_draw_conserves_and_a_refused_one_changes_nothing(
        limited in (prop::option::of(0..1_000_i64), prop::option::of(0..1_000_i64)),
        draws in prop::collection::vec((0..400_i64, 0..400_i64), 0..12),
    ) {
        let granted = amount(limited.0, limited.1);
        let mut state = issued(&opened(granted, granted)).unwrap();
        for (quantity, usd) in draws {
            let taken = amount(Some(quantity), Some(usd));
            let before = state.balances[0].available;
            let fits = before.minus(taken).is_some();
            match state::commit(&state, 1, 7, taken) {
                Ok((next, movement)) => {
                    prop_assert!(fits);
                    prop_assert_eq!(next.permit_seq, state.permit_seq + 1);
                    prop_assert_eq!(&movement.balance_after, &next.balances[0]);
                    prop_assert!(is_conserved(&next.balances[0]));
                    let exhausted = next.balances[0].is_exhausted();
                    prop_assert_eq!(exhausted, next.status == LicenseStatus::Exhausted);
                    state = next;
                }
                Err(error) => {
                    prop_assert!(!fits);
                    prop_assert_eq!(error, StateError::Overdrawn);
                }
            }
        }
    }

    #[test]
    fn what_is_not_left_of_a_license_taken_over_counts_as_exercised(
        granted in 0..1_000_i64,
        left in 0..1_200_i64,
    ) {
        let line = opened(amount(Some(granted), None), amount(Some(left), None));
        match issued(&line) {
            Ok(state) => {
                prop_assert!(left <= granted);
                prop_assert!(is_conserved(&state.balances[0]));
                let exercised = state.balances[0].exercised.quantity.unwrap().scaled();
                prop_assert_eq!(exercised, granted - left);
            }
            Err(error) => {
                prop_assert!(left > granted);
                prop_assert_eq!(error, StateError::Overdrawn);
            }
        }
    }
}

#[test]
fn a_limited_dimension_must_be_stated() {
    let granted = amount(Some(5), Some(5));
    let state = issued(&opened(granted, granted)).unwrap();
    let refused = state::commit(&state, 1, 1, amount(Some(1), None)).unwrap_err();
    assert_eq!(refused, StateError::DimensionsDiffer);
    let unknown = state::commit(&state, 2, 1, granted).unwrap_err();
    assert_eq!(unknown, StateError::LineUnknown);
}

#[test]
fn a_sum_beyond_the_range_is_told_and_not_wrapped() {
    let granted = amount(Some(5), None);
    let mut state = issued(&opened(granted, granted)).unwrap();
    let most = amount(Some(1), Some(i64::MAX));
    state = state::commit(&state, 1, 1, most).unwrap().0;
    let refused = state::commit(&state, 1, 2, amount(Some(1), Some(1))).unwrap_err();
    assert_eq!(refused, StateError::OutOfRange);
}
