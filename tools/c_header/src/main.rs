//! `crates/kernels/include/stonechat_kernels.h` is what cbindgen makes of `crates/kernels/src/capi`.
//!
//! `cargo run --manifest-path tools/c_header/Cargo.toml` compares, and fails where they differ; with the argument `write` it writes the
//! header anew.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

const KERNELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/kernels");
/// In the order in which they stand in the header.
const SOURCES: [&str; 13] = [
    "status",
    "isa",
    "quantize",
    "pool",
    "product",
    "int8",
    "int4",
    "float32",
    "low_rank",
    "recurrent",
    "gru",
    "lstm",
    "packed_form",
];
const HEAD: &str = "\
// Small-batch products over packed weights. Made from crates/kernels/src/capi by tools/c_header.
//
// Functions that return int32_t return STONECHAT_OK or what was wrong, and write to their last pointers only where all is
// well. A handle may be used by several threads at a time, save a scratch.";

fn generate() -> String {
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        cpp_compat: true,
        include_guard: Some("STONECHAT_KERNELS_H".to_owned()),
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
        usize_is_size_t: true,
        documentation_style: cbindgen::DocumentationStyle::C99,
        line_length: 110,
        style: cbindgen::Style::Type,
        header: Some(HEAD.to_owned()),
        ..cbindgen::Config::default()
    };
    let builder = cbindgen::Builder::new().with_config(config);
    let folder = Path::new(KERNELS).join("src/capi");
    let builder = SOURCES
        .iter()
        .fold(builder, |builder, name| builder.with_src(folder.join(name).with_extension("rs")));
    let mut bytes = Vec::new();
    builder.generate().expect("the sources parse").write(&mut bytes);
    String::from_utf8(bytes).expect("UTF-8")
}

fn main() -> ExitCode {
    let path = Path::new(KERNELS).join("include/stonechat_kernels.h");
    let listed = fs::read_dir(Path::new(KERNELS).join("src/capi")).expect("the sources").count();
    assert_eq!(listed, SOURCES.len() + 1, "a source of src/capi is missing from SOURCES");
    let generated = generate();
    if std::env::args().nth(1).is_some_and(|argument| argument == "write") {
        fs::write(&path, generated).expect("writes");
        return ExitCode::SUCCESS;
    }
    let stored = fs::read_to_string(&path).expect("the header");
    if stored == generated {
        println!("the header for C is up to date");
        return ExitCode::SUCCESS;
    }
    let same = stored.lines().zip(generated.lines()).take_while(|(old, new)| old == new).count();
    eprintln!("{}: line {} is old", path.display(), same + 1);
    eprintln!("  stored: {}", stored.lines().nth(same).unwrap_or_default());
    eprintln!("  made:   {}", generated.lines().nth(same).unwrap_or_default());
    eprintln!("write it anew: cargo run --manifest-path tools/c_header/Cargo.toml -- write");
    ExitCode::FAILURE
}
