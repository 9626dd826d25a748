//! Parquet: what was put into a table comes out of it, by whatever codec, and what is wrong is told with its place.
#![cfg(feature = "parquet")]

mod common;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{Folder, RATE_HZ};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use stonechat_corpus::import::{Layout, Options, import};
use stonechat_corpus::{
    Part, ShardWriter, Utterance, manifest_line, measure, read_manifest, read_manifest_lines,
    write_manifest,
};
use stonechat_testing::Random;

/// As data sets of Hugging Face have it, with columns that play no part.
const SCHEMA: &str = "message schema {
    optional binary file (UTF8);
    optional group audio { optional binary bytes; optional binary path (UTF8); }
    optional binary text (UTF8);
    optional int64 speaker_id;
}";

#[derive(Clone)]
struct Row {
    audio: Option<Vec<u8>>,
    text: Option<String>,
    speaker: i64,
}

fn rows(count: usize) -> Vec<Row> {
    let row = |n: usize| {
        let noise = stonechat_testing::noise(n as u64 + 1, 200 + 37 * (n % 11));
        let audio = Some(stonechat_testing::wav(&noise, RATE_HZ, 1));
        Row { audio, text: Some(format!("w {n}")), speaker: n as i64 % 3 }
    };
    (0..count).map(row).collect()
}

/// Levels and values of a column whose values may be missing.
fn column<T: Clone>(values: impl Iterator<Item = Option<T>>, there: i16) -> (Vec<i16>, Vec<T>) {
    let mut found = (Vec::new(), Vec::new());
    for value in values {
        found.0.push(if value.is_some() { there } else { there - 1 });
        found.1.extend(value);
    }
    found
}

fn write(path: &Path, rows: &[Row], a_group: usize, properties: WriterProperties) {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let file = File::create(path).unwrap();
    let mut table = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    let text = |text: &str| Some(ByteArray::from(text));
    for rows in rows.chunks(a_group) {
        let names = (0..rows.len()).map(|n| text(&format!("{n}.wav")));
        let texts = [
            (1, names.clone().collect::<Vec<_>>()),
            (2, rows.iter().map(|row| row.audio.clone().map(ByteArray::from)).collect()),
            (2, names.collect()),
            (1, rows.iter().map(|row| row.text.as_deref().and_then(text)).collect()),
        ];
        let mut group = table.next_row_group().unwrap();
        for (there, values) in texts {
            let (levels, values) = column(values.into_iter(), there);
            let mut writer = group.next_column().unwrap().unwrap();
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).unwrap();
            writer.close().unwrap();
        }
        let (levels, values) = column(rows.iter().map(|row| Some(row.speaker)), 1);
        let mut writer = group.next_column().unwrap().unwrap();
        writer.typed::<Int64Type>().write_batch(&values, Some(&levels), None).unwrap();
        writer.close().unwrap();
        group.close().unwrap();
    }
    table.close().unwrap();
}

/// Pages of some rows each.
fn properties(
    compression: Compression,
    dictionary: bool,
    version: WriterVersion,
) -> WriterProperties {
    WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(dictionary)
        .set_writer_version(version)
        .set_write_batch_size(1)
        .set_data_page_size_limit(4_000)
        .build()
}

fn simple() -> WriterProperties {
    properties(Compression::SNAPPY, false, WriterVersion::PARQUET_1_0)
}

fn check(utterance: &Utterance, n: usize, rows: &[Row]) {
    let row = &rows[n];
    assert_eq!(utterance.part, Some(Part::Row(n as u64)));
    assert_eq!(Some(&utterance.text), row.text.as_ref());
    assert_eq!(utterance.speaker, Some(row.speaker.to_string()));
    assert!(utterance.bytes().unwrap() == *row.audio.as_ref().unwrap(), "row {n}");
}

