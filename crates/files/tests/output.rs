//! Files are whole or as they were, whatever their names stand for.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use stonechat_files::{Output, check, is_input, write};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    fs::write(&path, "old").unwrap();
    let mut output = Output::create(&path).unwrap();
    output.write_all(b"new").unwrap();
    output.flush().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old", "before all is written");
    drop(output);
    assert_eq!(fs::read(&path).unwrap(), b"old", "given up");
    assert_eq!(names(folder.path()), ["a.bin"], "an output that is given up leaves nothing");
    write(&path, b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["a.bin"]);
}

#[test]
fn what_cannot_be_written_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    for (name, expected) in [("sub", "is a folder"), ("missing/a.bin", "there is no folder")] {
        let path = folder.path().join(name);
        for error in [write(&path, b"x").unwrap_err(), check(&path).unwrap_err()] {
            let error = error.to_string();
            assert!(error.starts_with(path.to_str().unwrap()), "{name}: {error}");
            assert!(error.contains(expected) && !error.contains(".part"), "{name}: {error}");
        }
    }
    assert_eq!(names(folder.path()), ["sub"]);
}

#[test]
fn an_input_is_never_an_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("in"), "x").unwrap();
    fs::write(path("other"), "x").unwrap();
    fs::hard_link(path("in"), path("same")).unwrap();
    let (a, b) = (path("in"), path("other"));
    let inputs = || [a.as_path(), b.as_path()];
    for (output, fine) in [("new", true), ("in", false), ("other", false), ("same", !cfg!(unix))] {
        let told = is_input(&path(output), inputs());
        assert_eq!(told.is_ok(), fine, "{output}: {told:?}");
    }
    assert!(is_input(&path("./in"), inputs()).is_err());
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};

    #[test]
    fn permissions_stay_and_new_files_have_the_usual_ones() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        let (usual, new) = (folder.path().join("usual"), folder.path().join("new"));
        fs::write(&usual, "").unwrap();
        write(&new, b"x").unwrap();
        assert_eq!(mode(&new), mode(&usual));
        for kept in [0o600, 0o640, 0o666] {
            fs::set_permissions(&new, fs::Permissions::from_mode(kept)).unwrap();
            write(&new, b"y").unwrap();
            assert_eq!(mode(&new), kept, "{kept:o}");
        }
    }

    #[test]
    fn a_file_that_is_read_only_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        if fs::OpenOptions::new().write(true).open(&path).is_ok() {
            return eprintln!("skipped: this user may write everything");
        }
        let error = write(&path, b"new").unwrap_err().to_string();
        assert!(error.contains("kept: is there and cannot be written"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn links_stay_links() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("sub")).unwrap();
        fs::write(path("sub/real"), "old").unwrap();
        for (link, target) in [("link", "sub/real"), ("far", "link"), ("dangling", "sub/later")] {
            symlink(target, path(link)).unwrap();
            write(&path(link), link.as_bytes()).unwrap();
            assert!(fs::symlink_metadata(path(link)).unwrap().is_symlink(), "{link}");
            assert_eq!(fs::read(path(link)).unwrap(), link.as_bytes());
        }
        assert_eq!(fs::read(path("sub/real")).unwrap(), b"far");
        assert_eq!(names(&path("sub")), ["later", "real"]);
        symlink("round", path("round")).unwrap();
        assert!(write(&path("round"), b"x").is_err(), "a link to itself");
    }

    #[test]
    fn pipes_are_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        if !std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|s| s.success()) {
            return eprintln!("skipped: there is no mkfifo");
        }
        check(&pipe).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write(&pipe, b"through").unwrap();
        assert_eq!(reader.join().unwrap(), b"through");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    }

    #[test]
    fn devices_are_written_into_and_a_full_one_is_told() {
        let full = PathBuf::from("/dev/full");
        if !full.exists() {
            return eprintln!("skipped: there is no /dev/full");
        }
        write(Path::new("/dev/null"), b"x").unwrap();
        let error = write(&full, b"x").unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: cannot be written"), "{error}");
        for device in ["/dev/null", "/dev/full"] {
            assert!(fs::metadata(device).unwrap().file_type().is_char_device(), "{device}");
        }
    }
}
