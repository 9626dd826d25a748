//! Inputs to begin with.

use std::path::{Path, PathBuf};

use crate::Target;

/// The folders of a target's inputs: its own, and what lies elsewhere in the repository.
pub fn folders(target: &Target) -> Vec<PathBuf> {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = crate_folder.join("corpus").join(target.name);
    std::iter::once(own).chain(target.more.iter().map(|more| crate_folder.join(more))).collect()
}

/// The inputs of a target with their names, in the order of the names.
///
/// # Panics
/// If a folder cannot be read or there is no input: a target without inputs tries nothing.
pub fn inputs(target: &Target) -> Vec<(String, Vec<u8>)> {
    let mut inputs = Vec::new();
    for folder in folders(target) {
        let entries = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.expect("an entry of a folder").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_file() && !name.ends_with(".py") && !name.ends_with(".md") {
                inputs.push((name, std::fs::read(&path).expect("a file of a corpus")));
            }
        }
    }
    assert!(!inputs.is_empty(), "{}: no inputs; run the example make_corpus", target.name);
    inputs.sort();
    inputs
}
