//! Several recordings: a failure does not stop the others, and all failures are listed at the end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use anyhow::Result;
use serde::Serialize;

use crate::failure::{Verdict, message};
use crate::inputs::Input;
use crate::output;

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

/// Does `work` for each recording, up to `jobs` at a time, and `show` with each result in the order of the
/// recordings. Errors of `work` go to stderr and into the results; `work` is told when its result is no longer needed.
///
/// # Errors
/// The first of `show`: the reader has gone away, or the results cannot be written.
pub fn each<T: Send>(
    inputs: &[Input],
    jobs: usize,
    work: impl Fn(&Input, &AtomicBool) -> Result<T> + Sync,
    mut show: impl FnMut(&Input, &T) -> Result<()>,
) -> Result<(Verdict, Files<T>)> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut results: Vec<Option<Result<T>>> = inputs.iter().map(|_| None).collect();
    let mut outcomes = Vec::with_capacity(inputs.len());
    let mut failed = Vec::new();
    std::thread::scope(|scope| {
        // A worker is at most two recordings ahead of what is shown.
        let (sender, receiver) = sync_channel(1);
        for _ in 0..jobs.clamp(1, inputs.len().max(1)) {
            let (sender, next, stop, work) = (sender.clone(), &next, &stop, &work);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(input) = inputs.get(index) else { break };
                    if sender.send((index, work(input, stop))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for (index, result) in receiver {
            results[index] = Some(result);
            while let Some(result) = results.get_mut(outcomes.len()).and_then(Option::take) {
                let input = &inputs[outcomes.len()];
                let outcome = match result {
                    Ok(done) => {
                        if let Err(error) = show(input, &done) {
                            stop.store(true, Ordering::Relaxed);
                            return Err(error);
                        }
                        Outcome::Done(done)
                    }
                    Err(error) => {
                        let error = message(&error);
                        output::say(&format!("error: {error}"));
                        failed.push(input);
                        Outcome::Failed { error }
                    }
                };
                outcomes.push(FileResult { file: input.to_string(), outcome });
            }
        }
        Ok(())
    })?;
    if !failed.is_empty() && inputs.len() > 1 {
        output::say(&format!("error: {} of {} recordings failed:", failed.len(), inputs.len()));
        failed.iter().for_each(|input| output::say(&format!("  {input}")));
    }
    let verdict = if failed.is_empty() { Verdict::Good } else { Verdict::Bad };
    Ok((verdict, Files { files: outcomes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Done {
        number: usize,
    }

    #[test]
    fn results_are_in_order_and_stop_when_nobody_reads() {
        let inputs: Vec<Input> = (0..40).map(|n| Input::File(n.to_string().into())).collect();
        for jobs in [1, 3, 100] {
            let started = AtomicUsize::new(0);
            let work = |input: &Input, _: &AtomicBool| {
                started.fetch_add(1, Ordering::Relaxed);
                let number: usize = input.to_string().parse().unwrap();
                if number % 7 == 6 {
                    anyhow::bail!("{number} cannot be read");
                }
                Ok(Done { number })
            };
            let mut shown = Vec::new();
            let (verdict, files) = each(&inputs, jobs, work, |_, done| {
                shown.push(done.number);
                Ok(())
            })
            .unwrap();
            let expected: Vec<usize> = (0..40).filter(|n| n % 7 != 6).collect();
            assert_eq!((shown, verdict), (expected, Verdict::Bad), "{jobs} jobs");
            let json = serde_json::to_value(&files).unwrap();
            assert_eq!(json["files"][6]["error"], "6 cannot be read");
            assert_eq!(
                (&json["files"][7]["file"], &json["files"][7]["number"]),
                (&"7".into(), &7.into())
            );
            assert_eq!(json["files"].as_array().unwrap().len(), 40);

            started.store(0, Ordering::Relaxed);
            let stopped = each(&inputs, 1, work, |_, done| match done.number {
                2 => Err(anyhow::anyhow!("full")),
                _ => Ok(()),
            });
            assert!(stopped.is_err());
            // One more may wait to be shown, and one to be sent, when the third is refused.
            let started = started.load(Ordering::Relaxed);
            assert!((3..=6).contains(&started), "{started} of 40 were worked on");
        }
    }
}
