//! What went wrong, and which exception says so.

use std::error::Error;
use std::fmt;
use std::io;

use stonechat_corpus::ManifestError;

/// What Python raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `ValueError`: what was given is not right.
    Value,
    /// `OSError` or what of it fits: the system's refusal.
    System(io::ErrorKind),
    /// `RuntimeError`: a call at the wrong time, or a bug.
    Runtime,
}

/// An error with the text of the library.
#[derive(Debug)]
pub struct Failure {
    /// Which exception it is.
    pub kind: Kind,
    /// What is wrong and what to do.
    pub message: String,
}

impl Failure {
    /// Something that was given and is not right.
    pub fn value(message: impl Into<String>) -> Self {
        Self { kind: Kind::Value, message: message.into() }
    }

    /// A call at the wrong time, or a bug.
    pub fn runtime(message: impl Into<String>) -> Self {
        Self { kind: Kind::Runtime, message: message.into() }
    }

    /// What a panic said.
    pub fn of_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_else(|| "no message".into());
        Self::runtime(format!("a bug in the library, please report it: {text}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let kind = refusal(&error).map_or(Kind::Value, Kind::System);
        Self { kind, message: error.to_string() }
    }
}

/// What the system said, if an error comes from there. Errors whose message is complete in itself name no source: they are
/// looked into one by one.
fn refusal(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return Some(error.kind());
    }
    let inside: Option<&(dyn Error + 'static)> = if let Some(error) = error.downcast_ref() {
        match error {
            stonechat::Error::Package(inside) => Some(inside),
            stonechat::Error::LanguageModel(inside) => Some(inside),
            _ => None,
        }
    } else if let Some(error) = error.downcast_ref() {
        match error {
            stonechat_model::Error::Io { error, .. } => Some(error),
            stonechat_model::Error::InFile { error, .. } => Some(&**error),
            stonechat_model::Error::Output(inside) => Some(inside),
            _ => None,
        }
    } else if let Some(error) = error.downcast_ref() {
        match error {
            stonechat_tune::Error::Package(inside) => Some(inside),
            stonechat_tune::Error::Manifest(inside) => Some(inside),
            stonechat_tune::Error::Compress(inside) => Some(inside),
            _ => None,
        }
    } else if let Some(ManifestError::Write(inside)) = error.downcast_ref() {
        Some(inside)
    } else {
        None
    };
    inside.or_else(|| error.source()).and_then(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn missing_files_are_told_from_wrong_ones() {
        let missing = Path::new("no/such/file");
        let missing_kind = Kind::System(io::ErrorKind::NotFound);
        let of_model = |path: &Path| Failure::from(stonechat::Model::load(path).unwrap_err());
        let of_lm =
            |path: &Path| Failure::from(stonechat::PackedLanguageModel::load(path).unwrap_err());
        let of_audio =
            |path: &Path| Failure::from(stonechat_audio::read_file(path, 16_000).unwrap_err());
        let of_manifest =
            |path: &Path| Failure::from(stonechat_corpus::read_manifest(path).unwrap_err());
        let folder = tempfile::tempdir().unwrap();
        let wrong = folder.path().join("wrong");
        std::fs::write(&wrong, "neither this nor that").unwrap();
        type Reader<'a> = &'a dyn Fn(&Path) -> Failure;
        let readers: [(&str, Reader); 4] = [
            ("model", &of_model),
            ("language model", &of_lm),
            ("audio", &of_audio),
            ("manifest", &of_manifest),
        ];
        for (what, read) in readers {
            let error = read(missing);
            assert_eq!(error.kind, missing_kind, "{what}: {error}");
            assert!(error.message.contains("no/such/file"), "{what}: {error}");
            let error = read(&wrong);
            assert_eq!(error.kind, Kind::Value, "{what}: {error}");
            assert!(error.message.contains("wrong"), "{what}: {error}");
        }
    }
}
