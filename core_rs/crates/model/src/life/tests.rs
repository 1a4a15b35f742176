use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn extent(only: &[&str]) -> pb::Extent {
    pb::Extent {
        every: only.is_empty(),
        only: only.iter().map(|code| (*code).to_owned()).collect(),
    }
}

fn stop(version: u32, kind: StopKind, lines: &[&str], end: Option<i64>) -> Stop {
    Stop {
        version,
        kind,
        lines: extent(lines),
        offices: extent(&[]),
        start: at(10),
        end: end.map(at),
        reason: "r".into(),
        legal_basis: String::new(),
    }
}

#[test]
fn a_stop_runs_from_its_start_and_not_at_its_end() {
    let stop = stop(2, StopKind::Suspension, &[], Some(20));
    let runs: Vec<bool> = [9, 10, 19, 20].map(|second| stop.runs_at(at(second))).into();
    assert_eq!(runs, [false, true, true, false]);
    assert!(stop.can_be_ended(at(0)), "before it begins");
    assert!(stop.can_be_ended(at(19)));
    assert!(!stop.can_be_ended(at(20)));
}

#[test]
fn a_stop_covers_lines_by_number_and_offices_by_aduana() {
    let mut stop = stop(2, StopKind::Suspension, &["1", "12"], None);
    assert!(stop.covers_line(1) && stop.covers_line(12) && !stop.covers_line(2));
    assert!(!stop.covers_every_line() && stop.covers_every_office());
    stop.offices = extent(&["240", "16"]);
    for (office, covered) in
        [("240", true), ("24", true), ("241", true), ("160", true), ("17", false), ("", false)]
    {
        assert_eq!(stop.covers_office(office), covered, "{office}");
    }
    assert!(!stop.covers_every_office());
}

#[test]
fn several_stops_together_stop_a_license() {
    use StopKind::{Cancellation, Revocation, Suspension};
    let told = |stops: &[Stop]| standstill(stops, [1, 2], at(10));
    assert_eq!(told(&[]), Standstill::None);
    assert_eq!(told(&[stop(2, Revocation, &["1"], None)]), Standstill::None);
    let both = [stop(2, Revocation, &["1"], None), stop(3, Suspension, &["2"], None)];
    assert_eq!(told(&both), Standstill::Suspended);
    let both = [stop(2, Revocation, &["1"], None), stop(3, Cancellation, &["2"], None)];
    assert_eq!(told(&both), Standstill::ForGood(Cancellation));
    assert_eq!(told(&[stop(2, Suspension, &[], None)]), Standstill::Suspended);
    let covered = [stop(2, Suspension, &[], None), stop(3, Revocation, &[], None)];
    assert_eq!(told(&covered), Standstill::ForGood(Revocation));
    let at_one_office = Stop { offices: extent(&["24"]), ..stop(2, Revocation, &[], None) };
    assert_eq!(told(&[at_one_office]), Standstill::None);
    assert_eq!(standstill(&covered, [1, 2], at(9)), Standstill::None, "before they begin");
}

#[test]
fn each_status_allows_its_steps_and_no_other() {
    use LicenseStatus::{
        Active, AwaitingNotification, Cancelled, Exhausted, Expired, Quarantined, Revoked,
        Suspended,
    };
    let stops = ["suspension", "revocation", "cancellation"];
    let in_force = ["amendment", "extension"];
    let expected = |status| -> Vec<&str> {
        match status {
            AwaitingNotification => [&stops[..], &["notification"]].concat(),
            Active | Exhausted | Suspended => [&in_force[..], &stops].concat(),
            Expired => stops.to_vec(),
            Quarantined => stops[1..].to_vec(),
            _ => Vec::new(),
        }
    };
    for status in [
        AwaitingNotification,
        Active,
        Suspended,
        Exhausted,
        Expired,
        Revoked,
        Cancelled,
        Quarantined,
    ] {
        let told = |stops: &[Stop]| -> Vec<_> {
            next_steps(status, stops, at(10)).into_iter().map(Step::as_str).collect()
        };
        assert_eq!(told(&[]), expected(status), "{status:?}");
        let suspended = told(&[stop(2, StopKind::Suspension, &["1"], None)]);
        let reinstates =
            matches!(status, AwaitingNotification | Active | Suspended | Exhausted | Expired);
        assert_eq!(suspended.contains(&"reinstatement"), reinstates, "{status:?}");
        let over = told(&[stop(2, StopKind::Suspension, &["1"], Some(10))]);
        assert!(!over.contains(&"reinstatement"), "{status:?}");
    }
}
