//! The engine: identity and bytes in, bytes and completions out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use descargo_evidence::sha256;
use descargo_ledger::command::RequestKey;
use descargo_ledger::group::{GroupCommit, NotQueued};
use descargo_ledger::list::ListPlace;
use descargo_ledger::reader::Reader;
use descargo_ledger::store::SqliteStore;
use descargo_model::date::Day;

use crate::activity;
use crate::affected;
use crate::answer::{as_response, revision, verdict_no_of};
use crate::appoint::Appoint;
use crate::caller::Caller;
use crate::clock::{Clock, instant};
use crate::command::{Command, Desk, Queued, Terms};
use crate::day_alerts::{self, AlertPart};
use crate::declaration::Declared;
pub use crate::deliver::{Notify, Outcome};
use crate::deliver::{Tag, deliver};
use crate::feed::{Feed, Part};
use crate::leases::Leases;
use crate::limits::QUERY_BYTES_MAX;
use crate::list;
use crate::movements;
use crate::quarantine::Quarantines;
use crate::read::LicenseQuery;
use crate::reasons::Reasons;
use crate::refusal::{Reason, Refusal};
use crate::request;
use crate::required;
use crate::settings::{Settings, SettingsError};
use crate::signers;
use crate::streams::Streams;
use crate::submit::Submit;

mod declarations;

/// How long a caller waits when the queue is full.
const OVERLOADED_RETRY_AFTER_MS: u64 = 100;

/// Decides requests on one ledger.
pub struct Engine {
    desk: Arc<Desk>,
    clock: Clock,
    queue: Arc<GroupCommit<Command, Tag>>,
    streams: Arc<Streams>,
    quarantines: Arc<Quarantines>,
    reader: Reader<Terms>,
    leases: Leases,
    ledger_id: String,
    next_ticket: Arc<AtomicU64>,
}

impl Engine {
    /// Opens everything that the settings name.
    ///
    /// # Errors
    /// [`SettingsError`]: which file, what is wrong, what to do.
    pub fn open(settings: &Settings, notify: Notify) -> Result<Self, SettingsError> {
        let desk = Arc::new(settings.desk()?);
        let clock = match &settings.clock_path {
            Some(path) => Clock::File(Arc::new(path.clone())),
            None => Clock::System,
        };
        let told = |error: descargo_ledger::error::OpenError| SettingsError(error.to_string());
        let store = SqliteStore::open(
            &settings.ledger_path,
            &new_ledger_id(settings),
            settings.refusals_kept_per_caller,
        )
        .map_err(told)?;
        let reader = Reader::open(&settings.ledger_path, store.cache()).map_err(told)?;
        let own_reader = Reader::open(&settings.ledger_path, store.cache()).map_err(told)?;
        let leases_reader = Reader::open(&settings.ledger_path, store.cache()).map_err(told)?;
        let ledger_id = reader.ledger_id().map_err(|error| SettingsError(error.to_string()))?;
        let writers_clock = clock.clone();
        let (notify, reasons) = (Arc::new(notify), Reasons::compiled_in()?);
        let writers_notify = notify.clone();
        let not_started =
            |error| SettingsError(format!("starting the ledger's writer or its pool: {error}"));
        let queue = Arc::new(
            GroupCommit::start(
                store,
                settings.ledger_path.clone(),
                settings.queue_max,
                Box::new(move || writers_clock.now()),
                Box::new(move |completions| deliver(completions, &reasons, &writers_notify)),
            )
            .map_err(not_started)?,
        );
        let next_ticket = Arc::new(AtomicU64::new(1));
        let streams = Streams::start(desk.clone(), queue.clone(), notify, next_ticket.clone())
            .map_err(not_started)?;
        let streams = Arc::new(streams);
        let quarantines =
            Quarantines::new(desk.clone(), queue.clone(), own_reader, ledger_id.clone());
        let quarantines = Arc::new(quarantines);
        quarantines.resume().map_err(SettingsError)?;
        let leases = Leases::start(desk.clone(), clock.clone(), leases_reader, queue.clone())
            .map_err(not_started)?;
        Ok(Self {
            desk,
            clock,
            queue,
            streams,
            quarantines,
            reader,
            leases,
            ledger_id,
            next_ticket,
        })
    }

    /// Streams of submissions.
    #[must_use]
    pub fn streams(&self) -> &Arc<Streams> {
        &self.streams
    }

    /// Takes signers, certificates and revocations of the settings in the place of the present
    /// ones. Every decision that is made after the return is made under them.
    ///
    /// # Errors
    /// [`SettingsError`] when a file is bad: then nothing has changed.
    pub fn reload_authority(&self, settings: &Settings) -> Result<(), SettingsError> {
        self.desk
            .authorities
            .replace(settings.authority()?)
            .map_err(|error| SettingsError(error.to_string()))
    }

