//! The targets.

mod audio;
mod language;
mod networks;
mod search;
mod settings;
mod texts;

pub use language::with_checksums;

/// Something that reads bytes.
pub struct Target {
    /// Its name, also of its folder in `corpus/` and of its program for libFuzzer.
    pub name: &'static str,
    /// Reads the bytes, and panics where what comes of them does not hold together.
    pub run: fn(&[u8]),
    /// Whether words rather than bytes are to be changed.
    pub text: bool,
    /// Further folders of inputs, from the folder of this crate.
    pub more: &'static [&'static str],
}

const fn bytes(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, text: false, more: &[] }
}

const fn text(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, text: true, more: &[] }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { more: &["../audio/tests/fixtures"], ..bytes("file", audio::file) },
    bytes("wav", audio::wav),
    bytes("signal", audio::signal),
    bytes("package", networks::package),
    bytes("state_dict", networks::state_dict),
    text("import_plan", networks::import_plan),
    text("plan", networks::plan),
    Target { more: &["../../recipes"], ..text("recipe", texts::recipe) },
    text("sweep", texts::sweep),
    text("manifest", texts::manifest),
    text("table", texts::table),
    bytes("shard", texts::shard),
    text("settings", settings::settings),
    text("hotwords", settings::hotwords),
    text("grammar", search::grammar),
    bytes("search", search::search),
    text("arpa", language::arpa),
    bytes("packed", language::packed),
    bytes("counts", language::counts),
    text("rules", language::rules),
];
