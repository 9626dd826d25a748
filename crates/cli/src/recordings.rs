//! Several recordings, one after the other: one that fails does not stop the others.

use anyhow::Result;
use serde::Serialize;

use crate::failure::{Verdict, message};
use crate::inputs::Input;

/// The results of several recordings, as JSON has them: `{"files": [...]}`.
#[derive(Serialize)]
pub struct Files<T> {
    files: Vec<FileResult<T>>,
}

#[derive(Serialize)]
struct FileResult<T> {
    file: String,
    #[serde(flatten)]
    outcome: Outcome<T>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<T> {
    Done(T),
    Failed { error: String },
}

/// Does `work` for each recording; errors go to stderr and into the results.
pub fn each<T>(inputs: &[Input], mut work: impl FnMut(&Input) -> Result<T>) -> (Verdict, Files<T>) {
    let mut verdict = Verdict::Good;
    let mut files = Vec::with_capacity(inputs.len());
    for input in inputs {
        let outcome = work(input).map(Outcome::Done).unwrap_or_else(|error| {
            verdict = Verdict::Bad;
            let error = message(&error);
            eprintln!("error: {error}");
            Outcome::Failed { error }
        });
        files.push(FileResult { file: input.to_string(), outcome });
    }
    (verdict, Files { files })
}