    /// Queues a `SubmitLicenseRequest`; its outcome is a `SubmitLicenseResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn submit_license(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        let submit = Submit::read(caller.clone(), request, self.desk.authorities.present())?;
        self.enqueue(Queued::Submit(Box::new(submit)), timeout)
    }

    /// Queues a `ValidateLicenseRequest`; its outcome is a `ValidateLicenseResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn validate_license(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        self.declared(Declared::of_license(caller.clone(), request), timeout)
    }

    fn declared(
        &self,
        read: Result<Declared, Refusal>,
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        self.enqueue(Queued::Declared(Box::new(read?)), timeout)
    }

    /// Answers a `CheckLicenseRequest` with a `CheckLicenseResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be answered.
    pub fn check_license(&self, caller: &Arc<Caller>, request: &[u8]) -> Outcome {
        self.checked(Declared::of_license_check(caller.clone(), request))
    }

    fn checked(&self, read: Result<(Declared, String), Refusal>) -> Outcome {
        let (declared, min_revision) = read?;
        let needed = match min_revision.as_str() {
            "" => 0,
            text => verdict_no_of(text, &self.ledger_id).ok_or_else(|| {
                Refusal::of_field(
                    Reason::FieldInvalid,
                    "min_revision",
                    "not a revision that this validator gave",
                )
            })?,
        };
        let now = self.clock.now();
        let told = self.reader.view(declared.keys(), now, |view, last_verdict_no| {
            if last_verdict_no < needed {
                return Err(Refusal::of_field(
                    Reason::RevisionAhead,
                    "min_revision",
                    "this ledger has not reached that revision",
                ));
            }
            let mut draft = declared.preview(&self.desk, view)?;
            draft.revision = revision(view.ledger_id, last_verdict_no);
            Ok(as_response(&draft.unsealed()))
        });
        told.map_err(|fault| Refusal::from(&fault))?
    }

    /// Answers a `GetLicenseRequest` with a `GetLicenseResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when there is none that the caller may read.
    pub fn get_license(&self, caller: &Caller, request: &[u8]) -> Outcome {
        let query = LicenseQuery::read(request, QUERY_BYTES_MAX)?;
        let found = self
            .reader
            .licenses(&query.key, query.version)
            .map_err(|fault| Refusal::from(&fault))?;
        query.answer(caller, &found, instant(self.clock.now()))
    }

    /// Answers a `ListRequiredLicensesRequest` with a `ListRequiredLicensesResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when a field that rules need is missing or unknown.
    pub fn list_required_licenses(&self, request: &[u8]) -> Outcome {
        required::answer(&self.desk, request)
    }

    /// Answers a `ListLicensesRequest` with a `ListLicensesResponse`. Takes up to a tenth of a second.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be answered.
    pub fn list_licenses(&self, caller: &Caller, request: &[u8]) -> Outcome {
        list::licenses(&self.desk, &self.reader, caller, request, instant(self.clock.now()))
    }

    /// Answers a `ListLicenseVersionsRequest` with a `ListLicenseVersionsResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when there is none that the caller may read.
    pub fn list_license_versions(&self, caller: &Caller, request: &[u8]) -> Outcome {
        list::versions(&self.desk, &self.reader, &self.ledger_id, caller, request)
    }

    /// Answers a `GetBalanceRequest` with a `GetBalanceResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when there is none that the caller may read.
    pub fn get_balance(&self, caller: &Caller, request: &[u8]) -> Outcome {
        movements::balance(&self.reader, caller, request, instant(self.clock.now()))
    }

    /// Answers a `ListMovementsRequest` with a `ListMovementsResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when there are none that the caller may read.
    pub fn list_movements(&self, caller: &Caller, request: &[u8]) -> Outcome {
        movements::movements(&self.desk, &self.reader, &self.ledger_id, caller, request)
    }

    /// Answers a `ReportActivityRequest` with a `ReportActivityResponse`. A year of a busy validator
    /// takes some seconds.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be answered.
    pub fn report_activity(&self, caller: &Caller, request: &[u8]) -> Outcome {
        activity::report(&self.reader, caller, request)
    }

    /// Reads a `WatchExercisesRequest`; the cursor is checked with the first part of the feed.
    ///
    /// # Errors
    /// [`Refusal`] when it is malformed.
    pub fn watch_from(&self, request: &[u8]) -> Result<String, Refusal> {
        let message: descargo_model::pb::WatchExercisesRequest =
            request::read("WatchExercisesRequest", request, QUERY_BYTES_MAX)?;
        Ok(message.cursor)
    }

    /// The next part of the caller's feed after a cursor. Takes up to a tenth of a second.
    ///
    /// # Errors
    /// `CURSOR_INVALID`, `ROLE_NOT_ALLOWED`, or a fault of the ledger.
    pub fn watch_part(&self, caller: &Caller, cursor: &str) -> Result<Part, Refusal> {
        Feed::of(&self.desk.codes, &self.ledger_id, caller)?.part(&self.reader, cursor)
    }

    /// Today in Mexico City.
    #[must_use]
    pub fn today(&self) -> String {
        Day::of(instant(self.clock.now())).to_string()
    }

    /// A part of today's alerts of the caller's feed. They carry the cursor that is given: none moves
    /// with them. Takes up to a tenth of a second.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED`, or a fault of the ledger.
    pub fn day_alerts(
        &self,
        caller: &Caller,
        cursor: &str,
        after: Option<&ListPlace>,
    ) -> Result<AlertPart, Refusal> {
        Feed::of(&self.desk.codes, &self.ledger_id, caller)?;
        let now = instant(self.clock.now());
        day_alerts::part(&self.desk, &self.reader, caller, cursor, after, now)
    }

    /// Answers a `GetOutcomeRequest` with a `GetOutcomeResponse`.
    ///
    /// # Errors
    /// `OUTCOME_UNKNOWN` when nothing was decided under the key.
    pub fn get_outcome(&self, caller: &Caller, request: &[u8]) -> Outcome {
        let message: descargo_model::pb::GetOutcomeRequest =
            request::read("GetOutcomeRequest", request, QUERY_BYTES_MAX)?;
        let key = RequestKey {
            caller: caller.name.clone(),
            request_id: request::request_id(&message.request_id)?,
        };
        let stored = self.reader.outcome(&key).map_err(|fault| Refusal::from(&fault))?;
        stored.map(|answer| as_response(&answer)).ok_or_else(|| {
            Refusal::of_field(
                Reason::OutcomeUnknown,
                "request_id",
                "nothing was decided under this key; the request can be sent again with it",
            )
        })
    }

    /// Queues an `EnrollSignerRequest`; its outcome is an `EnrollSignerResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn enroll_signer(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        let appoint = Appoint::of_enrolment(caller, request, &self.desk.rules.instruments)?;
        self.enqueue_as(Tag::Operation, Queued::Appoint(Box::new(appoint)), timeout)
    }

    /// Queues a `RevokeCertificateRequest`; its outcome is a `RevokeCertificateResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn revoke_certificate(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        let appoint = Appoint::of_revocation(caller, request)?;
        self.enqueue_as(Tag::Operation, Queued::Appoint(Box::new(appoint)), timeout)
    }

    /// Answers a `QuarantineCertificateRequest` with a `QuarantineCertificateResponse`. Waits until
    /// every license is held, or until `timeout` is over.
    ///
    /// # Errors
    /// [`Refusal`] when it is malformed, cannot be recorded or takes longer.
    pub fn quarantine_certificate(
        &self,
        caller: &Arc<Caller>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Outcome {
        self.quarantines.answer(Appoint::of_quarantine(caller, request)?, timeout)
    }

    /// Answers a `ListAffectedLicensesRequest` with a `ListAffectedLicensesResponse`. Takes up to a
    /// tenth of a second.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be answered.
    pub fn list_affected_licenses(&self, caller: &Caller, request: &[u8]) -> Outcome {
        affected::list(&self.desk, &self.reader, &self.ledger_id, caller, request)
    }

    /// Answers a `ListSignersRequest` with a `ListSignersResponse`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be answered.
    pub fn list_signers(&self, caller: &Caller, request: &[u8]) -> Outcome {
        signers::list(&self.desk, &self.reader, caller, request)
    }

    /// The newest point in the ledger's history.
    ///
    /// # Errors
    /// [`Refusal`] when the ledger cannot be read.
    pub fn revision(&self) -> Result<String, Refusal> {
        let last = self.reader.last_verdict_no().map_err(|fault| Refusal::from(&fault))?;
        Ok(revision(&self.ledger_id, last))
    }

    /// Takes no more requests and returns when those queued are decided.
    pub fn close(&self) {
        self.leases.stop();
        self.streams.stop();
        self.queue.stop();
    }

    fn enqueue(&self, matter: Queued, timeout: Option<Duration>) -> Result<u64, Refusal> {
        self.enqueue_as(Tag::Call, matter, timeout)
    }

    fn enqueue_as(
        &self,
        tag: fn(u64) -> Tag,
        matter: Queued,
        timeout: Option<Duration>,
    ) -> Result<u64, Refusal> {
        let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed);
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let command = Command { desk: self.desk.clone(), deadline, matter, place: None };
        self.queue.submit(tag(ticket), command).map(|()| ticket).map_err(not_queued)
    }
}

pub(crate) fn not_queued(why: NotQueued) -> Refusal {
    match why {
        NotQueued::Full => Refusal::new(Reason::Overloaded, "too many requests wait")
            .retry_after_ms(OVERLOADED_RETRY_AFTER_MS),
        NotQueued::Stopping => Refusal::new(Reason::Draining, "the validator is stopping"),
    }
}

/// Eight characters that tell this ledger's verdicts from another's.
fn new_ledger_id(settings: &Settings) -> String {
    let born = format!(
        "{:?} {} {}",
        std::time::SystemTime::now(),
        std::process::id(),
        settings.ledger_path.display()
    );
    sha256(born.as_bytes()).iter().take(4).map(|byte| format!("{byte:02X}")).collect()
}
