//! Runs the targets without a fuzzer: `drive SECONDS [TARGET...]`, all of them if none is named.
//!
//! Each gets the inputs of its corpus as they are, then changed by chance, for as many seconds as are given. An input that
//! makes a target panic or takes too much is written beside the temporary files, and the status is 1.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use stonechat_fuzz::{Spent, TARGETS, Target, corpus, damage, trial};
use stonechat_testing::Random;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(seconds) = arguments.next().and_then(|text| text.parse().ok()) else {
        eprintln!("usage: drive SECONDS [TARGET...]");
        return ExitCode::from(2);
    };
    let names: Vec<String> = arguments.collect();
    if let Some(name) = names.iter().find(|name| TARGETS.iter().all(|target| target.name != **name))
    {
        eprintln!("there is no target {name}");
        return ExitCode::from(2);
    }
    // What panics is told with its input below.
    println!("{:<12} {:>9} {:>9} {:>11}", "target", "inputs", "most s", "most bytes");
    let mut status = ExitCode::SUCCESS;
    for target in
        TARGETS.iter().filter(|t| names.is_empty() || names.iter().any(|name| name == t.name))
    {
        match drive(target, Duration::from_secs_f64(seconds)) {
            Ok((count, most)) => {
                println!("{:<12} {count:>9} {:>9.3} {:>11}", target.name, most.seconds, most.bytes);
            }
            Err(problem) => {
                println!("{:<12} {problem}", target.name);
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}

/// How many inputs there were, and the most that one took of each.
fn drive(target: &Target, time: Duration) -> Result<(u64, Spent), String> {
    let inputs = corpus::inputs(target);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut count, mut most) = (0, Spent::default());
    let mut run = |input: &[u8]| {
        let spent = trial(target, input).map_err(|problem| keep(target, input, &problem))?;
        most =
            Spent { seconds: most.seconds.max(spent.seconds), bytes: most.bytes.max(spent.bytes) };
        count += 1;
        Ok::<(), String>(())
    };
    for (_, input) in &inputs {
        run(input)?;
    }
    let end = Instant::now() + time;
    while Instant::now() < end {
        let (seed, other) =
            (&inputs[random.below(inputs.len())].1, &inputs[random.below(inputs.len())].1);
        run(&damage(seed, other, target.text, &mut random))?;
    }
    Ok((count, most))
}

/// Writes an input to be looked at, and says where.
fn keep(target: &Target, input: &[u8], problem: &str) -> String {
    let path = std::env::temp_dir().join(format!("stonechat-fuzz-{}", target.name));
    match std::fs::write(&path, input) {
        Ok(()) => format!("{problem}: {}", path.display()),
        Err(error) => format!("{problem}: {error}"),
    }
}
