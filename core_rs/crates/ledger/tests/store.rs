//! The store as the engine uses it, with the simplest commands there are: issue a license, draw
//! from it, refuse.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a test may fail loudly"
)]

use std::path::Path;
use std::sync::Arc;

use descargo_ledger::command::{
    Command, Decision, DrawRow, DrawState, Effect, Issued, Keys, LicenseKey, LineKey, PositionKey,
    PositionRow, Positioned, Record, RequestKey, Terms, View,
};
use descargo_ledger::error::OpenError;
use descargo_ledger::group::GroupCommit;
use descargo_ledger::reader::Reader;
use descargo_ledger::state::{self, LicenseState, Movement, OpenedLine};
use descargo_ledger::store::SqliteStore;
use descargo_ledger::streams::OutOfTurn;
use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::license_name::LicenseName;
use descargo_model::pb;

#[derive(Debug)]
struct Content(Vec<u8>);

impl Terms for Content {
    fn read(_: &LicenseState, content: &[u8]) -> Result<Self, String> {
        Ok(Self(content.to_vec()))
    }
}

/// What a toy command does.
enum Act {
    Issue { left: i64 },
    Draw { line_no: u32, quantity: i64 },
    Refuse,
    Panic,
}

struct Toy {
    act: Act,
    keys: Keys,
    request: Vec<u8>,
}

fn amount(quantity: i64) -> AmountValue {
    AmountValue { quantity: Quantity::from_scaled(quantity), value_usd: Some(Usd::ZERO) }
}

fn key() -> LicenseKey {
    LicenseKey { permit_key: "C1".into(), lookup_number: "SE-1".into() }
}

fn toy(act: Act, request_no: u32, content: u8) -> Toy {
    let line_no = match act {
        Act::Draw { line_no, .. } => Some(line_no),
        _ => None,
    };
    let keys = Keys {
        request: Some((
            RequestKey { caller: "lane".into(), request_id: request_no.to_string() },
            [content; 32],
        )),
        licenses: vec![key()],
        declarations: Vec::new(),
        line: line_no.map(|line_no| LineKey {
            declaration_number: "264034563000001".into(),
            shipment_no: 0,
            line_no,
        }),
        version: Some(1),
        terms: true,
        resigned: false,
        content: false,
    };
    Toy { act, keys, request: vec![content] }
}

fn issue(left: i64) -> Toy {
    toy(Act::Issue { left }, 1_000_000, 0)
}

fn draw(line_no: u32, quantity: i64) -> Toy {
    toy(Act::Draw { line_no, quantity }, line_no, 1)
}

/// The rows of a draw that was made at once.
fn drawn(
    view: &View<'_, Content>,
    state: LicenseState,
    movement: Movement,
    line: LineKey,
) -> Positioned {
    let position = PositionKey {
        declaration_number: line.declaration_number.clone(),
        shipment_no: line.shipment_no,
    };
    let row = PositionRow {
        position_no: view.position(&position).map_or(1, |row| row.position_no + 1),
        acceptance_code: "ACUSE234".into(),
        ..PositionRow::new(pb::DeclarationState::Exercised)
    };
    let draw = DrawRow {
        line_no: line.line_no,
        license: key(),
        license_id: state.license_id,
        license_line_no: 1,
        amount: movement.taken,
        state: DrawState::Exercised,
        statement_sha256: [2; 32],
        verdict_no: view.verdict_no,
    };
    Positioned {
        movements: vec![(state.license_id, movement)],
        licenses: vec![state],
        draws: vec![(line, draw)],
        positions: vec![(position, row)],
    }
}

impl Command for Toy {
    type Terms = Content;
    type Draft = String;
    type Refusal = &'static str;

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn request(&self) -> &[u8] {
        &self.request
    }

