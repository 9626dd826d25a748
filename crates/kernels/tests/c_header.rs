//! `include/stonechat_kernels.h` is what cbindgen makes of `src/capi`.

use std::fs;
use std::path::{Path, PathBuf};

/// In the order in which they stand in the header.
const SOURCES: [&str; 6] = ["status", "isa", "quantize", "pool", "int8", "packed_form"];

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> PathBuf {
    folder().join("include/stonechat_kernels.h")
}

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
        header: Some(
            "// Small-batch products over packed 8-bit weights. Made from crates/kernels/src/capi; see its test c_header.\n\
             //\n\
             // Functions that return int32_t return STONECHAT_OK or what was wrong, and write to their last pointers only where all is\n\
             // well. A handle may be used by several threads at a time, save a scratch."
                .to_owned(),
        ),
        ..cbindgen::Config::default()
    };
    let builder =
        SOURCES.iter().fold(cbindgen::Builder::new().with_config(config), |builder, name| {
            builder.with_src(folder().join("src/capi").join(name).with_extension("rs"))
        });
    let mut bytes = Vec::new();
    builder.generate().expect("the sources parse").write(&mut bytes);
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn the_header_is_up_to_date() {
    let listed = fs::read_dir(folder().join("src/capi")).expect("the sources").count();
    assert_eq!(listed, SOURCES.len() + 1, "a source of src/capi is missing from SOURCES");
    let stored = fs::read_to_string(header()).expect("the header");
    let generated = generate();
    for (line, (old, new)) in stored.lines().zip(generated.lines()).enumerate() {
        assert_eq!(
            old,
            new,
            "line {} is old: `cargo test -p stonechat-kernels --test c_header -- --ignored` writes the header anew",
            line + 1
        );
    }
    assert_eq!(stored, generated);
}

#[test]
#[ignore = "writes the header"]
fn write_the_header() {
    fs::write(header(), generate()).expect("writes");
}
