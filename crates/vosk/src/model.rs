//! A package, or a folder with one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use stonechat::{Error, Model, PackedLanguageModel, Recognizer, Settings};

/// A model with its default recognizer, whose search is made once.
pub(crate) struct VoskModel {
    model: Arc<Model>,
    usual: OnceLock<Recognizer>,
}

impl VoskModel {
    /// Loads a package; from a folder, the only `.stonechat` file, with the only `.lm` beside it,
    /// if any.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let (package, lm) = if path.is_dir() {
            let package = only(path, "stonechat")?;
            (
                package.ok_or_else(|| format!("{}: no .stonechat file", path.display()))?,
                only(path, "lm")?,
            )
        } else {
            (path.to_path_buf(), None)
        };
        let mut model = Model::load(package).map_err(|error| error.to_string())?;
        if let Some(lm) = lm {
            let lm = PackedLanguageModel::load(lm).map_err(|error| error.to_string())?;
            model = model.with_language_model(lm);
        }
        Ok(Self { model: Arc::new(model), usual: OnceLock::new() })
    }

    pub(crate) fn recognizer(&self, settings: &Settings) -> Result<Recognizer, Error> {
        if *settings != Settings::default() {
            return settings.recognizer(Arc::clone(&self.model));
        }
        if let Some(usual) = self.usual.get() {
            return Ok(usual.clone());
        }
        let made = settings.recognizer(Arc::clone(&self.model))?;
        Ok(self.usual.get_or_init(|| made).clone())
    }

    /// The number of a word in the language model, or -1.
    pub(crate) fn find_word(&self, word: &str) -> i32 {
        let id = self.model.language_model().and_then(|lm| lm.word_id(word));
        id.and_then(|id| i32::try_from(id.0).ok()).unwrap_or(-1)
    }
}

/// The only file of a folder with an extension, if any.
fn only(folder: &Path, extension: &str) -> Result<Option<PathBuf>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = None;
    for entry in fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.is_file() && path.extension().is_some_and(|e| e == extension) {
            if found.is_some() {
                return Err(format!("{}: several .{extension} files: keep one", folder.display()));
            }
            found = Some(path);
        }
    }
    Ok(found)
}
