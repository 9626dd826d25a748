//! What a stage does to a net besides the steps of the optimiser.

pub mod carry_output;
pub mod diagnosis;
pub mod init;
pub mod objective;
pub mod optimality;
pub mod part_rates;
pub mod penalty;
pub mod prune;
pub mod start;
pub mod teacher;
