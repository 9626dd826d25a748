//! `--model FILE`, and the model that comes with the program.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use stonechat::Model;
use stonechat_english::MODEL;
use stonechat_kinds::FileKind;
use stonechat_model::Package;

use crate::kinds;

/// Which package a verb works on.
#[derive(Args)]
pub struct ModelArg {
    /// Model package [default: the bundled English model]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

impl ModelArg {
    /// The model that comes with the program.
    #[cfg(feature = "serve")]
    pub fn bundled() -> Self {
        Self { model: None }
    }

    /// A package file.
    #[cfg(feature = "serve")]
    pub fn file(path: PathBuf) -> Self {
        Self { model: Some(path) }
    }

    /// Whether it is the model that comes with the program.
    pub fn is_bundled(&self) -> bool {
        self.model.is_none()
    }

    /// Its file, where one is given.
    pub fn path(&self) -> Option<&Path> {
        self.model.as_deref()
    }

    /// For headings.
    pub fn name(&self) -> String {
        match &self.model {
            Some(path) => path.display().to_string(),
            None => "bundled model".into(),
        }
    }

    /// Reads the package.
    pub fn package(&self) -> Result<Package> {
        match &self.model {
            Some(path) => Package::load(path).map_err(|error| {
                kinds::explained(error, path, "a Stonechat package", |kind| {
                    matches!(kind, FileKind::Package | FileKind::Unknown(_))
                })
            }),
            None => Package::from_bytes(MODEL).context("the bundled model"),
        }
    }

    /// Reads the package and packs it for this processor.
    pub fn load(&self) -> Result<Model> {
        Model::from_package(self.package()?).with_context(|| self.name())
    }

    /// Size of the package file.
    pub fn bytes(&self) -> Result<u64> {
        self.model.as_deref().map_or(Ok(MODEL.len() as u64), file_bytes)
    }
}

/// Size of a file.
pub fn file_bytes(path: &Path) -> Result<u64> {
    Ok(path.metadata().with_context(|| path.display().to_string())?.len())
}

#[cfg(test)]
mod tests {
    use stonechat_english::LANGUAGE_MODEL;

    use super::*;

    /// Size and storage as promised; `tests/samples.rs` checks the text.
    #[test]
    fn the_bundled_model_is_small_and_sound() {
        let bundled = ModelArg { model: None };
        let model = bundled.load().unwrap();
        let bytes = MODEL.len() + LANGUAGE_MODEL.len();
        assert!(bytes <= 4_000_000, "model and language model have {bytes} bytes");
        assert_eq!(model.sample_rate_hz(), 16_000);
        let maps = bundled.package().unwrap().network;
        let float = maps.maps().into_iter().find(|m| m.map.parts().iter().any(|p| !p.is_int8()));
        assert!(float.is_none(), "{} is not int8", float.unwrap().name());
    }
}
