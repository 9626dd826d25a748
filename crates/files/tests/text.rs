//! Marks, line ends, encodings and places.

use std::path::Path;

use stonechat_files::{Lines, TextFile};

fn text(bytes: &[u8]) -> TextFile {
    TextFile::new(Path::new("list.txt"), bytes.to_vec())
}

#[test]
fn marks_and_line_ends_are_no_part_of_the_text() {
    for bytes in [
        &b"one\n\n# two\n  three \n"[..],
        b"\xEF\xBB\xBFone\r\n\r\n# two\r\n  three \r\n",
        b"one\r\r# two\r  three ",
        b"one\n\n#\n\tthree",
    ] {
        let text = text(bytes);
        assert_eq!(text.entries().unwrap(), [(1, "one"), (4, "three")], "{bytes:?}");
        assert!(text.as_str().unwrap().starts_with("one"));
        let lines: Vec<&str> = text.lines().map(|(_, line)| line.unwrap()).collect();
        assert_eq!((lines[0], lines[1]), ("one", ""), "{bytes:?}");
    }
    assert_eq!(text(b"").entries().unwrap(), []);
    assert_eq!(text(b"\xEF\xBB\xBF").as_str().unwrap(), "");
}

/// Both readers say the same of a line that is no text.
#[test]
fn wrong_bytes_have_a_place() {
    for (bytes, line, words) in [
        (&b"good\ncaf\xE9\ngood"[..], 2, "not UTF-8 from byte 4 (0xE9)"),
        (b"\xFF\xFEa\0b\0\n\0", 1, "UTF-16"),
        (b"\xFE\xFF\0a\0b", 1, "UTF-16"),
        (b"a\0b\0c\0d\0", 1, "UTF-16"),
        (b"\0a\0b\0c\0d", 1, "UTF-16"),
        (b"good\nnul\0\n", 2, "zero byte"),
    ] {
        let file = text(bytes);
        for error in [file.as_str().unwrap_err(), file.entries().unwrap_err()] {
            let error = error.to_string();
            assert!(error.starts_with(&format!("list.txt, line {line}: ")), "{bytes:?}: {error}");
            assert!(error.contains(words), "{bytes:?}: {error}");
        }
        let mut lines = Lines::new(bytes, 100);
        let (number, error) = loop {
            match lines.next_line() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{bytes:?}: no error"),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains(words), "{bytes:?}: {error}");
        assert_eq!(number, line, "{bytes:?}");
    }
    // The others are still to be had.
    let file = text(b"a\n\xFF\nc");
    assert_eq!(file.lines().map(|(_, line)| line.is_ok()).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn lines_are_of_bounded_length() {
    let mut lines = Lines::new(&b"\xEF\xBB\xBF12345\r\n12345\n123456\n12\n"[..], 5);
    for expected in [Ok((1, "12345")), Ok((2, "12345")), Err(3), Ok((4, "12"))] {
        match lines.next_line() {
            Ok(line) => assert_eq!(line, expected.ok()),
            Err((number, error)) => {
                assert_eq!(expected, Err(number));
                assert!(error.to_string().contains("more than 5 bytes"), "{error}");
            }
        }
    }
    assert!(lines.next_line().unwrap().is_none());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = TextFile::read(Path::new("no such list")).unwrap_err().to_string();
    assert!(error.starts_with("no such list: "), "{error}");
}