#[test]
fn tables_have_what_was_put_into_them() {
    let folder = Folder::new();
    let path = folder.path("t.parquet");
    let rows = rows(50);
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ];
    for codec in codecs {
        for (dictionary, version) in
            [(false, WriterVersion::PARQUET_1_0), (true, WriterVersion::PARQUET_2_0)]
        {
            write(&path, &rows, 17, properties(codec, dictionary, version));
            let found = read_manifest(&path).unwrap();
            assert_eq!(found.len(), rows.len(), "{codec}");
            found.iter().enumerate().for_each(|(n, utterance)| check(utterance, n, &rows));
        }
    }
}

#[test]
fn any_order_and_any_number_of_threads() {
    let folder = Folder::new();
    let path = folder.path("t.parquet");
    let rows = rows(60);
    write(&path, &rows, 23, simple());
    let found = read_manifest(&path).unwrap();
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (found, rows) = (&found, &rows);
            scope.spawn(move || {
                let mut random = Random(seed);
                for _ in 0..100 {
                    let n = random.below(rows.len());
                    check(&found[n], n, rows);
                }
            });
        }
    });
}

#[test]
fn a_manifest_of_a_folder_of_tables_and_shards_of_it() {
    let folder = Folder::new();
    fs::create_dir(folder.path("data")).unwrap();
    let rows = rows(30);
    write(&folder.path("data/train-00001-of-00002.parquet"), &rows[14..], 100, simple());
    write(&folder.path("data/train-00000-of-00002.parquet"), &rows[..14], 5, simple());
    assert_eq!(Layout::of(&folder.path("data")).unwrap(), Layout::Parquet);
    let mut found = import(&folder.path("data"), &Options::default()).unwrap();
    assert!(found.left_out.is_empty());
    assert!(measure(&mut found.utterances, None).is_empty());
    let root = folder.path("");
    let manifest = folder.path("m.jsonl");
    write_manifest(&manifest, found.utterances.iter().map(|u| manifest_line(u, &root))).unwrap();
    let read = read_manifest(&manifest).unwrap();
    let mut writer = ShardWriter::new(&folder.path("packed"), 20_000);
    for (n, (utterance, row)) in read.iter().zip(&rows).enumerate() {
        let audio = row.audio.as_ref().unwrap();
        assert_eq!(Some(&utterance.text), row.text.as_ref(), "{n}");
        assert!(utterance.bytes().unwrap() == *audio, "{n}");
        let seconds = (audio.len() - 44) as f64 / 2.0 / f64::from(RATE_HZ);
        assert!((utterance.duration_s.unwrap() - seconds).abs() < 1e-3, "{n}");
        let packed = writer.add(utterance).unwrap();
        assert!(matches!(packed.part, Some(Part::Bytes { .. })), "{packed:?}");
    }
    assert!(writer.shards() > 1);
    writer.finish().unwrap();
    let shards = import(&folder.path("packed-00000.tar"), &Options::default()).unwrap();
    assert_eq!(Some(&shards.utterances[0].text), rows[0].text.as_ref());
}

