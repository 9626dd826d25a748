//! Text files, plain and compressed.

use stonechat_lm::Normaliser;
use stonechat_lm::text::Sentences;
use stonechat_lm::text::TextFiles;

fn read(text: &mut TextFiles) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    let done = text.for_each(&mut |line| {
        lines.push(line.trim_end().to_string());
        Ok(())
    });
    done.map(|()| lines).map_err(|error| error.to_string())
}

#[test]
fn plain_files_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("a"), "one two\nthree").unwrap();
    std::fs::write(path("b"), "Four. Five!\n").unwrap();
    let mut text = TextFiles::new(vec![path("a"), path("b")], None);
    for _ in 0..2 {
        assert_eq!(read(&mut text).unwrap(), ["one two", "three", "Four. Five!"]);
    }
    let mut text = TextFiles::new(vec![path("b")], Some(Normaliser::english()));
    assert_eq!(read(&mut text).unwrap(), ["four", "five"]);
}

#[test]
fn what_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let mut text = TextFiles::new(vec![path.clone()], None);
    assert!(read(&mut text).unwrap_err().contains(&path.display().to_string()));
    std::fs::write(&path, b"good\nbad \xff\n").unwrap();
    assert!(read(&mut text).unwrap_err().contains("line 2: not UTF-8"));
}

#[cfg(feature = "compressed")]
#[test]
fn compressed_files() {
    use std::io::Write;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let gzip = |text: &str| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    // Two members, as `cat a.gz b.gz` makes them.
    std::fs::write(&path, [gzip("one\n"), gzip("two\n")].concat()).unwrap();
    let mut text = TextFiles::new(vec![path.clone()], None);
    assert_eq!(read(&mut text).unwrap(), ["one", "two"]);
    let mut cut = gzip(&"some words\n".repeat(1000));
    cut.truncate(cut.len() / 2);
    std::fs::write(&path, cut).unwrap();
    assert!(read(&mut text).is_err());
    // `printf 'one\ntwo\n' | xz`
    let xz = "fd377a585a000004e6d6b4460200210116000000742fe5a30100076f6e650a74776f0a0051ab9eaf\
        5775704900012008bb19d9bb1fb6f37d010000000004595a";
    let bytes = (0..xz.len() / 2).map(|i| u8::from_str_radix(&xz[2 * i..2 * i + 2], 16).unwrap());
    let mut bytes: Vec<u8> = bytes.collect();
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(read(&mut text).unwrap(), ["one", "two"]);
    bytes[28] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(read(&mut text).is_err());
}