    fn decide(&self, view: &View<'_, Content>) -> Decision<Content, String, &'static str> {
        let refused = |why: &str| {
            Decision::Record(Box::new(Record {
                refused: true,
                draft: format!("no {} {why}", view.verdict_no),
                effect: Effect::Nothing,
            }))
        };
        let row = view.licenses(&key()).first();
        match (&self.act, row) {
            (Act::Refuse, _) => refused("refused"),
            (Act::Panic, _) => panic!("a poisoned command"),
            (Act::Issue { .. }, Some(row)) => {
                Decision::SameAs(row.version(1).expect("asked for").verdict_no)
            }
            (Act::Issue { left }, None) => {
                let line = OpenedLine {
                    line_no: 1,
                    unit: 1,
                    authorized: AmountValue { value_usd: None, ..amount(*left) },
                    available: AmountValue { value_usd: None, ..amount(*left) },
                };
                let name = LicenseName {
                    agency: "SE".into(),
                    permit_key: "C1".into(),
                    permit_number: "se-1".into(),
                    lookup_number: "SE-1".into(),
                };
                let (state, movements) =
                    state::issue(view.next_license_id, name, "ABCD1234".into(), true, &[line])
                        .expect("amounts fit");
                Decision::Record(Box::new(Record {
                    refused: false,
                    draft: format!("issued {}", view.verdict_no),
                    effect: Effect::Issue(Issued {
                        state,
                        movements,
                        change_sha256: [9; 32],
                        content: b"content".to_vec(),
                        envelope: b"envelope".to_vec(),
                        terms: Arc::new(Content(b"content".to_vec())),
                    }),
                }))
            }
            (Act::Draw { .. }, None) => refused("unknown"),
            (Act::Draw { line_no, quantity }, Some(row)) => {
                assert_eq!(row.terms.as_ref().expect("asked for").0, b"content");
                let line = self.keys.line.clone().expect("a draw has one");
                if let Some(made) = view.line_draws(&line).first() {
                    return Decision::SameAs(made.verdict_no);
                }
                match state::commit(&row.state, 1, *line_no, amount(*quantity)) {
                    Err(_) => refused("overdrawn"),
                    Ok((state, movement)) => Decision::Record(Box::new(Record {
                        refused: false,
                        draft: format!("drawn {}", view.verdict_no),
                        effect: Effect::Position(drawn(view, state, movement, line)),
                    })),
                }
            }
        }
    }

    fn seal(&self, draft: &String) -> Result<Vec<u8>, String> {
        Ok(draft.clone().into_bytes())
    }

    fn out_of_turn(&self, _: OutOfTurn) -> &'static str {
        "out of turn"
    }

    fn reused(&self) -> &'static str {
        "reused"
    }
}

struct Ledger {
    store: SqliteStore<Content>,
    reader: Reader<Content>,
    now: i64,
}

fn open(path: &Path) -> Ledger {
    let store = SqliteStore::open(path, "TEST", 10).expect("opens");
    let reader = Reader::open(path, store.cache()).expect("opens");
    Ledger { store, reader, now: 1 }
}

impl Ledger {
    fn commit(&mut self, batch: &[Toy]) -> Vec<Result<String, &'static str>> {
        self.now += 1;
        let replies = self.store.commit(batch, self.now).expect("commits");
        replies
            .into_iter()
            .map(|reply| reply.map(|bytes| String::from_utf8(bytes.to_vec()).expect("text")))
            .collect()
    }

    fn state(&self) -> LicenseState {
        self.reader.licenses(&key(), None).expect("reads").remove(0).state
    }
}

fn left(ledger: &Ledger) -> i64 {
    ledger.state().balances[0].available.quantity.expect("limited").scaled()
}

fn says(text: &str) -> Result<String, &'static str> {
    Ok(text.to_owned())
}

#[test]
fn a_license_is_issued_drawn_and_exhausted_with_a_gapless_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder.path().join("ledger"));
    assert_eq!(ledger.commit(&[issue(10)]), [says("issued 1")]);
    assert_eq!(ledger.commit(&[draw(1, 4)]), [says("drawn 2")]);
    assert_eq!(ledger.commit(&[draw(2, 7)]), [says("no 3 overdrawn")]);
    assert_eq!(ledger.commit(&[draw(3, 6)]), [says("drawn 4")]);
    let state = ledger.state();
    assert_eq!((left(&ledger), state.permit_seq), (0, 3));
    assert_eq!(state.status, pb::LicenseStatus::Exhausted);
    assert_eq!(state.balances[0].exercised.quantity.unwrap().scaled(), 10);
}

#[test]
fn commands_of_one_batch_see_what_those_before_them_did() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder.path().join("ledger"));
    let batch: Vec<Toy> =
        std::iter::once(issue(25)).chain((1..=30).map(|line_no| draw(line_no, 1))).collect();
    let replies = ledger.commit(&batch);
    assert_eq!(replies[0], says("issued 1"));
    assert_eq!(replies[25], says("drawn 26"));
    assert_eq!(replies[26], says("no 27 overdrawn"));
    assert_eq!((left(&ledger), ledger.state().permit_seq), (0, 26));
}

#[test]
fn a_repeated_request_gets_the_same_bytes_and_other_content_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = open(&path);
    let replies = ledger.commit(&[issue(10), draw(1, 4), draw(1, 4)]);
    assert_eq!(replies[1], replies[2]);
    drop(ledger);
    let mut ledger = open(&path);
    assert_eq!(ledger.commit(&[draw(1, 4)]), [replies[1].clone()]);
    let other = toy(Act::Draw { line_no: 1, quantity: 4 }, 1, 7);
    assert_eq!(ledger.commit(&[other]), [Err("reused")]);
    assert_eq!(left(&ledger), 6);
}

