//! The seam to Python: bytes in, bytes out. Translates, and decides nothing.

mod mailbox;
mod ruleset;
mod stream;

use std::io::Read;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use descargo_engine::caller::{AgencyKeys, Caller as EngineCaller, Role};
use descargo_engine::day_alerts::ListPlace;
use descargo_engine::engine::Engine as CoreEngine;
use descargo_engine::refusal::Refusal;
use descargo_engine::settings::Settings;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::mailbox::Mailbox;

pyo3::import_exception!(descargo_server.refused, Refused);

/// What `Refused` is built from: reason, field, detail, milliseconds to wait.
type RefusalParts = (&'static str, String, String, Option<u64>);

/// A place in a list: agency, permit key, number as it is looked up.
type Place = (String, String, String);

/// One item of `drain`: ticket, and either the response or why there is none.
type Drained<'py> = (u64, Option<Bound<'py, PyBytes>>, Option<RefusalParts>);

fn parts(refusal: Refusal) -> RefusalParts {
    (refusal.reason.as_str(), refusal.field, refusal.detail, refusal.retry_after_ms)
}

fn refused(refusal: Refusal) -> PyErr {
    Refused::new_err(parts(refusal))
}

/// An identity, made once for each certificate.
#[pyclass(frozen, module = "descargo_server._core")]
struct Caller(Arc<EngineCaller>);

#[pymethods]
impl Caller {
    #[new]
    #[pyo3(signature = (
        name, role, agency="", permit_keys=Vec::new(), office="", broker_license="", rfc="",
        agencies=Vec::new()
    ))]
    #[expect(clippy::too_many_arguments, reason = "keywords, as access.toml names them")]
    fn new(
        name: &str,
        role: &str,
        agency: &str,
        permit_keys: Vec<String>,
        office: &str,
        broker_license: &str,
        rfc: &str,
        agencies: Vec<(String, Vec<String>)>,
    ) -> PyResult<Self> {
        let role = Role::parse(role)
            .ok_or_else(|| PyValueError::new_err(format!("`{role}` is not a role")))?;
        let own = (!agency.is_empty()).then(|| (agency.to_owned(), permit_keys));
        let mut agencies: Vec<AgencyKeys> = own
            .into_iter()
            .chain(agencies)
            .map(|(agency, permit_keys)| AgencyKeys { agency, permit_keys })
            .collect();
        agencies.sort_by(|one, other| one.agency.cmp(&other.agency));
        Ok(Self(Arc::new(EngineCaller {
            name: name.to_owned(),
            role,
            agencies,
            office: office.to_owned(),
            broker_license: broker_license.to_owned(),
            rfc: rfc.to_owned(),
        })))
    }
}

/// The engine. Every method may be called from any thread.
#[pyclass(frozen, module = "descargo_server._core")]
struct Engine {
    core: CoreEngine,
    mailbox: Arc<Mailbox>,
    rung: Mutex<std::io::PipeReader>,
    rung_fd: i32,
}

#[pymethods]
impl Engine {
    #[new]
    fn new(py: Python<'_>, settings_json: &str) -> PyResult<Self> {
        let (reader, writer) = std::io::pipe()?;
        let mailbox =
            Arc::new(Mailbox { outcomes: Mutex::new(Vec::new()), bell: Mutex::new(writer) });
        let delivery = mailbox.clone();
        let core = py
            .detach(|| {
                let settings = Settings::parse(settings_json)?;
                CoreEngine::open(&settings, Box::new(move |outcomes| delivery.put(outcomes)))
            })
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let rung_fd = reader.as_raw_fd();
        Ok(Self { core, mailbox, rung: Mutex::new(reader), rung_fd })
    }

