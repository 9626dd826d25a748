//! `stonechat lm merge`: counts of the parts of a text to the counts, or the model, of the whole.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use stonechat_kinds::FileKind;
use stonechat_lm::estimate::{Counts, estimate_counts, order_of};

use super::build::How;
use super::count::Counted;
use crate::failure::Verdict;
use crate::kinds;
use crate::output;

#[derive(Args)]
pub struct Merge {
    /// Files of counts (`lm count`), in any order; with `--output X.counts` they become one of them
    #[arg(value_name = "COUNTS", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    how: How,
}

impl Merge {
    pub fn run(self) -> Result<Verdict> {
        let Self { files, how } = self;
        for path in &files {
            kinds::regular(path, "a file of counts")?;
            kinds::check(path, "a file of counts (`stonechat lm count`)", |kind| {
                matches!(kind, FileKind::Counts | FileKind::Unknown(_))
            })?;
        }
        output::reserve(&how.output, files.iter().map(PathBuf::as_path))?;
        if how.output.extension().is_some_and(|ending| ending == "counts") {
            let start = Instant::now();
            let (folder, memory) = how.sorting.disk();
            let counts = Counts::merge(&files, (&folder, memory))?;
            return Counted::write(counts, how.output, start)?.print(how.json);
        }
        how.check()?;
        how.make(order_of(&files[0])?, |options, progress| {
            Ok(estimate_counts(&files, options, progress)?)
        })
    }
}
