//! Reports about packages, for the command and for Python.

#[cfg(feature = "compress")]
mod change;
mod contents;
mod map_summary;

#[cfg(feature = "compress")]
pub use change::{Change, Summary, float_package, rewrite};
pub use contents::{Contents, MapContents};
pub use map_summary::MapSummary;
