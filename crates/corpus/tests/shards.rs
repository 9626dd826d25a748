//! Shards: what goes in comes out, in whatever tool they were made.

use std::fs;
use std::path::Path;

use stonechat_corpus::import::{Options, import};
use stonechat_corpus::{
    DropList, Part, ShardWriter, Utterance, manifest_line, measure, read_manifest, write_manifest,
};

const RATE_HZ: u32 = 16_000;

/// A 16-bit wav of a ramp.
fn wav(samples: usize, slope: i16) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    let data = 2 * samples as u32;
    file[4..8].copy_from_slice(&(36 + data).to_le_bytes());
    for number in [RATE_HZ, 2 * RATE_HZ] {
        file.extend(number.to_le_bytes());
    }
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(data.to_le_bytes());
    (0..samples).for_each(|n| file.extend((slope.wrapping_mul(n as i16)).to_le_bytes()));
    file
}

fn utterances(folder: &Path) -> Vec<Utterance> {
    let mut manifest = String::new();
    for n in 0..9usize {
        fs::write(folder.join(format!("{n}.wav")), wav(1600 + 100 * n, n as i16 + 1)).unwrap();
        let offset = if n % 4 == 3 { r#","offset":0.02,"duration":0.05"# } else { "" };
        manifest +=
            &format!(r#"{{"audio_filepath":"{n}.wav","text":"w {n}","speaker":"s{n}"{offset}}}"#);
        manifest.push('\n');
    }
    fs::write(folder.join("m.jsonl"), manifest).unwrap();
    read_manifest(&folder.join("m.jsonl")).unwrap()
}

#[test]
fn shards_have_what_the_files_had() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut whole = utterances(folder);
    assert!(measure(&mut whole, None).is_empty());
    for (limit, shards) in [(u64::MAX, 1), (20_000, 3), (1, 9)] {
        let mut writer = ShardWriter::new(&folder.join(format!("s{limit}")), limit);
        let packed: Vec<Utterance> = whole.iter().map(|u| writer.add(u).unwrap()).collect();
        assert_eq!(writer.shards(), shards, "{limit}");
        writer.finish().unwrap();
        let path = folder.join("packed.jsonl");
        write_manifest(&path, packed.iter().map(|u| manifest_line(u, folder))).unwrap();
        let read = read_manifest(&path).unwrap();
        assert_eq!(read.len(), whole.len());
        for (read, whole) in read.iter().zip(&whole) {
            assert_eq!((&read.text, &read.speaker), (&whole.text, &whole.speaker));
            assert_eq!(
                read.read(RATE_HZ).unwrap(),
                whole.read(RATE_HZ).unwrap(),
                "{limit}: {}",
                whole.text
            );
        }
        // The tar files by themselves say the same.
        let shard = folder.join(format!("s{limit}-00000.tar"));
        let found = import(&shard, &Options::default()).unwrap();
        assert!(found.left_out.is_empty(), "{:?}", found.left_out);
        for (found, read) in found.utterances.iter().zip(&read) {
            assert_eq!(
                (found.part, &found.text, &found.speaker),
                (read.part, &read.text, &read.speaker)
            );
        }
        // A part is left out by its own place alone.
        fs::write(
            folder.join("drop.jsonl"),
            fs::read_to_string(&path).unwrap().lines().next().unwrap(),
        )
        .unwrap();
        let drop = DropList::read(&[folder.join("drop.jsonl")]).unwrap();
        assert_eq!(read.iter().filter(|u| drop.contains(u)).count(), 1, "{limit}");
    }
}

#[test]
fn shards_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let shard = folder.path().join("a.tar");
    let mut tar = tar::Builder::new(fs::File::create(&shard).unwrap());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    let (one, two) = (wav(1000, 1), wav(2000, 2));
    add("x/one.wav", &one);
    add("x/one.txt", b"the text\n");
    add("x/one.json", br#"{"text": "not this", "speaker": "s"}"#);
    add("x/two.json", br#"{"transcript": "second", "sampling_rate": 16000}"#);
    add("x/two.wav", &two);
    add("x/three.wav", &one);
    add("x/four.txt", b"nobody says it");
    add(&format!("{}/five.wav", "long".repeat(40)), &two);
    add(&format!("{}/five.txt", "long".repeat(40)), b"long name");
    add("six.cls", b"7");
    tar.into_inner().unwrap();
    let mut found = import(folder.path(), &Options::default()).unwrap();
    let seen: Vec<_> =
        found.utterances.iter().map(|u| (u.text.as_str(), u.speaker.as_deref())).collect();
    assert_eq!(seen, [("the text", Some("s")), ("second", None), ("long name", None)]);
    let reasons: Vec<&str> = found.left_out.iter().map(|l| l.reason.as_str()).collect();
    assert!(
        reasons[0].contains("three: no text") && reasons[1].contains("four: no recording"),
        "{reasons:?}"
    );
    assert!(measure(&mut found.utterances, None).is_empty());
    let lengths: Vec<f64> = found.utterances.iter().map(|u| u.duration_s.unwrap()).collect();
    assert_eq!(lengths, [0.0625, 0.125, 0.125]);
}

#[test]
fn what_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = ShardWriter::new(&folder.path().join("s"), 1 << 20);
    let whole = utterances(folder.path());
    let mut packed = writer.add(&whole[0]).unwrap();
    writer.finish().unwrap();
    packed.part = Some(Part::Bytes { start_byte: 1 << 20, bytes: 10 });
    let error = packed.read(RATE_HZ).unwrap_err().to_string();
    assert!(error.contains("s-00000.tar") && error.contains("ends before it"), "{error}");
    let bad = folder.path().join("bad.tar");
    fs::write(&bad, [7u8; 2000]).unwrap();
    let error = import(&bad, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("bad.tar") && error.contains("tar file is wanted"), "{error}");
    for (line, field) in [
        (r#"{"audio_filepath":"a","text":"","bytes":3}"#, "start_byte"),
        (r#"{"audio_filepath":"a","text":"","start_byte":3}"#, "bytes"),
        (r#"{"audio_filepath":"a","text":"","start_byte":-3,"bytes":1}"#, "start_byte"),
    ] {
        fs::write(folder.path().join("x.jsonl"), line).unwrap();
        let error = read_manifest(&folder.path().join("x.jsonl")).unwrap_err().to_string();
        assert!(error.contains(&format!("field `{field}`")), "{error}");
    }
}