    fn wakeup_fd(&self) -> i32 {
        self.rung_fd
    }

    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Vec<Drained<'py>>> {
        let outcomes = {
            let mut waiting = self.mailbox.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.is_empty() {
                return Ok(Vec::new());
            }
            // One byte was written when the mailbox became filled; it is read with the mailbox
            // held, so that the next filling rings again.
            let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
            rung.read_exact(&mut [0])?;
            std::mem::take(&mut *waiting)
        };
        Ok(outcomes
            .into_iter()
            .map(|(ticket, outcome)| match outcome {
                Ok(bytes) => (ticket, Some(PyBytes::new(py, &bytes)), None),
                Err(refusal) => (ticket, None, Some(parts(refusal))),
            })
            .collect())
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn submit_license(
        &self,
        py: Python<'_>,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<u64> {
        // Checking a signature takes tens of microseconds: others may run meanwhile.
        py.detach(|| self.core.submit_license(&caller.0, request, timeout(timeout_s)))
            .map_err(refused)
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn validate_license(
        &self,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<u64> {
        // A few microseconds: giving the interpreter away would cost more.
        self.core.validate_license(&caller.0, request, timeout(timeout_s)).map_err(refused)
    }

    fn check_license<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer = py.detach(|| self.core.check_license(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn reserve_declaration(
        &self,
        py: Python<'_>,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<u64> {
        let timeout = timeout(timeout_s);
        py.detach(|| self.core.reserve_declaration(&caller.0, request, timeout)).map_err(refused)
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn pay_declaration(
        &self,
        py: Python<'_>,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<u64> {
        let timeout = timeout(timeout_s);
        py.detach(|| self.core.pay_declaration(&caller.0, request, timeout)).map_err(refused)
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn validate_declaration(
        &self,
        py: Python<'_>,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<u64> {
        let timeout = timeout(timeout_s);
        py.detach(|| self.core.validate_declaration(&caller.0, request, timeout)).map_err(refused)
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn release_declaration(
        &self,
        py: Python<'_>,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<u64> {
        let timeout = timeout(timeout_s);
        py.detach(|| self.core.release_declaration(&caller.0, request, timeout)).map_err(refused)
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn rectify_declaration(
        &self,
        py: Python<'_>,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<u64> {
        let timeout = timeout(timeout_s);
        py.detach(|| self.core.rectify_declaration(&caller.0, request, timeout)).map_err(refused)
    }

    fn check_declaration<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer =
            py.detach(|| self.core.check_declaration(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn get_license<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer = py.detach(|| self.core.get_license(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn get_outcome<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer = py.detach(|| self.core.get_outcome(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn list_required_licenses<'py>(
        &self,
        py: Python<'py>,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        // Microseconds, and nothing of it waits: others would gain nothing.
        let answer = self.core.list_required_licenses(request).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn list_licenses<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer = py.detach(|| self.core.list_licenses(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn list_license_versions<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer =
            py.detach(|| self.core.list_license_versions(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn report_activity<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer =
            py.detach(|| self.core.report_activity(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn enroll_signer(
        &self,
        py: Python<'_>,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<u64> {
        py.detach(|| self.core.enroll_signer(&caller.0, request, timeout(timeout_s)))
            .map_err(refused)
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn revoke_certificate(
        &self,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<u64> {
        self.core.revoke_certificate(&caller.0, request, timeout(timeout_s)).map_err(refused)
    }

    #[pyo3(signature = (caller, request, timeout_s=None))]
    fn quarantine_certificate<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
        timeout_s: Option<f64>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let waits = timeout(timeout_s);
        let answer = py
            .detach(|| self.core.quarantine_certificate(&caller.0, request, waits))
            .map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn list_affected_licenses<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer =
            py.detach(|| self.core.list_affected_licenses(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn list_signers<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer = py.detach(|| self.core.list_signers(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn get_balance<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer = py.detach(|| self.core.get_balance(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn list_movements<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        request: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let answer = py.detach(|| self.core.list_movements(&caller.0, request)).map_err(refused)?;
        Ok(PyBytes::new(py, &answer))
    }

    fn watch_from(&self, request: &[u8]) -> PyResult<String> {
        self.core.watch_from(request).map_err(refused)
    }

    fn watch_part<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        cursor: &str,
    ) -> PyResult<(Vec<Bound<'py, PyBytes>>, String, bool)> {
        let part = py.detach(|| self.core.watch_part(&caller.0, cursor)).map_err(refused)?;
        let events = part.events.iter().map(|event| PyBytes::new(py, event)).collect();
        Ok((events, part.cursor, part.more))
    }

    fn open_stream(
        &self,
        py: Python<'_>,
        caller: &Caller,
        first_message: &[u8],
    ) -> PyResult<stream::SubmissionStream> {
        let streams = self.core.streams().clone();
        py.detach(|| stream::SubmissionStream::open(streams, &caller.0, first_message))
            .map_err(refused)
    }

    fn today(&self) -> String {
        self.core.today()
    }

    #[pyo3(signature = (caller, cursor, after=None))]
    fn day_alerts<'py>(
        &self,
        py: Python<'py>,
        caller: &Caller,
        cursor: &str,
        after: Option<Place>,
    ) -> PyResult<(Vec<Bound<'py, PyBytes>>, Option<Place>)> {
        let after = after.map(|(agency, permit_key, lookup_number)| ListPlace {
            agency,
            permit_key,
            lookup_number,
        });
        let part = py
            .detach(|| self.core.day_alerts(&caller.0, cursor, after.as_ref()))
            .map_err(refused)?;
        let events = part.events.iter().map(|event| PyBytes::new(py, event)).collect();
        let next = part.next.map(|at| (at.agency, at.permit_key, at.lookup_number));
        Ok((events, next))
    }

    fn reload_authority(&self, py: Python<'_>, settings_json: &str) -> PyResult<()> {
        py.detach(|| {
            let settings = Settings::parse(settings_json)?;
            self.core.reload_authority(&settings)
        })
        .map_err(|error| PyValueError::new_err(error.to_string()))
    }

    fn revision(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.core.revision()).map_err(refused)
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.core.close());
    }
}

fn timeout(timeout_s: Option<f64>) -> Option<Duration> {
    timeout_s.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Empty when the signature is valid, else why it is not.
#[pyfunction]
fn verify_raw(py: Python<'_>, alg: &str, spki: &[u8], message: &[u8], signature: &[u8]) -> String {
    py.detach(|| descargo_engine::verify_raw(alg, spki, message, signature))
}

/// Fingerprint, RFC and name of an official's certificate; `ValueError` says why it is unfit.
#[pyfunction]
fn enrolled(certificate: &[u8]) -> PyResult<(String, String, String)> {
    descargo_engine::enrolled(certificate)
        .map(|signer| (signer.certificate_sha256, signer.rfc, signer.name))
        .map_err(PyValueError::new_err)
}

/// The canonical string of a serialised submission; `ValueError` names what it cannot write.
#[pyfunction]
fn canonical_string(py: Python<'_>, submission: &[u8]) -> PyResult<String> {
    py.detach(|| descargo_engine::canonical_string(submission)).map_err(PyValueError::new_err)
}

/// Version of the core.
#[pyfunction]
fn core_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The core of the validator.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Caller>()?;
    module.add_class::<Engine>()?;
    module.add_class::<stream::SubmissionStream>()?;
    module.add_class::<ruleset::Ruleset>()?;
    module.add_function(wrap_pyfunction!(verify_raw, module)?)?;
    module.add_function(wrap_pyfunction!(enrolled, module)?)?;
    module.add_function(wrap_pyfunction!(canonical_string, module)?)?;
    module.add_function(wrap_pyfunction!(core_version, module)?)?;
    Ok(())
}
