//! Durable draws a second: the engine in process, a closed loop at some draws outstanding, beside
//! plain SQLite that commits each draw by itself on the same disk.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use descargo_engine::caller::{Caller, Role};
use descargo_engine::engine::{Engine, Outcome};
use descargo_engine::settings::Settings;
use descargo_model::pb;
use prost::Message;
use rusqlite::{Connection, params};

use crate::inputs::Inputs;
use crate::report::Report;

const OUTSTANDING: [usize; 3] = [1, 8, 64];
/// A lone caller waits for the disk each time, so fewer draws take as long.
const LONE_DRAWS_PART: usize = 8;
/// About what an answer and its request weigh.
const ANSWER_BYTES: usize = 900;
const TICKS_PER_S: f64 = 100.0;

pub fn time(inputs: &Inputs, rounds: usize, draws: usize, report: &mut Report) {
    let mut desk = Desk::open(inputs);
    let mut plain = Plain::open(inputs);
    let mut from = 0;
    let checks = inputs.checks(draws / 2);
    for _ in 0..rounds {
        desk.check(&checks, report);
        for outstanding in OUTSTANDING {
            let count = match outstanding {
                1 => draws / LONE_DRAWS_PART,
                8 => draws / 2,
                _ => draws,
            };
            let requests = inputs.requests(from, count);
            from += count;
            let group = format!("durable draws in the core, {outstanding} outstanding");
            desk.draw(requests, outstanding, &group, report);
        }
        plain.draw(inputs, draws / LONE_DRAWS_PART, report);
    }
    desk.engine.close();
}

/// An engine and the lane that asks it.
struct Desk {
    engine: Engine,
    lane: Arc<Caller>,
    outcomes: Receiver<Vec<(u64, Outcome)>>,
}

impl Desk {
    fn open(inputs: &Inputs) -> Self {
        let ledger_path: PathBuf = inputs.folder.join("ledger.sqlite3");
        let settings = Settings { ledger_path, ..inputs.settings.clone() };
        let (told, outcomes) = channel();
        let notify = Box::new(move |batch| told.send(batch).unwrap());
        let lane = Arc::new(Caller {
            name: "lane-of-the-bench".into(),
            role: Role::Lane,
            agencies: Vec::new(),
            office: "240".into(),
            broker_license: String::new(),
            rfc: String::new(),
        });
        Self { engine: Engine::open(&settings, notify).unwrap(), lane, outcomes }
    }

    /// Previews one after another, each of another declaration: reading beside the writer.
    fn check(&self, requests: &[Vec<u8>], report: &mut Report) {
        let began = Instant::now();
        for request in requests {
            black_box(self.engine.check_license(&self.lane, request).unwrap());
        }
        let nanos = began.elapsed().as_nanos() as f64 / requests.len() as f64;
        report.tell("whole calls in the core", "CheckLicense", "ns", nanos);
    }

    fn draw(
        &mut self,
        requests: Vec<Vec<u8>>,
        outstanding: usize,
        group: &str,
        report: &mut Report,
    ) {
        let count = requests.len();
        let mut requests = requests.into_iter();
        let mut answers = Vec::with_capacity(count);
        let mut batches = 0_u32;
        let (began, cpu) = (Instant::now(), cpu_seconds());
        for request in requests.by_ref().take(outstanding) {
            self.engine.validate_license(&self.lane, &request, None).unwrap();
        }
        while answers.len() < count {
            let batch = self.outcomes.recv().unwrap();
            batches += 1;
            for request in requests.by_ref().take(batch.len()) {
                self.engine.validate_license(&self.lane, &request, None).unwrap();
            }
            answers.extend(batch.into_iter().map(|(_, outcome)| outcome.unwrap()));
        }
        let (elapsed, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        // A refusal is fast too, so each answer is looked at.
        answers.iter().for_each(|answer| assert!(is_firma(answer), "a draw was refused"));
        let draws = count as f64;
        report.tell(group, "rate", "draws/s", draws / elapsed);
        report.tell(group, "CPU", "us/draw", cpu / draws * 1e6);
        report.tell(group, "draws in one commit", "", draws / f64::from(batches));
    }
}

fn is_firma(answer: &[u8]) -> bool {
    let response = pb::ValidateLicenseResponse::decode(answer).unwrap();
    let outcome = response.answer.and_then(|answer| answer.verdict).and_then(|v| v.outcome);
    matches!(outcome, Some(pb::verdict::Outcome::Firma(_)))
}

/// User and system time of this process, all threads, to a hundredth of a second.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let behind_name = &stat[stat.rfind(')').unwrap() + 2..];
    let ticks = behind_name.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().unwrap());
    ticks.sum::<f64>() / TICKS_PER_S
}

/// The least that any durable draw-down needs: a balance changed under a condition, the request and
/// its answer kept, and a commit that has reached the disk.
struct Plain {
    connection: Connection,
    drawn: i64,
}

impl Plain {
    fn open(inputs: &Inputs) -> Self {
        let connection = Connection::open(inputs.folder.join("plain.sqlite3")).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE balance (license_id INTEGER PRIMARY KEY, available INTEGER NOT NULL);
                 CREATE TABLE draw (draw_id INTEGER PRIMARY KEY, license_id INTEGER NOT NULL,
                     request_id TEXT NOT NULL UNIQUE, request BLOB NOT NULL, answer BLOB NOT NULL);
                 WITH RECURSIVE number(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < 10000)
                     INSERT INTO balance SELECT n, 1000000000 FROM number;",
            )
            .unwrap();
        Self { connection, drawn: 0 }
    }

    fn draw(&mut self, inputs: &Inputs, count: usize, report: &mut Report) {
        const GROUP: &str = "SQLite, one draw per commit";
        let answer = vec![7_u8; ANSWER_BYTES];
        let (began, cpu) = (Instant::now(), cpu_seconds());
        for _ in 0..count {
            self.drawn += 1;
            let license_id = self.drawn % 10_000 + 1;
            let transaction = self.connection.transaction().unwrap();
            let changed = transaction
                .prepare_cached(
                    "UPDATE balance SET available = available - 1
                     WHERE license_id = ?1 AND available >= 1",
                )
                .unwrap()
                .execute([license_id])
                .unwrap();
            assert_eq!(changed, 1);
            transaction
                .prepare_cached("INSERT INTO draw VALUES (?1, ?2, ?3, ?4, ?5)")
                .unwrap()
                .execute(params![
                    self.drawn,
                    license_id,
                    format!("00000000-0000-4000-8000-{:012x}", self.drawn),
                    inputs.validation,
                    answer
                ])
                .unwrap();
            transaction.commit().unwrap();
        }
        let draws = count as f64;
        report.tell(GROUP, "rate", "draws/s", draws / began.elapsed().as_secs_f64());
        report.tell(GROUP, "CPU", "us/draw", (cpu_seconds() - cpu) / draws * 1e6);
    }
}
