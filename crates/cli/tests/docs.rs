//! Every command of the pages in `docs/` is run, in a folder with the files that they speak of. Lines of ```sh blocks
//! that begin with `stonechat` are commands; a training is made small.
#![cfg(feature = "full")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::*;
use serde_json::json;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files that the pages speak of: recordings are the samples, `mine.stonechat` is a tiny float network.
fn files() -> Folder {
    let folder = Folder::new();
    for name in ["my", "recipes", "models", "samples", "voice"] {
        fs::create_dir(folder.path(name)).unwrap();
    }
    let copy =
        |from: &str, to: &str| fs::copy(root().join(from), folder.path(to)).map(|_| ()).unwrap();
    copy("models/default.stonechat", "models/default.stonechat");
    for entry in fs::read_dir(root().join("recipes")).unwrap() {
        let name = format!("recipes/{}", entry.unwrap().file_name().to_str().unwrap());
        copy(&name, &name);
    }
    let mut lines = Vec::new();
    for (name, text) in SAMPLES {
        copy(&format!("samples/{name}"), &format!("my/{name}"));
        copy(&format!("samples/{name}"), &format!("samples/{name}"));
        lines.push(json!({ "audio_filepath": name, "text": text }).to_string());
    }
    for (n, (name, text)) in SAMPLES.iter().cycle().take(60).enumerate() {
        copy(&format!("samples/{name}"), &format!("voice/{n:03}.flac"));
        folder.write(&format!("voice/{n:03}.txt"), text);
    }
    let dev = lines.remove(0);
    folder.write("my/train.jsonl", lines.join("\n"));
    folder.write("my/dev.jsonl", dev);
    copy("samples/kitchen.flac", "talk.flac");
    folder.write("commands.txt", "turn on the light in the kitchen\nturn off the radio\n");
    folder.write("hotwords.txt", "# places\nlittle station:6\nkitchen\n");
    let lines = SAMPLES.iter().map(|(_, text)| format!("{text}\n")).collect::<String>();
    folder.write("text.txt", lines.repeat(20) + "two words more\n");
    folder.write("dev.txt", lines);
    fs::copy(folder.path("tiny.stonechat"), folder.path("mine.stonechat")).unwrap();
    let mut small: Vec<String> = SMALL
        .iter()
        .map(|set| set.split_once('=').unwrap())
        .map(|(key, value)| format!("{key:?} = {value}"))
        .collect();
    small.push(r#""data.train" = [{ manifest = "my/train.jsonl" }]"#.into());
    small.push(r#""data.dev" = [{ manifest = "my/dev.jsonl" }]"#.into());
    let sweep = "recipe = 'recipes/english.toml'\narm = [{ name = 'trace' }]\ngrid = { 'stage.0.lambda_rec' = [0.001, 0.01], 'stage.0.lambda_nonrec' = [0.001] }\n";
    folder.write("sweep.toml", format!("{sweep}[set]\n{}\n", small.join("\n")));
    folder
}

/// What is said in `samples`.
const SAMPLES: [(&str, &str); 3] = [
    ("kitchen.flac", "turn on the light in the kitchen"),
    ("train.flac", "they waited for the train in the little station"),
    ("winter.flac", "it was a cold day in the middle of winter"),
];

/// The commands of a page, in order.
fn commands(page: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in page.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && line.starts_with("stonechat ") => found.push(line.to_owned()),
            _ => {}
        }
    }
    found
}

/// The words of a command as a shell makes them: quotes hold together, nothing else is special.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (None, '#') if word.is_none() => break,
            (None, ' ') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), _) if c == open => quote = None,
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// What makes a training of the pages small: it is the same call otherwise.
const SMALL: [&str; 6] = [
    "network.gru=[8]",
    "network.fc=8",
    "network.conv=[{ channels = 2, kernel = [5, 5], stride = [4, 3], lookahead = 2 }]",
    "stage.0.epochs=1",
    "stage.1.epochs=1",
    "stage.1.warm_start={ budget = { parameters = 2000 } }",
];

#[test]
fn every_command_of_the_pages_runs() {
    let mut pages: Vec<_> =
        fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    let mut count = 0;
    for page in pages.iter().filter(|page| page.extension().is_some_and(|e| e == "md")) {
        let folder = files();
        for command in commands(&fs::read_to_string(page).unwrap()) {
            println!("{}: {command}", page.file_name().unwrap().display());
            let mut words = words(&command);
            // What a shell would do: the output goes into a file.
            let into = words.iter().position(|word| word == ">").map(|at| words.split_off(at));
            let mut run_it = stonechat();
            run_it.current_dir(folder.root.path()).args(&words[1..]);
            if words[1] == "train" {
                // Other recipes start from a package, whose network stays, or are of one small stage.
                let english = words[2].ends_with("english.toml");
                let small = if english { &SMALL[..] } else { &["stage.0.epochs=1"] };
                small.iter().for_each(|change| {
                    run_it.args(["--set", change]);
                });
            }
            let (text, _) = run(&mut run_it, 0);
            if let Some(into) = into {
                folder.write(&into[1], text);
            }
            count += 1;
        }
    }
    assert!(count >= 20, "{count} commands");
}

#[test]
fn links_of_the_pages_lead_somewhere() {
    let mut pages = vec![root().join("README.md")];
    pages.extend(fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    for page in pages.iter().filter(|page| page.extension().is_some_and(|e| e == "md")) {
        let text = fs::read_to_string(page).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let file = link.split('#').next().unwrap();
            let found = file.is_empty()
                || file.contains("://")
                || page.parent().unwrap().join(file).exists();
            assert!(found, "{}: {link}", page.display());
        }
    }
}
