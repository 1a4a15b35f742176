//! Positions of streams: they move with their answers, and only for the newest opening.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails loudly, and its numbers are its case"
)]

use std::path::Path;
use std::sync::Arc;

use descargo_ledger::command::{Command, Decision, Effect, Keys, Record, RequestKey, Terms, View};
use descargo_ledger::error::StoreFault;
use descargo_ledger::group::GroupCommit;
use descargo_ledger::state::LicenseState;
use descargo_ledger::store::{Reply, SqliteStore};
use descargo_ledger::streams::{OutOfTurn, Place, Position, Step, StreamKey};

#[derive(Debug)]
struct Nothing;

impl Terms for Nothing {
    fn read(_: &LicenseState, _: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }
}

/// An item of a stream, or its opening.
struct Toy {
    place: Place,
    keys: Keys,
    act: Act,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Record,
    Refuse,
    Panic,
}

impl Command for Toy {
    type Terms = Nothing;
    type Draft = i64;
    type Refusal = String;

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn request(&self) -> &[u8] {
        b"asked"
    }

    fn decide(&self, view: &View<'_, Nothing>) -> Decision<Nothing, i64, String> {
        match self.act {
            Act::Record => Decision::Record(Box::new(Record {
                refused: true,
                draft: view.verdict_no,
                effect: Effect::Nothing,
            })),
            Act::Refuse => Decision::Refuse("unfit".into()),
            Act::Panic => panic!("a poisoned item"),
        }
    }

    fn seal(&self, draft: &i64) -> Result<Vec<u8>, String> {
        Ok(format!("verdict {draft}").into_bytes())
    }

    fn reused(&self) -> String {
        "reused".into()
    }

    fn place(&self) -> Option<&Place> {
        Some(&self.place)
    }

    fn out_of_turn(&self, why: OutOfTurn) -> String {
        format!("{why:?}")
    }
}

fn key() -> StreamKey {
    StreamKey { caller: "se".into(), stream_id: "today".into() }
}

fn opening() -> Toy {
    let place = Place { key: key(), step: Step::Open };
    Toy { place, keys: Keys::default(), act: Act::Refuse }
}

fn item(epoch: u64, sequence: u64, act: Act) -> Toy {
    let request_key = RequestKey { caller: "se".into(), request_id: sequence.to_string() };
    let request = (act != Act::Refuse).then_some((request_key, [1; 32]));
    let keys = Keys { request, ..Keys::default() };
    Toy { place: Place { key: key(), step: Step::Item { epoch, sequence } }, keys, act }
}

fn store(folder: &Path) -> SqliteStore<Nothing> {
    SqliteStore::open(&folder.join("ledger"), "TEST", 10).unwrap()
}

fn told(reply: &Reply<String>) -> String {
    match reply {
        Ok(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Err(refusal) => refusal.clone(),
    }
}

fn decide(store: &mut SqliteStore<Nothing>, batch: &[Toy]) -> Vec<String> {
    store.commit(batch, 1).unwrap().iter().map(told).collect()
}

fn open(store: &mut SqliteStore<Nothing>) -> (u64, u64) {
    let replies = store.commit(&[opening()], 1).unwrap();
    let position = Position::from_reply(replies[0].as_ref().unwrap()).unwrap();
    (position.epoch, position.answered_sequence)
}

#[test]
fn a_position_moves_over_answers_and_refusals_alike_and_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = store(folder.path());
    assert_eq!(open(&mut first), (1, 0));
    let batch = [item(1, 1, Act::Record), item(1, 2, Act::Refuse), item(1, 3, Act::Record)];
    assert_eq!(decide(&mut first, &batch), ["verdict 1", "unfit", "verdict 2"]);
    drop(first);
    let mut second = store(folder.path());
    assert_eq!(open(&mut second), (2, 3));
    // What was answered before is answered the same, and moves nothing back.
    let batch = [item(2, 1, Act::Record), item(2, 2, Act::Refuse), item(2, 3, Act::Record)];
    assert_eq!(decide(&mut second, &batch), ["verdict 1", "unfit", "verdict 2"]);
    assert_eq!(open(&mut second), (3, 3));
}

#[test]
fn only_the_newest_opening_goes_on_even_when_another_process_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, mut other) = (store(folder.path()), store(folder.path()));
    assert_eq!(open(&mut one), (1, 0));
    assert_eq!(decide(&mut one, &[item(1, 1, Act::Record)]), ["verdict 1"]);
    assert_eq!(open(&mut other), (2, 1));
    assert_eq!(decide(&mut one, &[item(1, 2, Act::Record)]), ["Superseded"]);
    assert_eq!(decide(&mut other, &[item(2, 2, Act::Record)]), ["verdict 2"]);
    // Within one batch the opening counts for what stands behind it.
    let batch = [item(2, 3, Act::Record), opening(), item(2, 4, Act::Record)];
    let replies = one.commit(&batch, 1).unwrap();
    assert_eq!((told(&replies[0]), told(&replies[2])), ("verdict 3".into(), "Superseded".into()));
    assert_eq!(open(&mut one), (4, 3));
}

#[test]
fn an_item_behind_a_hole_is_not_decided() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    open(&mut store);
    let batch = [item(1, 1, Act::Record), item(1, 3, Act::Record), item(1, 2, Act::Record)];
    assert_eq!(decide(&mut store, &batch), ["verdict 1", "Gap", "verdict 2"]);
    assert_eq!(open(&mut store), (2, 2));
}

#[test]
fn a_stream_goes_on_behind_an_item_that_nobody_can_decide() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let (sent, outcomes) = std::sync::mpsc::channel();
    let mut first = store(folder.path());
    open(&mut first);
    let group = GroupCommit::start(
        first,
        path,
        16,
        Box::new(|| 1),
        Box::new(move |completions| {
            completions.into_iter().for_each(|one| sent.send(one).unwrap());
        }),
    )
    .unwrap();
    let acts = [Act::Record, Act::Panic, Act::Record, Act::Panic];
    group.submit_bulk((1..).zip(acts).map(|(at, act)| (at, item(1, at, act)))).unwrap();
    group.stop();
    let told: Vec<(u64, Result<String, bool>)> = outcomes
        .iter()
        .map(|(at, outcome): (u64, Result<Reply<String>, Arc<StoreFault>>)| {
            (at, outcome.map(|reply| told(&reply)).map_err(|fault| fault.may_be_one_commands()))
        })
        .collect();
    let verdict = |number: u32| Ok(format!("verdict {number}"));
    assert_eq!(told, [(1, verdict(1)), (2, Err(true)), (3, verdict(2)), (4, Err(true))]);
    assert_eq!(open(&mut store(folder.path())), (2, 4));
}

#[test]
fn positions_are_kept_within_a_bound_for_each_caller() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    let named = |number: i64| {
        let mut toy = opening();
        toy.place.key.stream_id = format!("{number:04}");
        toy
    };
    store.commit(&[named(0)], 0).unwrap();
    store.commit(&(1..1_001).map(named).collect::<Vec<_>>(), 1).unwrap();
    let epoch =
        |reply: &Reply<String>| Position::from_reply(reply.as_ref().unwrap()).unwrap().epoch;
    let replies = store.commit(&[named(0), named(1_000)], 2_000).unwrap();
    assert_eq!((epoch(&replies[0]), epoch(&replies[1])), (1, 2), "the oldest was forgotten");
}
