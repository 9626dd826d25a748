//! Changes to a recipe's text before it is parsed: keys set by the command, keys of old recipes,
//! keys taken from a package.

use std::path::{Path, PathBuf};

use stonechat_audio::FeatureConfig;
use stonechat_model::Package;
use toml::Value;

use super::error::{RecipeError, wrong};

/// Old recipes name a device; only the CPU has ever trained a net.
pub(super) fn drop_device(recipe: &mut Value) -> Result<(), RecipeError> {
    match recipe.as_table_mut().and_then(|table| table.remove("device")) {
        None => Ok(()),
        Some(device) if device.as_str() == Some("cpu") => Ok(()),
        Some(device) => {
            let problem =
                format!("is {device}, but nets are trained on the CPU only: leave it out");
            Err(wrong("device", problem))
        }
    }
}

/// Sets `a.b.2.c=value` in a TOML tree; the value is TOML, or else a plain string.
pub(super) fn set(root: &mut Value, change: &str) -> Result<(), RecipeError> {
    let refused = |problem: String| RecipeError::Set { change: change.to_owned(), problem };
    let (path, text) =
        change.split_once('=').ok_or_else(|| refused("expected KEY=VALUE".into()))?;
    let value = toml::from_str::<toml::Table>(&format!("v = {text}"))
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| Value::String(text.to_owned()));
    let mut place = root;
    for key in path.trim().split('.') {
        place = match place {
            Value::Array(items) => {
                let len = items.len();
                key.parse::<usize>()
                    .ok()
                    .and_then(|i| items.get_mut(i))
                    .ok_or_else(|| refused(format!("{key} is not an index below {len}")))?
            }
            Value::Table(table) => {
                let empty = || Value::Table(toml::Table::new());
                table.entry(key).or_insert_with(empty)
            }
            _ => return Err(refused(format!("{key} is inside a plain value"))),
        };
    }
    *place = value;
    Ok(())
}

/// Completes a recipe that starts from a package: `network`, `features` and `alphabet`, if left
/// out, are those of the package.
pub(super) fn complete(recipe: &mut Value) -> Result<(), RecipeError> {
    let Some(table) = recipe.as_table_mut() else { return Ok(()) };
    let Some(path) = table.get("init").and_then(Value::as_str).map(PathBuf::from) else {
        return Ok(());
    };
    let left_out = |key: &str| !table.contains_key(key);
    if !is_package(&path) || !["network", "features", "alphabet"].into_iter().any(left_out) {
        return Ok(());
    }
    let package = Package::load(&path)?;
    let features: FeatureConfig = serde_json::from_value(package.features)
        .map_err(|error| wrong("init", format!("{}: its features: {error}", path.display())))?;
    let parts = [
        ("network", Value::try_from(&package.network.config)?),
        ("features", Value::try_from(features)?),
        ("alphabet", Value::try_from(package.alphabet.symbols())?),
    ];
    for (key, value) in parts {
        table.entry(key).or_insert(value);
    }
    Ok(())
}

/// Whether `path` is the name of a package.
pub(crate) fn is_package(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "stonechat")
}
