//! Exit statuses and error messages.

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::CommandFactory;

/// The end of a verb that did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Good,
    /// The work was stopped and is saved: it goes on with `--resume`.
    #[cfg_attr(not(feature = "full"), allow(dead_code))]
    Interrupted,
    /// The verb worked, but what it looked at is not in order; it has said so already.
    Bad,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => ExitCode::SUCCESS,
            Verdict::Bad => ExitCode::from(1),
            // EX_TEMPFAIL of sysexits.h: a scheduler knows to try again.
            Verdict::Interrupted => ExitCode::from(75),
        }
    }
}

/// An error in how the command was called, found after the arguments were parsed: status 2.
pub fn usage(message: impl std::fmt::Display) -> anyhow::Error {
    let kind = clap::error::ErrorKind::ArgumentConflict;
    crate::Cli::command().error(kind, message).into()
}

/// Prints `error` and gives the exit status.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        // Nothing is left to do where stderr is closed.
        let _ = usage.print();
        return ExitCode::from(2);
    }
    if is_broken_pipe(error) {
        // The reader has closed the pipe, as in `stonechat ... | head`.
        return ExitCode::SUCCESS;
    }
    crate::output::say(&format!("error: {}", message(error)));
    ExitCode::from(1)
}

/// The error with its causes, without repeating those that an outer message contains already.
pub fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.into_iter().any(|io| io.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn causes_are_told_once() {
        let cases = [
            (anyhow!("no room"), "no room"),
            (anyhow!("no room").context("saving"), "saving: no room"),
            (anyhow!("no room").context("f: no room"), "f: no room"),
        ];
        for (error, expected) in cases {
            assert_eq!(message(&error), expected);
        }
    }

    #[test]
    fn a_closed_pipe_is_found_below_its_context() {
        let pipe = || std::io::Error::from(ErrorKind::BrokenPipe);
        let disk = || std::io::Error::from(ErrorKind::StorageFull);
        assert!(is_broken_pipe(&Err::<(), _>(pipe()).context("writing").unwrap_err()));
        assert!(!is_broken_pipe(&Err::<(), _>(disk()).context("writing").unwrap_err()));
    }
}
