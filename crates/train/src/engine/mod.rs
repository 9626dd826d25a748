//! The computation: a tape of matrices, layers as operations on it, nets, the optimiser.

pub mod evaluate;
pub mod graph;
pub mod layers;
pub mod linear;
pub mod loss;
pub mod net;
pub mod ops;
pub mod optimizer;
pub mod parameters;
mod rounding;
pub mod tape;
pub mod team;

#[cfg(test)]
mod tests;
