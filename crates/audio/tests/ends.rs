//! Files are read to their real end, whatever their headers say, and what is left out is reported.
#![cfg(feature = "files")]

mod common;

use common::{Folder, Wav, fixture, sweep};
use stonechat_audio::{AudioReader, WarningKind};

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

fn drain(mut reader: AudioReader) -> (usize, Vec<WarningKind>) {
    let mut out = Vec::new();
    while reader.next_chunk(&mut out).unwrap() {}
    (out.len(), reader.warnings().into_iter().map(|warning| warning.kind).collect())
}

/// Number of samples at 16 kHz and the kinds of warnings; the same from a file or a pipe.
fn read(what: &str, bytes: &[u8]) -> (usize, Vec<WarningKind>) {
    let open =
        |reader: Result<AudioReader, _>| reader.unwrap_or_else(|error| panic!("{what}: {error}"));
    let folder = Folder::new();
    let file = drain(open(AudioReader::open(folder.write("a", bytes), 16_000)));
    let pipe = std::io::Cursor::new(bytes.to_vec());
    let piped = drain(open(AudioReader::from_pipe(pipe, "a", 16_000)));
    assert_eq!(file, piped, "{what}: another result through a pipe");
    file
}

/// An ID3v2 tag around `body`.
fn id3v2(body: &[u8]) -> Vec<u8> {
    let size = [21, 14, 7, 0].map(|shift| (body.len() >> shift & 0x7f) as u8);
    [b"ID3\x03\0\0", &size[..], body].concat()
}

fn id3v1() -> Vec<u8> {
    [b"TAG".to_vec(), vec![b'y'; 125]].concat()
}

#[test]
fn mp3_of_any_make() {
    let (vbr, sweep) = (bytes_of("vbr.mp3"), bytes_of("sweep.mp3"));
    // The Xing frame of the VBR file: MPEG-2 layer 3 at 16 kHz, 72 * bitrate / rate bytes.
    let info_bytes = vbr.windows(2).skip(1).position(|at| at == [0xff, 0xf3]).unwrap() + 1;
    let plain = vbr[info_bytes..].to_vec();
    let (frames, _) = read("vbr", &vbr);
    assert_eq!(frames, 25_600, "1.6 s");
    let (whole, _) = read("vbr without Xing", &plain);
    assert!((frames..frames + 3 * 1_152).contains(&whole), "without Xing: {whole}");
    let (of_sweep, _) = read("cbr", &sweep);
    let cover = [vec![7; 500], sweep[1_000..3_500].to_vec(), vec![0; 300]].concat();
    let lies = |frames: u32| {
        let mut bytes = vbr.clone();
        let at = bytes.windows(4).position(|tag| tag == b"Xing").unwrap();
        bytes[at + 8..at + 12].copy_from_slice(&frames.to_be_bytes());
        bytes
    };
    let padded = |with: &[u8]| [&vbr[..], with].concat();
    use WarningKind::{Header, LeftOver, Truncated};
    // (what, bytes, samples, kinds of warnings)
    let cases = [
        ("twice", [&vbr[..], &vbr].concat(), 2 * frames, vec![]),
        ("twice without Xing", [&plain[..], &plain].concat(), 2 * whole, vec![]),
        ("another rate behind it", [&vbr[..], &sweep].concat(), frames + of_sweep, vec![]),
        (
            "tags between and around",
            [id3v2(b"x"), vbr.clone(), id3v1(), id3v2(b"y"), vbr.clone(), id3v1()].concat(),
            2 * frames,
            vec![],
        ),
        ("cover art with frames in it", [id3v2(&cover), vbr.clone()].concat(), frames, vec![]),
        (
            "two tags in front",
            [id3v2(&cover), id3v2(&[1; 9]), vbr.clone()].concat(),
            frames,
            vec![],
        ),
        ("zeros in front", [vec![0; 5_000], vbr.clone()].concat(), frames, vec![]),
        ("zeros behind", padded(&[0; 5_000]), frames, vec![]),
        ("rubbish behind", padded(&[0x55; 700]), frames, vec![LeftOver]),
        ("rubbish between", [&vbr[..], &[0x55; 700], &vbr].concat(), 2 * frames, vec![LeftOver]),
    ];
    for (what, bytes, samples, kinds) in cases {
        assert_eq!(read(what, &bytes), (samples, kinds), "{what}");
    }
    for (what, frames, kind) in
        [("too few frames stated", 3, Header), ("too many", 1_000, Truncated)]
    {
        let (samples, kinds) = read(what, &lies(frames));
        assert!(samples >= 25_600 && kinds == [kind], "{what}: {samples}, {kinds:?}");
    }
    let (samples, kinds) = read("cut", &vbr[..vbr.len() - 500]);
    assert!(
        (20_000..25_600).contains(&samples) && kinds.contains(&Truncated),
        "{samples}, {kinds:?}"
    );
}

