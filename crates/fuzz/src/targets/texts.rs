//! Lists of recordings, recipes and sweeps.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use stonechat_corpus::import::{Layout, Options, import};
use stonechat_corpus::{Targets, manifest_line, manifest_lines};
use stonechat_files::TextFile;
use stonechat_kinds::{FileKind, HEAD_BYTES};
use stonechat_model::Alphabet;
use stonechat_sweep::{Sweep, Table};
use stonechat_train::Recipe;

/// Reads a manifest; lines that are accepted are read again as they are written.
pub fn manifest(data: &[u8]) {
    let kind = FileKind::of(&data[..data.len().min(HEAD_BYTES)]);
    assert!(!kind.to_string().is_empty());
    let path = Path::new("folder/input.jsonl");
    let targets = Targets::new(Alphabet::english());
    for utterance in manifest_lines(&TextFile::new(path, data.to_vec())) {
        let utterance = match utterance {
            Ok(utterance) => utterance,
            Err(error) => {
                assert!(
                    error.to_string().starts_with("folder/input.jsonl"),
                    "{error} names no file"
                );
                continue;
            }
        };
        if let Ok(labels) = targets.labels(&utterance.text) {
            assert!(targets.frames_needed(&labels) >= labels.len());
        }
        let line = Value::Object(manifest_line(&utterance, Path::new("folder"))).to_string();
        let again = manifest_lines(&TextFile::new(path, line.into_bytes()));
        let again = again.first().expect("one line").as_ref();
        // A duration of less than half a millisecond is written as none at all.
        assert!(
            again.is_ok_and(|again| again.text == utterance.text)
                || utterance.duration_s < Some(0.001)
        );
    }
}

/// Reads a table of recordings, of Common Voice or of anybody, or of a sweep.
pub fn table(data: &[u8]) {
    with_file("table.csv", data, |path| {
        for layout in [Layout::Csv, Layout::CommonVoice] {
            let options = Options { layout: Some(layout), ..Options::default() };
            let _ = import(path, &options);
        }
        let _ = Layout::of(path);
        let _ = Table::from_csv(path);
    });
}

/// Reads a shard, and the recordings in it.
pub fn shard(data: &[u8]) {
    with_file("shard.tar", data, |path| {
        let Ok(found) = import(path, &Options::default()) else { return };
        for utterance in found.utterances.iter().take(8) {
            let _ = utterance.read(16_000);
        }
    });
}

/// A file of this thread with these bytes.
fn with_file(name: &str, data: &[u8], read: impl Fn(&Path)) {
    thread_local! {
        static FOLDER: stonechat_testing::Folder = stonechat_testing::Folder::new();
    }
    let path: PathBuf = FOLDER.with(|folder| folder.write(name, data));
    read(&path);
}

/// Reads a recipe; one that is accepted is the same as it is written.
pub fn recipe(data: &[u8]) {
    let Ok(recipe) = Recipe::from_toml(&String::from_utf8_lossy(data)) else { return };
    let written = recipe.to_toml().expect("a recipe that was read can be written");
    let again = Recipe::from_toml(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert!(again == recipe || recipe != recipe.clone(), "{written}");
}

/// Reads a sweep; every item of one that is accepted has a name that makes a folder.
pub fn sweep(data: &[u8]) {
    let Ok(sweep) = Sweep::from_toml(&String::from_utf8_lossy(data)) else { return };
    let items = sweep.items();
    assert!(!items.is_empty());
    for item in &items {
        let parts: Vec<Component> = Path::new(&item.name).components().collect();
        assert!(matches!(parts[..], [Component::Normal(_)]), "{:?} is no folder", item.name);
        item.changes();
    }
}
