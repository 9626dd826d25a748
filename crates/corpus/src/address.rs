//! Files by address instead of by path: `https://host/x.tar`, `s3://bucket/x.tar`.

use std::path::{Path, PathBuf};

/// Whether a path is an address. Paths of that form name no file that anybody has: `http:` would be a folder.
pub(crate) fn is_address(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    [&b"http://"[..], b"https://", b"s3://"].iter().any(|scheme| text.starts_with(scheme))
}

/// What a manifest in `folder` means by `name`.
pub(crate) fn resolve(folder: &Path, name: &str) -> PathBuf {
    if is_address(Path::new(name)) {
        return name.into();
    }
    if is_address(folder) && !Path::new(name).is_absolute() {
        let folder = folder.to_string_lossy();
        let (mut folder, mut name) = (folder.trim_end_matches('/'), name);
        // Servers take `..` for a name.
        while let Some((left, above)) = name.strip_prefix("../").zip(folder.rsplit_once('/')) {
            (name, folder) = (left, above.0);
        }
        return format!("{folder}/{}", name.trim_start_matches("./")).into();
    }
    folder.join(name)
}

/// The part of `path` that `name` is, seen from `folder`; `None` where they are no addresses that have one.
pub(crate) fn relative(path: &Path, folder: &Path) -> Option<String> {
    if !is_address(path) {
        return None;
    }
    let path = path.to_string_lossy();
    let folder = format!("{}/", folder.to_string_lossy().trim_end_matches('/'));
    Some(path.strip_prefix(&folder).unwrap_or(&path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_manifest_means() {
        for (folder, name, path) in [
            ("a/b", "c.tar", "a/b/c.tar"),
            ("a/b", "https://h/c.tar", "https://h/c.tar"),
            ("https://h/a", "c.tar", "https://h/a/c.tar"),
            ("https://h/a", "./c/d.tar", "https://h/a/c/d.tar"),
            ("s3://bucket/a/b/", "../c.tar", "s3://bucket/a/c.tar"),
            ("https://h/a", "/data/c.tar", "/data/c.tar"),
        ] {
            assert_eq!(resolve(Path::new(folder), name), Path::new(path), "{folder} {name}");
        }
        let seen = |path: &str, folder: &str| relative(Path::new(path), Path::new(folder));
        assert_eq!(seen("https://h/a/c.tar", "https://h/a").as_deref(), Some("c.tar"));
        assert_eq!(seen("https://h/a/c.tar", "b").as_deref(), Some("https://h/a/c.tar"));
        assert_eq!(seen("a/c.tar", "a"), None);
        // The folder of an address is one.
        assert_eq!(Path::new("https://h/a/m.jsonl").parent(), Some(Path::new("https://h/a")));
    }
}