#[test]
fn flac_with_anything_behind_it() {
    let flac = bytes_of("sweep.flac");
    let ape = {
        let mut footer = [&b"APETAGEX\xd0\x07\0\0"[..], &(32u32 + 40).to_le_bytes()].concat();
        footer.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        footer.extend([0; 8]);
        [vec![5; 40], footer].concat()
    };
    let stated = |samples: u32| {
        let mut bytes = flac.clone();
        bytes[22..26].copy_from_slice(&samples.to_be_bytes());
        bytes
    };
    let tail = |with: &[u8]| [&flac[..], with].concat();
    use WarningKind::{Header, LeftOver, Truncated};
    // (what, bytes, samples, kinds of warnings)
    let cases = [
        ("nothing", flac.clone(), 19_200, vec![]),
        ("ID3v1", tail(&id3v1()), 19_200, vec![]),
        ("zeros", tail(&[0; 3_000]), 19_200, vec![]),
        ("rubbish", tail(&[0x55; 3_000]), 19_200, vec![LeftOver]),
        ("ID3v2 in front", [id3v2(&[9; 3_000]), flac.clone()].concat(), 19_200, vec![]),
        ("another flac", [&flac[..], &flac].concat(), 2 * 19_200, vec![]),
        (
            "another flac with its tags",
            [&flac[..], &id3v1(), &flac].concat(),
            2 * 19_200,
            vec![LeftOver],
        ),
        ("no length stated", stated(0), 19_200, vec![]),
        ("too short a length stated", stated(100), 19_200, vec![Header]),
        ("too long a length stated", stated(50_000), 19_200, vec![Truncated]),
    ];
    for (what, bytes, samples, kinds) in cases {
        assert_eq!(read(what, &bytes), (samples, kinds), "{what}");
    }
    // A pipe does not know where its end is, so this tag looks like rubbish.
    let folder = Folder::new();
    let path = folder.write("a", [tail(&ape), id3v1()].concat());
    assert_eq!(drain(AudioReader::open(path, 16_000).unwrap()), (19_200, vec![]));
}

#[test]
fn chained_ogg() {
    for (name, samples) in [("sweep.ogg", 19_200), ("sweep.opus", 19_200), ("flac.ogg", 19_200)] {
        let bytes = bytes_of(name);
        let (one, _) = read(name, &bytes);
        assert!(one.abs_diff(samples) <= 320, "{name}: {one}");
        assert_eq!(read(name, &[&bytes[..], &bytes].concat()), (2 * one, vec![]), "{name} twice");
    }
    // Other rates, other codecs.
    let joined = [bytes_of("sweep.ogg"), bytes_of("sweep.opus"), bytes_of("flac.ogg")].concat();
    let sum = ["sweep.ogg", "sweep.opus", "flac.ogg"]
        .map(|name| read(name, &bytes_of(name)).0)
        .iter()
        .sum();
    assert_eq!(read("three codecs", &joined), (sum, vec![]));
}

