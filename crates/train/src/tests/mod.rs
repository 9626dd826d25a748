//! Whole nets and whole runs.

mod cells;
mod claims;
mod common;
mod export;
mod families;
mod integers;
mod methods;
mod processes;
mod pytorch;
mod run;
mod run_folder;
