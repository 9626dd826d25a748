//! Writes the corpora anew: `cargo run --release -p stonechat-fuzz --example make_corpus`.
//!
//! All is made here from seeds; recordings in coded containers are those of the audio crate's tests, recipes those of
//! `recipes/`. What a fuzzer found to reach new code is not kept: a fault is, as a test of the crate that had it.

mod language;
mod networks;
mod sounds;
mod texts;

use std::path::Path;

fn main() {
    let inputs: Vec<(String, Vec<u8>)> =
        [sounds::inputs(), networks::inputs(), texts::inputs(), language::inputs()].concat();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, bytes) in &inputs {
        let path = corpus.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder for the target")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
    }
    let bytes: usize = inputs.iter().map(|(_, bytes)| bytes.len()).sum();
    println!("{} inputs, {bytes} bytes", inputs.len());
}

/// An input with its name, `TARGET/NAME`.
fn input(name: &str, bytes: impl AsRef<[u8]>) -> (String, Vec<u8>) {
    (name.to_string(), bytes.as_ref().to_vec())
}
