//! Work without the interpreter's lock, and errors as exceptions.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::exceptions::{
    PyFileExistsError, PyFileNotFoundError, PyIsADirectoryError, PyNotADirectoryError, PyOSError,
    PyPermissionError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;

use super::samples::Samples;
use crate::{Failure, Kind};

/// How often Python is asked whether somebody pressed Ctrl-C.
const SIGNALS: Duration = Duration::from_millis(100);

/// Runs `work` while other Python threads run. A panic in it is a `RuntimeError`.
pub fn apart<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Failure> + Send,
) -> PyResult<T> {
    // What a panic leaves behind is behind a lock, which is then poisoned, or goes with the panic.
    let done = py.detach(|| catch_unwind(AssertUnwindSafe(work)));
    let done = done.unwrap_or_else(|payload| Err(Failure::of_panic(&*payload)));
    done.map_err(PyErr::from)
}

impl From<Failure> for PyErr {
    fn from(Failure { kind, message }: Failure) -> Self {
        match kind {
            Kind::Value => PyValueError::new_err(message),
            Kind::Runtime => PyRuntimeError::new_err(message),
            Kind::System(ErrorKind::NotFound) => PyFileNotFoundError::new_err(message),
            Kind::System(ErrorKind::PermissionDenied) => PyPermissionError::new_err(message),
            Kind::System(ErrorKind::IsADirectory) => PyIsADirectoryError::new_err(message),
            Kind::System(ErrorKind::NotADirectory) => PyNotADirectoryError::new_err(message),
            Kind::System(ErrorKind::AlreadyExists) => PyFileExistsError::new_err(message),
            Kind::System(_) => PyOSError::new_err(message),
        }
    }
}

/// An exception that Python code raised while Stonechat was calling it, or that a signal raised.
#[derive(Clone, Default)]
pub struct Raised(Arc<Mutex<Option<PyErr>>>);

impl Raised {
    pub fn keep(&self, error: PyErr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// The exception itself, rather than what came of it.
    pub fn or(&self, error: PyErr) -> PyErr {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(error)
    }

    /// Asks Python now and then for signals: Ctrl-C ends the work as it ends Python's own.
    pub fn stop(&self) -> impl FnMut() -> Result<(), Failure> {
        let mut last = Instant::now();
        move || {
            if last.elapsed() < SIGNALS {
                return Ok(());
            }
            last = Instant::now();
            Python::attach(|py| py.check_signals()).map_err(|error| {
                self.keep(error);
                Failure::runtime("interrupted")
            })
        }
    }
}

/// The content of a file: where it is, or what it holds.
pub enum Content {
    Path(PathBuf),
    Bytes(Vec<u8>),
}

impl Content {
    /// Of a path or something with bytes. `what` it is to be, for the error.
    pub fn of(object: &Bound<'_, PyAny>, what: &str) -> PyResult<Self> {
        if let Some(Samples::Bytes(bytes)) = Samples::of(object)? {
            return Ok(Self::Bytes(bytes));
        }
        object.extract().map(Self::Path).map_err(|_| {
            PyTypeError::new_err(format!("{what} must be a path or bytes, not {}", name(object)))
        })
    }
}

/// What Python calls the type of an object.
pub fn name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "something else".into(), |name| name.to_string())
}

/// A sampling rate.
pub fn rate_hz(rate: i64) -> PyResult<u32> {
    u32::try_from(rate)
        .map_err(|_| PyValueError::new_err(format!("rate: {rate} Hz is no sampling rate")))
}
