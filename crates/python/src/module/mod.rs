//! The border to Python: `stonechat._native`. Python's values come in here and texts go out; what is typed, frozen and documented for
//! people is the Python part.

mod border;
mod file;
mod model;
mod recognizer;
mod samples;
mod stream;
mod work;

use pyo3::pymodule;

/// The native part of `stonechat`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::recognizer::Recognizer;
    #[pymodule_export]
    use super::stream::Stream;
    #[pymodule_export]
    use super::work::{compress, inspect, lm_build, quantize, settings, subtitles, version};
}
