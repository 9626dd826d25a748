//! Nets at rest: checkpoints, packages, and their conversion.

pub mod checkpoint;
mod checksum;
pub mod export;
pub mod names;
pub mod trained;
