//! Makes the headers for C from the sources with cbindgen: `crates/kernels/include/stonechat_kernels.h` of `crates/kernels/src/capi`,
//! `crates/capi/include/stonechat.h` of `crates/capi/src`.
//!
//! `cargo run --manifest-path tools/c_header/Cargo.toml` compares them, and fails if they differ; with the argument `write` it writes the
//! headers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A header and its sources.
struct Header {
    /// Folder of the crate, from the root of the project.
    folder: &'static str,
    /// Folder in the crate.
    sources: &'static str,
    /// The files with functions, in the order of the header.
    names: &'static [&'static str],
    /// The other files of that folder.
    others: usize,
    file: &'static str,
    guard: &'static str,
    head: &'static str,
}

const HEADERS: [Header; 2] = [
    Header {
        folder: "crates/kernels",
        sources: "src/capi",
        names: &[
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
        ],
        others: 1,
        file: "include/stonechat_kernels.h",
        guard: "STONECHAT_KERNELS_H",
        head: "\
// Small-batch products over packed weights. Made from crates/kernels/src/capi by tools/c_header.
//
// Functions that return int32_t return STONECHAT_OK or the problem, and write to their last pointers only on success.
// Several threads may use a handle at a time, except a scratch.",
    },
    Header {
        folder: "crates/capi",
        sources: "src",
        names: &["status", "model", "options", "recognizer", "stream"],
        others: 1,
        file: "include/stonechat.h",
        guard: "STONECHAT_H",
        head: "\
// Streaming speech recognition. Made from crates/capi/src by tools/c_header.
//
// Functions that return int32_t return STONECHAT_OK or the problem: stonechat_error_name gives its name, stonechat_last_error the message.
// Results go out through the last pointers, which are written only on success. Handles may move to other threads; several threads may use
// models and recognizers at a time, options and streams serve one call at a time. Texts that a stream returns are valid until the next call
// with that stream. Every option is in docs/settings.md.",
    },
];

impl Header {
    fn root(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(self.folder)
    }

    fn generate(&self) -> String {
        let config = cbindgen::Config {
            language: cbindgen::Language::C,
            cpp_compat: true,
            include_guard: Some(self.guard.to_owned()),
            no_includes: true,
            sys_includes: vec!["stddef.h".to_owned(), "stdint.h".to_owned()],
            usize_is_size_t: true,
            documentation_style: cbindgen::DocumentationStyle::C99,
            line_length: 110,
            style: cbindgen::Style::Type,
            header: Some(self.head.to_owned()),
            ..cbindgen::Config::default()
        };
        let builder = cbindgen::Builder::new().with_config(config);
        let folder = self.root().join(self.sources);
        let listed = fs::read_dir(&folder).expect("the sources").count();
        assert_eq!(
            listed,
            self.names.len() + self.others,
            "{}: a source is not named",
            self.folder
        );
        let builder = self.names.iter().fold(builder, |builder, name| {
            builder.with_src(folder.join(name).with_extension("rs"))
        });
        let mut bytes = Vec::new();
        builder.generate().expect("the sources parse").write(&mut bytes);
        String::from_utf8(bytes).expect("UTF-8")
    }

    /// Whether the stored header is the one that is made.
    fn is_up_to_date(&self) -> bool {
        let (path, generated) = (self.root().join(self.file), self.generate());
        let stored = fs::read_to_string(&path).expect("the header");
        if stored == generated {
            println!("{} is up to date", self.file);
            return true;
        }
        let same =
            stored.lines().zip(generated.lines()).take_while(|(old, new)| old == new).count();
        eprintln!("{}: line {} is outdated", path.display(), same + 1);
        eprintln!("  stored: {}", stored.lines().nth(same).unwrap_or_default());
        eprintln!("  made:   {}", generated.lines().nth(same).unwrap_or_default());
        eprintln!("write it again: cargo run --manifest-path tools/c_header/Cargo.toml -- write");
        false
    }
}

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|argument| argument == "write") {
        for header in &HEADERS {
            fs::write(header.root().join(header.file), header.generate()).expect("writes");
        }
        return ExitCode::SUCCESS;
    }
    let old = HEADERS.iter().filter(|header| !header.is_up_to_date()).count();
    if old == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
