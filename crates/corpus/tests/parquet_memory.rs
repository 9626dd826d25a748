//! However large a table, a bounded part of it is in memory.
#![cfg(feature = "parquet")]

use std::fs::File;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use stonechat_corpus::{Files, read_manifest};
use stonechat_testing::{Counting, Random, live_bytes, peak_bytes};

#[global_allocator]
static COUNTING: Counting = Counting;

const MB: usize = 1 << 20;
/// Rows of a megabyte each, in groups of 8 with pages of two.
const ROWS: usize = 160;

#[test]
fn a_table_that_is_larger_than_what_is_kept_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let schema = "message s { required group audio { required binary bytes; } required binary text (UTF8); }";
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_write_batch_size(1)
        .set_data_page_size_limit(2 * MB);
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = File::create(&path).unwrap();
    let mut table = SerializedFileWriter::new(file, schema, Arc::new(properties.build())).unwrap();
    let mut random = Random(1);
    for _ in 0..ROWS / 8 {
        let recordings: Vec<ByteArray> = (0..8)
            .map(|_| {
                let noise = (0..MB / 4).flat_map(|_| random.bits().to_le_bytes());
                ByteArray::from(noise.collect::<Vec<u8>>())
            })
            .collect();
        let texts = vec![ByteArray::from("said"); 8];
        let mut group = table.next_row_group().unwrap();
        for values in [recordings, texts] {
            let mut writer = group.next_column().unwrap().unwrap();
            writer.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    table.close().unwrap();
    assert!(path.metadata().unwrap().len() > (ROWS * MB) as u64);

    let before = live_bytes();
    let (mut found, listed) = peak_bytes(|| read_manifest(&path).unwrap());
    assert!(listed < MB, "{listed} bytes for the list");
    // All in order: what is kept, a page as it is and as it is unpacked, and the recording.
    let ((), all) = peak_bytes(|| {
        found.iter().for_each(|utterance| assert_eq!(utterance.bytes().unwrap().len(), MB));
    });
    assert!((60 * MB..74 * MB).contains(&all), "{all} bytes for all of them");
    // One alone, which nothing is kept of.
    found[100].files = Files::default();
    let (_, one) = peak_bytes(|| found[100].bytes().unwrap());
    assert!(one < 8 * MB, "{one} bytes for one");
    drop(found);
    assert!(live_bytes() - before < MB as isize);
}
