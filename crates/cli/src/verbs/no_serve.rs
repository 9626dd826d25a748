//! `stonechat serve` in a build without it.

use anyhow::Result;

use crate::failure::{Verdict, usage};

/// (not in this build) Serve speech recognition to other programs and machines
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Serve {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<std::ffi::OsString>,
}

impl Serve {
    pub fn run(self) -> Result<Verdict> {
        Err(usage(
            "this build of stonechat has no server; it comes with\n  \
             cargo install --path crates/cli --features full,serve",
        ))
    }
}
