//! Options of the command that are settings of the library: their words and values come from its table.

use anyhow::Result;
use stonechat::{Error, Setting, Settings};

use crate::failure::usage;

/// What the table says of a setting.
pub fn help(name: &str) -> &'static str {
    Setting::named(name).map_or("", |setting| setting.help)
}

/// Takes the values that a setting takes.
pub fn checked(
    name: &'static str,
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |value| {
        let setting = Setting::named(name).map_err(|error| error.to_string())?;
        setting.check(value).map(|()| value.to_string())
    }
}

/// Sets what was given.
pub fn set(settings: &mut Settings, name: &str, value: Option<&String>) -> Result<()> {
    match value {
        Some(value) => settings.set(name, value).map_err(explained),
        None => Ok(()),
    }
}

/// The error of a setting as that of a wrong call.
pub fn explained(error: Error) -> anyhow::Error {
    match error {
        Error::Setting { name, problem } => usage(format!("--{name}: {problem}")),
        error => error.into(),
    }
}
