//! Every kind by a beginning of such a file, and nothing by its name.

use stonechat_kinds::{FileKind, HEAD_BYTES};

/// A safetensors file with a header.
fn tensors(json: &str) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat()
}

/// `count` frames of MPEG audio that begin with `header` and have `bytes` each.
fn frames(header: [u8; 4], bytes: usize, count: usize) -> Vec<u8> {
    let mut frame = header.to_vec();
    frame.resize(bytes, 0);
    frame.repeat(count)
}

fn ogg(packet: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0\x02".to_vec();
    page.resize(26, 0);
    page.extend([1, packet.len() as u8]);
    page.extend(packet);
    page
}

#[test]
fn kinds_are_told_by_content() {
    use FileKind::*;
    let tagged = |content: &[u8]| [b"ID3\x03\0\0\0\0\0\x0a", &[0; 10][..], content].concat();
    let wav = b"RIFF\x24\0\0\0WAVEfmt ".to_vec();
    let tar = [vec![b'a'; 1], vec![0; 256], b"ustar".to_vec(), vec![0; 250]].concat();
    let cases: Vec<(Vec<u8>, FileKind)> = vec![
        (vec![], Empty),
        (vec![0; 100], Zeros),
        (wav.clone(), Wav),
        (b"RF64\xff\xff\xff\xffWAVEds64".to_vec(), Wav),
        (tagged(&wav), Wav),
        (tagged(b"fLaC"), Flac),
        (tagged(b""), Mpeg),
        (tagged(&frames([0xff, 0xfb, 0x90, 0], 417, 2)), Mpeg),
        (b"fLaC\0\0\0\x22".to_vec(), Flac),
        // MPEG-1 layer 3 at 128 kbit/s and 44.1 kHz, MPEG-2.5 layer 3 at 8 kbit/s and 8 kHz, MPEG-1 layer 2.
        (frames([0xff, 0xfb, 0x90, 0], 417, 3), Mpeg),
        (frames([0xff, 0xe3, 0x18, 0], 72, 3), Mpeg),
        (frames([0xff, 0xfd, 0x84, 0], 384, 3), Mpeg),
        (frames([0xff, 0xf1, 0x50, 0x80], 7, 1), Unknown([0xff, 0xf1, 0x50, 0x80, 0, 0, 0, 0])),
        ([0xff, 0xf1, 0x50, 0x80, 1, 0x7f, 0xfc, 0, 0, 0, 0].repeat(3), Adts),
        (ogg(b"\x01vorbis"), Ogg("vorbis")),
        (ogg(b"OpusHead\x01"), Ogg("opus")),
        (ogg(b"Speex   1.2"), Ogg("speex")),
        (ogg(b"whatever"), Ogg("an unknown codec")),
        (b"FORM\0\0\0\x10AIFFCOMM".to_vec(), Aiff),
        (b"FORM\0\0\0\x10AIFCFVER".to_vec(), Aiff),
        (b".snd\0\0\0\x18".to_vec(), Au),
        (b"caff\0\x01\0\0desc".to_vec(), Caf),
        (b"\0\0\0\x18ftypM4A ".to_vec(), Mp4),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0".to_vec(), Matroska),
        (b"NIST_1A\n   1024\n".to_vec(), Sphere),
        (b"PAR1\x15\x04\x15\x08".to_vec(), Parquet),
        (b"#!AMR\n\x3c".to_vec(), OtherMedia("an AMR file")),
        (b"RIFF\x24\0\0\0AVI LIST".to_vec(), OtherMedia("an AVI video")),
        (tensors(r#"{"__metadata__":{"alphabet":"{}","checksum":"00"}}"#), Package),
        (tensors(r#"{"__metadata__":{"format":"pt"},"a":{}}"#), Safetensors),
        (tensors(r#"{"__metadata__":{"families":"{}","progress":"{}"}}"#), Checkpoint),
        (b"stoneLM\x01\x03\x08\x08\0".to_vec(), PackedLm),
        (b"mmap lm http://kheafield.com/code format version 5\n\0".to_vec(), KenLm),
        (b"\\data\\\nngram 1=3\n".to_vec(), Arpa),
        (b"\xef\xbb\xbfmade by us\r\n\r\n\\data\\\r\nngram 1=3\n".to_vec(), Arpa),
        (b"PK\x03\x04\x14\0\0\0archive/data.pkl".to_vec(), PyTorch),
        (b"PK\x03\x04\x14\0\0\0word/document.xml".to_vec(), Archive("a zip archive")),
        (b"\x80\x02}q\0(".to_vec(), Pickle),
        (b"\x08\x07\x12\x07pytorch:\xd0\x01\0\0\0".to_vec(), Onnx),
        (b"\x1f\x8b\x08\0".to_vec(), Archive("a file compressed by gzip")),
        (tar, Archive("a tar archive")),
        (br#"{"audio_filepath": "a.wav", "duration": 1, "text": ""}"#.to_vec(), Manifest),
        (br#"{"text": "a"}"#.to_vec(), Json),
        (b"#JSGF V1.0;\ngrammar a;".to_vec(), Jsgf),
        (b"# a recipe\n[model]\nlayers = 3\n".to_vec(), Toml),
        (b"seed = 1\n".to_vec(), Toml),
        (b"[[ turn on ]] the light\n".to_vec(), Text),
        (b"a = b, said the teacher\n".to_vec(), Text),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00".to_vec(), LfsPointer),
        (b"<!DOCTYPE html><title>404</title>".to_vec(), Html),
        (b"<?xml version=\"1.0\"?>".to_vec(), Xml),
        (b"\xff\xfet\0e\0x\0t\0".to_vec(), Utf16),
        ("wir hören\n".as_bytes().to_vec(), Text),
        (b"caf\xe9 au lait\n".to_vec(), Text),
        (b"%PDF-1.7".to_vec(), Other("a PDF document")),
        (b"\x7fELF\x02\x01".to_vec(), Other("a program")),
        (vec![1, 200, 3, 250, 5, 6, 7, 8, 9], Unknown([1, 200, 3, 250, 5, 6, 7, 8])),
    ];
    for (head, expected) in cases {
        assert_eq!(FileKind::of(&head), expected, "{:?}", String::from_utf8_lossy(&head));
        assert!(!expected.to_string().is_empty());
    }
}

#[test]
fn a_head_may_end_anywhere() {
    let text = "Zürich ".repeat(1000);
    for end in 1..40 {
        assert_eq!(FileKind::of(&text.as_bytes()[..end]), FileKind::Text, "{end} bytes");
    }
    for length in 0..64 {
        for byte in [0, 1, b'{', b'I', b'R', 0xff, 0xfb] {
            FileKind::of(&vec![byte; length]);
        }
    }
}

#[test]
fn files_are_read_behind_their_tags_and_pipes_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mp3");
    // Cover art of 20,000 bytes in front of a wav.
    let tag = [b"ID3\x03\0\0\0\x01\x1c\x20".to_vec(), vec![1; 20_000]].concat();
    assert!(tag.len() > HEAD_BYTES);
    std::fs::write(&path, [tag, b"RIFF\x24\0\0\0WAVEfmt ".to_vec()].concat()).unwrap();
    assert_eq!(FileKind::of_file(&path).unwrap(), Some(FileKind::Wav));
    assert_eq!(FileKind::of_file(folder.path()).unwrap(), None);
    assert!(FileKind::of_file(folder.path().join("missing")).is_err());
}

#[test]
fn advice_is_the_end_of_a_sentence() {
    for kind in
        [FileKind::Arpa, FileKind::Wav, FileKind::OtherMedia("an AMR file"), FileKind::Empty]
    {
        let advice = kind.advice().unwrap_or_else(|| panic!("{kind}: no advice"));
        assert!(!advice.ends_with('.') && !advice.is_empty(), "{kind}: {advice}");
    }
    assert_eq!(FileKind::Text.advice(), None);
}
