//! A checked ruleset, for the commands and tests that ask it about lines.

use descargo_engine::rulesets::CheckedRuleset;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A checked ruleset. `ValueError` carries every problem.
#[pyclass(frozen, module = "descargo_server._core")]
pub struct Ruleset(CheckedRuleset);

#[pymethods]
impl Ruleset {
    #[new]
    fn new(
        py: Python<'_>,
        files: Vec<(String, Vec<u8>)>,
        catalogue: &[u8],
        instruments: &[u8],
    ) -> PyResult<Self> {
        // Large sets take seconds.
        py.detach(|| CheckedRuleset::check(&files, catalogue, instruments))
            .map(Self)
            .map_err(PyValueError::new_err)
    }

    fn sha256<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.sha256())
    }

    fn rule_count(&self) -> usize {
        self.0.rule_count()
    }

    fn judge<'py>(&self, py: Python<'py>, lines: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let answers = py.detach(|| self.0.judge(lines)).map_err(PyValueError::new_err)?;
        Ok(PyBytes::new(py, &answers))
    }

    fn run_cases(&self, py: Python<'_>, path: &str, text: &[u8]) -> (usize, Vec<String>) {
        py.detach(|| self.0.run_cases(path, text))
    }
}
