//! Files written completely or not at all.
//!
//! A regular file is written beside its place and renamed over it when all of it is on the disk: a
//! reader sees the old file or the new one, even after a crash. It keeps its permissions and, if
//! the system allows it, its owner. A symbolic link stays a link: the file it points to is
//! replaced. Pipes, terminals and other devices are written directly.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The most links to follow, as in Linux.
const MAX_LINKS: usize = 40;

/// A file that could not be written, with the caller's name for it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}{}", path.display(), source.as_ref().map_or(String::new(), |e| format!(": {e}")))]
pub struct OutputError {
    /// The file.
    pub path: PathBuf,
    /// What failed, or what to do instead.
    pub what: String,
    /// The system's reason, if the system refused.
    pub source: Option<io::Error>,
}

impl OutputError {
    fn new(path: &Path, what: impl Into<String>, source: Option<io::Error>) -> Self {
        Self { path: path.to_path_buf(), what: what.into(), source: source.map(plain) }
    }
}

/// The system's reason alone: `tempfile` appends the name of the temporary file, which does not
/// help the user.
fn plain(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::Other => error,
        kind if error.get_ref().is_some() => io::Error::from(kind),
        _ => error,
    }
}

type Result<T> = std::result::Result<T, OutputError>;

/// A file that is being written. Nothing is at its place before [`commit`](Self::commit), and a
/// dropped output leaves nothing behind; only what goes to pipes and devices is written at once.
#[derive(Debug)]
pub struct Output {
    /// The caller's name for it.
    path: PathBuf,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    /// A file beside `target`, which it will replace.
    Beside { file: BufWriter<NamedTempFile>, target: PathBuf },
    /// Not a regular file: written directly.
    Through(BufWriter<File>),
}

/// The target of a name.
enum Place {
    /// A regular file, or nothing yet; links are followed.
    Regular { target: PathBuf, found: Option<fs::Metadata> },
    /// Anything else that can be written into.
    Device,
}

impl Output {
    /// Starts to write the file at `path`.
    ///
    /// # Errors
    /// The folder is missing or cannot be written to, the file is read-only, or `path` is a folder.
    pub fn create(path: &Path) -> Result<Self> {
        let sink = match place(path)? {
            Place::Device => Sink::Through(BufWriter::new(open_device(path)?)),
            Place::Regular { target, found } => {
                let file = beside(path, &target, found.as_ref())?;
                Sink::Beside { file: BufWriter::new(file), target }
            }
        };
        Ok(Self { path: path.to_path_buf(), sink })
    }

    /// Puts the complete file at its place, permanently.
    ///
    /// # Errors
    /// The disk is full, or the system refuses; the old file, if any, is still there.
    pub fn commit(self) -> Result<()> {
        let fail = |source| OutputError::new(&self.path, "cannot be written", Some(source));
        match self.sink {
            Sink::Through(mut out) => out.flush().map_err(fail),
            Sink::Beside { file, target } => {
                let file = file.into_inner().map_err(|error| fail(error.into_error()))?;
                file.as_file().sync_all().map_err(fail)?;
                file.persist(&target).map_err(|refused| fail(refused.error))?;
                sync_folder(folder_of(&target));
                Ok(())
            }
        }
    }

    /// The error of a failed write into this output.
    pub fn error(&self, source: io::Error) -> OutputError {
        OutputError::new(&self.path, "cannot be written", Some(source))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Beside { file, .. } => file.write(bytes).map_err(plain),
            Sink::Through(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Beside { file, .. } => file.flush().map_err(plain),
            Sink::Through(out) => out.flush(),
        }
    }
}

/// Writes `bytes` as the whole file at `path`.
///
/// # Errors
/// Those of [`Output`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut output = Output::create(path)?;
    output.write_all(bytes).map_err(|source| output.error(source))?;
    output.commit()
}

/// Whether a file could be written at `path`; to be called before hours of work, not after them.
///
/// # Errors
/// Those of [`Output::create`].
pub fn check(path: &Path) -> Result<()> {
    match place(path)? {
        Place::Device => Ok(()),
        Place::Regular { target, found } => beside(path, &target, found.as_ref()).map(drop),
    }
}

/// An error if `output` is the same file as one of the `inputs`, under any name.
///
/// # Errors
/// If it is.
pub fn is_input<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    match inputs.into_iter().find(|input| same_file(output, input)) {
        None => Ok(()),
        Some(input) => {
            let what = format!(
                "is also read ({}) and would be replaced: name another file",
                input.display()
            );
            Err(OutputError::new(output, what, None))
        }
    }
}

#[cfg(unix)]
fn same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(a), Ok(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok().filter(|path| path.is_file());
    real(a).is_some_and(|a| Some(a) == real(b))
}

fn place(path: &Path) -> Result<Place> {
    let fail = |source| OutputError::new(path, "cannot be written", Some(source));
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            Err(OutputError::new(path, "is a folder: name a file in it", None))
        }
        Ok(found) if !found.is_file() || is_descriptor(path) => Ok(Place::Device),
        Ok(found) => {
            let target = fs::canonicalize(path).map_err(fail)?;
            Ok(Place::Regular { target, found: Some(found) })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let target = follow(path).map_err(fail)?;
            let folder = folder_of(&target);
            if !folder.is_dir() {
                let what = format!("there is no folder {}: make it first", folder.display());
                return Err(OutputError::new(path, what, None));
            }
            Ok(Place::Regular { target, found: None })
        }
        Err(error) => Err(fail(error)),
    }
}

/// The target of a link to nothing; any other path unchanged.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = folder_of(&target).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// Whether a name such as `/dev/stdout` stands for an open file of the process: whoever opened it
/// continues to use that file, not one that replaced its name.
fn is_descriptor(path: &Path) -> bool {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        if fs::canonicalize(folder_of(&path)).is_ok_and(|folder| folder.starts_with("/proc")) {
            return true;
        }
        match fs::read_link(&path) {
            Ok(next) => path = folder_of(&path).join(next),
            Err(_) => return false,
        }
    }
    false
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn open_device(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().write(true).append(is_descriptor(path)).open(path);
    opened.map_err(|source| OutputError::new(path, "cannot be opened for writing", Some(source)))
}

/// A new file beside `target`, with the permissions of the existing one.
fn beside(path: &Path, target: &Path, found: Option<&fs::Metadata>) -> Result<NamedTempFile> {
    if found.is_some() {
        // A read-only file could be replaced anyway, against the wish of its owner.
        OpenOptions::new().write(true).open(target).map_err(|source| {
            OutputError::new(path, "is there and cannot be written", Some(source))
        })?;
    }
    let folder = folder_of(target);
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    let made = builder.prefix(&prefix).suffix(".part").make_in(folder, create_new);
    let file = made.map_err(|source| {
        let what = format!("no file can be made in {}", folder.display());
        OutputError::new(path, what, Some(source))
    })?;
    if let Some(found) = found {
        keep_owner(file.as_file(), found);
        file.as_file().set_permissions(found.permissions()).map_err(|source| {
            OutputError::new(path, "its permissions cannot be kept", Some(source))
        })?;
    }
    Ok(file)
}

/// A new file with default permissions.
fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// Only the administrator may give files away; for all others the owner is already right.
#[cfg(unix)]
fn keep_owner(file: &File, found: &fs::Metadata) {
    use std::os::unix::fs::MetadataExt;
    let _ = std::os::unix::fs::fchown(file, Some(found.uid()), Some(found.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &fs::Metadata) {}

/// A renamed file survives a power failure once its folder is on the disk. Some file systems cannot
/// do that; the file is complete there as well.
#[cfg(unix)]
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) {}
