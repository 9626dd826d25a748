//! Which audio the user means: files, folders, patterns and `-`.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use stonechat_kinds::FileKind;

use crate::failure::usage;

/// One recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    File(PathBuf),
    /// Raw PCM on stdin.
    Stdin,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::File(path) => path.display().fmt(f),
            Input::Stdin => f.write_str("-"),
        }
    }
}

/// The recordings that `arguments` name, in their order. A pattern that the shell left alone (Windows' does, and
/// quotes make it so) gives its matches in alphabetical order; a file of exactly that name comes first. A folder gives
/// the audio in it and in its folders, by content, in alphabetical order.
///
/// # Errors
/// A pattern that is malformed or matches nothing; a folder without audio; `-` twice.
pub fn expand(arguments: &[PathBuf]) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for argument in arguments {
        match pattern(argument) {
            _ if argument.as_os_str() == "-" => inputs.push(Input::Stdin),
            Some(pattern) => inputs.extend(matches(pattern)?),
            None if argument.is_dir() => {
                let before = inputs.len();
                walk(argument, &mut inputs)?;
                if inputs.len() == before {
                    bail!("{}: there is no audio in this folder", argument.display());
                }
            }
            None => inputs.push(Input::File(argument.clone())),
        }
    }
    if inputs.iter().filter(|input| **input == Input::Stdin).count() > 1 {
        return Err(usage("`-` (stdin) can be read only once"));
    }
    Ok(inputs)
}

fn pattern(argument: &Path) -> Option<&str> {
    let text = argument.to_str()?;
    (text.contains(['*', '?', '[']) && !argument.exists()).then_some(text)
}

/// Appends the audio below `folder`. Linked folders are skipped: they may form cycles.
fn walk(folder: &Path, inputs: &mut Vec<Input>) -> Result<()> {
    let name = || folder.display().to_string();
    let entries = std::fs::read_dir(folder).with_context(name)?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>().with_context(name)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type().with_context(name)?.is_dir() {
            walk(&path, inputs)?;
        } else if matches!(FileKind::of_file(&path), Ok(Some(kind)) if kind.is_audio()) {
            inputs.push(Input::File(path));
        }
    }
    Ok(())
}

fn matches(pattern: &str) -> Result<Vec<Input>> {
    let mut files = Vec::new();
    for path in glob::glob(pattern).with_context(|| format!("pattern {pattern}"))? {
        let path = path?;
        if !path.is_dir() {
            files.push(Input::File(path));
        }
    }
    if files.is_empty() {
        bail!("no file matches {pattern}");
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_give_their_audio_whatever_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let wav = b"RIFF\x24\0\0\0WAVEfmt ";
        std::fs::create_dir_all(folder.path().join("b/c")).unwrap();
        std::fs::create_dir(folder.path().join("e")).unwrap();
        for (name, content) in [
            ("z.wav", &wav[..]),
            ("b/c/talk", wav),
            ("b/notes.wav", b"no sound"),
            ("a.flac", b"fLaC\0\0\0\x22"),
        ] {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("..", folder.path().join("e/round")).unwrap();
        let found = expand(&[folder.path().to_path_buf()]).unwrap();
        let names = found.iter().map(|input| match input {
            Input::File(path) => path.strip_prefix(folder.path()).unwrap().to_str().unwrap(),
            Input::Stdin => "-",
        });
        assert_eq!(names.collect::<Vec<_>>(), ["a.flac", "b/c/talk", "z.wav"]);
    }

    #[test]
    fn patterns_files_and_stdin() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.wav", "a.wav", "[x].wav", "c.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("d.wav")).unwrap();
        let expanded = |arguments: &[&str]| -> Result<Vec<String>> {
            let paths: Vec<PathBuf> = arguments
                .iter()
                .map(|a| if *a == "-" { "-".into() } else { folder.path().join(a) })
                .collect();
            let inputs = expand(&paths)?.into_iter().map(|input| match input {
                Input::Stdin => "-".into(),
                Input::File(path) => path.file_name().unwrap().to_str().unwrap().to_string(),
            });
            Ok(inputs.collect())
        };
        let cases: [(&[&str], &[&str]); 5] = [
            (&["?.wav"], &["a.wav", "b.wav"]),
            (&["c.txt", "b*"], &["c.txt", "b.wav"]),
            (&["[x].wav"], &["[x].wav"]), // a file of that name, not the pattern
            (&["-", "a.wav"], &["-", "a.wav"]),
            (&["missing.wav"], &["missing.wav"]), // opening it will say so
        ];
        for (arguments, expected) in cases {
            assert_eq!(expanded(arguments).unwrap(), expected, "{arguments:?}");
        }
        for (arguments, expected) in [
            (&["*.mp3"][..], "no file matches"),
            (&["d.wav"], "no audio in this folder"),
            (&["a**b"], "pattern"),
            (&["-", "-"], "only once"),
        ] {
            let error = format!("{:#}", expanded(arguments).unwrap_err());
            assert!(error.contains(expected), "{arguments:?}: {error}");
        }
    }
}
