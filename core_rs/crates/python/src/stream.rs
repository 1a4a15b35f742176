//! One opening of a stream of submissions, as Python holds it.

use std::sync::Arc;

use descargo_engine::caller::Caller;
use descargo_engine::refusal::Refusal;
use descargo_engine::streams::{Stream, Streams};
use pyo3::prelude::*;

use crate::refused;

/// An open stream. Its answers come out of `Engine.drain` by its ticket.
#[pyclass(frozen, module = "descargo_server._core")]
pub(crate) struct SubmissionStream {
    streams: Arc<Streams>,
    stream: Arc<Stream>,
}

impl SubmissionStream {
    pub fn open(
        streams: Arc<Streams>,
        caller: &Arc<Caller>,
        first_message: &[u8],
    ) -> Result<Self, Refusal> {
        let stream = streams.open(caller, first_message)?;
        Ok(Self { streams, stream })
    }
}

#[pymethods]
impl SubmissionStream {
    fn ticket(&self) -> u64 {
        self.stream.ticket()
    }

    fn frame(&self, py: Python<'_>, message: &[u8]) -> PyResult<usize> {
        // Up to 4 MiB are copied: others may run meanwhile.
        py.detach(|| self.streams.frame(&self.stream, message)).map_err(refused)
    }

    fn wrote(&self) {
        self.streams.wrote(&self.stream);
    }

    fn waiting(&self) -> usize {
        self.streams.waiting(&self.stream)
    }

    fn close(&self) {
        self.streams.close(&self.stream);
    }
}