#[test]
fn a_draw_already_made_draws_nothing_under_a_fresh_key_which_then_has_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder.path().join("ledger"));
    ledger.commit(&[issue(10), draw(1, 4)]);
    let again = toy(Act::Draw { line_no: 1, quantity: 4 }, 77, 1);
    assert_eq!(ledger.commit(&[again]), [says("drawn 2")]);
    assert_eq!(left(&ledger), 6);
    let key = RequestKey { caller: "lane".into(), request_id: "77".into() };
    assert_eq!(ledger.reader.outcome(&key).unwrap(), Some(b"drawn 2".to_vec()));
}

#[test]
fn refusals_are_kept_within_a_bound_and_firmas_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(&folder.path().join("ledger"));
    ledger.commit(&[issue(10)]);
    for number in 0..600 {
        ledger.commit(&[toy(Act::Refuse, 2_000_000 + number, 3)]);
    }
    let stored = |number: u32| {
        let key = RequestKey { caller: "lane".into(), request_id: number.to_string() };
        ledger.reader.outcome(&key).unwrap().is_some()
    };
    assert!(stored(1_000_000), "the firma");
    assert!(!stored(2_000_000), "the oldest refusal");
    assert!(stored(2_000_599), "the newest refusal");
    // 512 came until the last pruning, which left 10; 88 came after it.
    assert_eq!((0..600).filter(|number| stored(2_000_000 + number)).count(), 98);
}

#[test]
fn an_instant_never_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = open(&path);
    ledger.now = 5_000;
    ledger.commit(&[issue(10)]);
    let keys = Keys::default();
    let seen = ledger.reader.view(&keys, 3, |view, _| view.decided_at).unwrap();
    assert_eq!(seen, 5_001);
}

#[test]
fn a_foreign_or_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "not a database, but long enough to be read as one".repeat(50)).unwrap();
    let refused = SqliteStore::<Content>::open(&text, "TEST", 10).err();
    assert!(matches!(refused, Some(OpenError::Foreign { .. })), "{refused:?}");

    let other = folder.path().join("other");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    let refused = SqliteStore::<Content>::open(&other, "TEST", 10).err();
    assert!(matches!(refused, Some(OpenError::Foreign { .. })), "{refused:?}");

    let newer = folder.path().join("newer");
    drop(open(&newer));
    let connection = rusqlite::Connection::open(&newer).unwrap();
    connection.execute_batch("PRAGMA user_version = 999").unwrap();
    let refused = SqliteStore::<Content>::open(&newer, "TEST", 10).err();
    assert!(matches!(refused, Some(OpenError::Newer { found: 999, .. })), "{refused:?}");
}

#[test]
fn the_schema_refuses_what_the_rules_would_never_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = open(&path);
    ledger.commit(&[issue(10), draw(1, 4)]);
    let connection = rusqlite::Connection::open(&path).unwrap();
    for forbidden in [
        "UPDATE movement SET taken_quantity = 0",
        "DELETE FROM movement",
        "DELETE FROM license",
        "UPDATE license_version SET content = x'00'",
        "UPDATE balance SET available_quantity = available_quantity + 1",
        "UPDATE balance SET available_quantity = -1, exercised_quantity = 11",
    ] {
        assert!(connection.execute_batch(forbidden).is_err(), "{forbidden}");
    }
}

#[test]
fn two_processes_worth_of_stores_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    open(&path).commit(&[issue(400)]);
    let threads: Vec<_> = (0..2_u32)
        .map(|worker| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut ledger = open(&path);
                for number in 0..100 {
                    let line_no = 1 + worker * 1_000 + number;
                    assert!(
                        ledger.commit(&[draw(line_no, 2)])[0]
                            .as_ref()
                            .unwrap()
                            .starts_with("drawn")
                    );
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let ledger = open(&path);
    assert_eq!((left(&ledger), ledger.state().permit_seq), (0, 201));
}

#[test]
fn a_command_that_panics_spoils_neither_its_batch_nor_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let store = SqliteStore::<Content>::open(&path, "TEST", 10).unwrap();
    let (sent, outcomes) = std::sync::mpsc::channel();
    let group = GroupCommit::start(
        store,
        path,
        16,
        Box::new(|| 1),
        Box::new(move |completions| {
            completions.into_iter().for_each(|one| sent.send(one).unwrap())
        }),
    )
    .unwrap();
    // Each batch of the writer holds whatever queued meanwhile, so the poison has company or not.
    for (ticket, command) in
        [issue(10), draw(1, 1), toy(Act::Panic, 9, 9), draw(2, 1)].into_iter().enumerate()
    {
        group.submit(ticket as u64, command).unwrap();
    }
    group.stop();
    let told: Vec<(u64, bool)> =
        outcomes.iter().map(|(ticket, outcome)| (ticket, outcome.is_ok())).collect();
    assert_eq!(told, [(0, true), (1, true), (2, false), (3, true)]);
}
