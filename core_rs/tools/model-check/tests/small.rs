//! The small world holds, and each rule that is left out of it is missed.

#![allow(clippy::panic, reason = "a test may fail loudly")]

use std::collections::BTreeSet;

use descargo_model_check::{Ask, Guard, World};
use stateright::{Checker, HasDiscoveries, Model};

/// Whether a property is found broken.
fn is_missed(world: World, property: &'static str) -> bool {
    let found = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = world.checker().finish_when(found).spawn_bfs().join();
    checker.discovery(property).is_some()
}

#[test]
fn the_small_world_holds() {
    let checker = World::small().checker().spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.unique_state_count() > 1_000, "{} states", checker.unique_state_count());
}

#[test]
fn every_rule_is_missed_when_it_is_left_out() {
    const SUMS: &str = "what a declaration holds is the sum of its movements";
    let rules = [
        (Guard::AnsweredOnce, "a request that was answered changes nothing when it comes again"),
        (Guard::AllOrNothing, SUMS),
        (Guard::CommitIsAtomic, SUMS),
        (Guard::LapseFirst, "no hold is exercised after its time"),
        (Guard::ReleasedOnce, SUMS),
        (Guard::NotSuspended, "nothing is taken from a suspended license"),
        (Guard::RectifiedReturns, SUMS),
        (Guard::HoldsLapse, "nothing is held where nothing can happen any more"),
        (Guard::ExercisedOnce, "no draw is exercised twice"),
    ];
    for (guard, property) in rules {
        let mut world = World { missing: Some(guard), ..World::small() };
        // A second statement that fits beside the first, so that exercising twice is possible.
        world.requests.push(Ask::Validate(0, [1, 1]));
        assert!(is_missed(world, property), "nothing is found without {guard:?}");
    }
}