/// Made by pyarrow: see `golden/make_parquet.py`.
#[test]
fn tables_of_other_writers() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for name in ["librispeech", "common_voice", "plain"] {
        let found = read_manifest(&golden.join(format!("{name}.parquet"))).unwrap();
        let texts: Vec<&str> = found.iter().map(|utterance| utterance.text.as_str()).collect();
        assert_eq!(texts, ["one", "two words", "three words here", "", "é"], "{name}");
        let speakers: Vec<Option<&str>> = found.iter().map(|u| u.speaker.as_deref()).collect();
        let expected = match name {
            "librispeech" => [Some("103"), Some("103"), Some("1034"), Some("1034"), Some("7")],
            "common_voice" => [Some("aa"), Some("aa"), Some("bb"), None, Some("cc")],
            _ => [None; 5],
        };
        assert_eq!(speakers, expected, "{name}");
        for (n, utterance) in found.iter().enumerate() {
            let samples = utterance.read(RATE_HZ).unwrap().samples;
            assert_eq!(samples.len(), 40 * (n + 1), "{name}");
            let ramp = |n: usize, i: usize| ((100 * (n + 1) * i) % 30_000) as f32 / 32_768.0;
            let right = samples.iter().enumerate().all(|(i, &sample)| sample == ramp(n, i));
            assert!(right, "{name} {n}: {samples:?}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let folder = Folder::new();
    let path = folder.path("t.parquet");
    let mut rows = rows(12);
    rows[7].audio = None;
    rows[9].text = None;
    write(&path, &rows, 5, simple());
    let lines = read_manifest_lines(&path).unwrap();
    let error = lines[9].as_ref().unwrap_err().to_string();
    assert!(error.contains("t.parquet:10: field `text`: no text"), "{error}");
    let error = lines[7].as_ref().unwrap().bytes().unwrap_err().to_string();
    assert!(
        error.contains("t.parquet: row group 1, column audio.bytes: nothing in row 7"),
        "{error}"
    );
    let left_out = import(&path, &Options::default()).unwrap().left_out;
    assert_eq!((left_out.len(), left_out[0].reason.as_str()), (1, "no text"));

    let mut behind = lines[0].as_ref().unwrap().clone();
    behind.part = Some(Part::Row(12));
    let error = behind.bytes().unwrap_err().to_string();
    assert!(error.contains("it has 12 rows and none with the number 12"), "{error}");

    let whole = fs::read(&path).unwrap();
    let half = folder.write("half.parquet", &whole[..whole.len() / 2]);
    let error = read_manifest(&half).unwrap_err().to_string();
    assert!(error.contains("half.parquet") && error.contains("cut off"), "{error}");

    for (schema, wanted) in [
        ("message s { optional binary text (UTF8); }", "no column has recordings"),
        (
            "message s { repeated group audio { optional binary bytes; } optional binary text (UTF8); }",
            "there are audio.bytes, text",
        ),
        (
            "message s { optional group audio { optional binary bytes; } optional binary said (UTF8); }",
            "no column has texts: one of text, transcript",
        ),
    ] {
        let path = folder.path("other.parquet");
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let file = File::create(&path).unwrap();
        SerializedFileWriter::new(file, schema, Arc::new(simple())).unwrap().close().unwrap();
        let error = read_manifest(&path).unwrap_err().to_string();
        assert!(error.contains("other.parquet") && error.contains(wanted), "{error}");
    }
    let manifest = folder.write("x.jsonl", r#"{"audio_filepath":"t.parquet","text":"","row":-1}"#);
    let error = read_manifest(&manifest).unwrap_err().to_string();
    assert!(error.contains("field `row`: -1 is not a whole number"), "{error}");
}

/// Whatever is damaged, there is an error or something is read; nothing panics or asks for more memory than there is.
#[test]
fn damaged_tables() {
    let folder = Folder::new();
    let path = folder.path("t.parquet");
    let rows = rows(12);
    let mut told = 0;
    for (codec, dictionary) in [(Compression::SNAPPY, false), (Compression::UNCOMPRESSED, true)] {
        write(&path, &rows, 5, properties(codec, dictionary, WriterVersion::PARQUET_1_0));
        let whole = fs::read(&path).unwrap();
        let mut random = Random(3);
        for _ in 0..400 {
            let mut damaged = whole.clone();
            for _ in 0..1 + random.below(3) {
                // Half of it in the table's own description at its end.
                let from = if random.below(2) == 0 { 0 } else { whole.len().saturating_sub(2_000) };
                let place = from + random.below(whole.len() - from);
                damaged[place] = random.below(256) as u8;
            }
            let path: PathBuf = folder.write("damaged.parquet", &damaged);
            let Ok(lines) = read_manifest_lines(&path) else {
                told += 1;
                continue;
            };
            told += lines.iter().flatten().filter(|u| u.bytes().is_err()).count().min(1);
        }
    }
    assert!(told > 20, "{told}");
}