#[test]
fn wav_beyond_its_header() {
    let samples = sweep(16_000, 1.0);
    let good = Wav::pcm16(16_000, 1, &samples);
    let whole = good.bytes();
    let half = Some(16_000u32);
    let sizes =
        |data, riff| Wav { data_bytes: Some(data), riff_bytes: Some(riff), ..good.clone() }.bytes();
    let other = Wav::pcm16(8_000, 2, &sweep(8_000, 1.0)).bytes();
    let list = |pad: &[u8]| [b"LIST\x05\0\0\0INFOx", pad].concat();
    let around = |between: Vec<u8>, after: Vec<u8>| Wav { between, after, ..good.clone() }.bytes();
    let wide = |low: bool| {
        let word = |x: &f32| ((x * 8_388_607.0) as i32) << if low { 0 } else { 8 };
        let data = samples.iter().flat_map(|x| word(x).to_le_bytes()).collect();
        Wav { data, block: Some(4), ..Wav::empty(1, 24, 16_000, 1) }.bytes()
    };
    let text = b"This was recorded on a rainy day in the north, and is no audio. ".repeat(20);
    use WarningKind::{Header, LeftOver};
    // (what, bytes, samples, kinds of warnings)
    let cases = [
        (
            "sizes of some time ago",
            Wav { data_bytes: half, riff_bytes: Some(16_036), ..good.clone() }.bytes(),
            16_000,
            vec![Header],
        ),
        ("2 GiB from a pipe", sizes(0x8000_0000, 0x8000_0024), 16_000, vec![]),
        ("2 GiB less a page", sizes(0x7fff_f000, 0x7fff_f024), 16_000, vec![]),
        ("4 GiB less a bit", sizes(0xffff_ffdb, 0xffff_ffff), 16_000, vec![]),
        ("open", sizes(u32::MAX, u32::MAX), 16_000, vec![]),
        ("two wavs", [&whole[..], &whole].concat(), 32_000, vec![]),
        ("a wav of another rate behind", [&whole[..], &other].concat(), 24_000, vec![]),
        ("an odd chunk with its padding", around(list(&[0]), vec![]), 16_000, vec![]),
        ("an odd chunk without", around(list(&[]), vec![]), 16_000, vec![]),
        ("odd chunks behind", around(vec![], [list(&[]), list(&[0])].concat()), 16_000, vec![]),
        ("a second data chunk", around(vec![], b"data\x04\0\0\0abcd".to_vec()), 16_002, vec![]),
        ("ID3v2 in front", [id3v2(&[3; 10]), whole.clone()].concat(), 16_000, vec![]),
        ("ID3v1 behind", [whole.clone(), id3v1()].concat(), 16_000, vec![]),
        ("zeros behind", [whole.clone(), vec![0; 512]].concat(), 16_000, vec![]),
        ("text behind", [whole.clone(), text].concat(), 16_000, vec![LeftOver]),
        ("24 bits at the top of 32", wide(false), 16_000, vec![]),
        ("24 bits at the bottom of 32", wide(true), 16_000, vec![]),
    ];
    for (what, bytes, samples, kinds) in cases {
        assert_eq!(read(what, &bytes), (samples, kinds), "{what}");
    }
    for low in [false, true] {
        let folder = Folder::new();
        let found =
            stonechat_audio::read_file(folder.write("a", wide(low)), 16_000).unwrap().samples;
        let difference = common::largest_difference(&found, &samples);
        assert!(difference < 1e-6, "24 bits, at the bottom: {low}: {difference}");
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read() {
    let folder = Folder::new();
    let path = folder.write("x", b"").with_file_name("pipe.wav");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no mkfifo");
        return;
    }
    let expected = drain(AudioReader::open(fixture("sweep.flac"), 16_000).unwrap());
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || {
            std::fs::write(path, std::fs::read(fixture("sweep.flac")).unwrap())
        })
    };
    assert_eq!(drain(AudioReader::open(&path, 16_000).unwrap()), expected);
    writer.join().unwrap().unwrap();
}

/// Containers that state where they end, from a file or a pipe; an error says if they cannot be
/// opened because they are truncated.
#[test]
fn containers_that_are_cut_are_told() {
    for name in ["sweep.webm", "sweep.mka", "sweep.ogg", "sweep.opus", "sweep.m4a", "sweep.caf"] {
        let (_, warnings) = read(name, &bytes_of(name));
        assert_eq!(warnings, [], "{name}");
    }
    // Their only cluster is incomplete, or their index is missing: what is there is read, and reported.
    for name in ["sweep.webm", "sweep.mka"] {
        let bytes = bytes_of(name);
        let (whole, _) = read(name, &bytes);
        let cluster = bytes.windows(4).position(|at| at == b"\x1f\x43\xb6\x75").unwrap();
        for (part, least) in [(0.5, 0.1), (0.75, 0.3), (0.95, 0.6)] {
            let cut = cluster + ((bytes.len() - cluster) as f64 * part) as usize;
            let (found, warnings) = read(name, &bytes[..cut]);
            let share = found as f64 / whole as f64;
            assert!((least..1.0).contains(&share), "{name}, {part}: {share}");
            assert_eq!(warnings, [WarningKind::Truncated], "{name}, {part}");
        }
        let error = AudioReader::from_bytes(&bytes[..100], "a", 16_000).unwrap_err();
        assert!(error.to_string().contains("damaged or truncated"), "{name}: {error}");
    }
    // An interrupted recorder has written no index.
    for name in ["sweep.m4a", "alac.m4a"] {
        let bytes = bytes_of(name);
        let index = bytes.windows(4).position(|at| at == b"moov").unwrap();
        if index > bytes.len() / 2 {
            let error = AudioReader::from_bytes(&bytes[..index - 4], "a", 16_000).unwrap_err();
            assert!(error.to_string().contains("damaged or truncated"), "{name}: {error}");
        }
    }
    // A tag that claims to be longer than the file.
    let long = [b"ID3\x03\0\0\x7f\x7f\x7f\x7f", &[0; 40][..], &bytes_of("sweep.mp3")].concat();
    let (found, _) = drain(AudioReader::from_bytes(long, "a", 16_000).unwrap());
    assert_eq!(found, read("sweep.mp3", &bytes_of("sweep.mp3")).0);
}
