//! Runs a recipe and prints its events: `run_recipe RECIPE RUN [resume] [key=value...]`.

use std::path::Path;
use std::time::Instant;

use stonechat_train::{Event, Recipe, train};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let resume = args.iter().any(|a| a == "resume");
    let overrides: Vec<String> = args[3..].iter().filter(|a| a.contains('=')).cloned().collect();
    let recipe = Recipe::load(Path::new(&args[1]), &overrides).unwrap_or_else(|e| panic!("{e}"));
    let start = Instant::now();
    train(&recipe, Path::new(&args[2]), resume, &|event| match event {
        Event::Reading { done, total } if done % 500 != 0 && done != total => {}
        Event::Step { batch, .. } if batch.0 % 20 != 0 => {}
        event => eprintln!("{:7.1} {event:?}", start.elapsed().as_secs_f64()),
    })
    .unwrap_or_else(|e| panic!("{e}"));
}
