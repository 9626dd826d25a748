//! Which columns of a table are the recordings, their texts and their speakers, and what is in a column.

use parquet::basic::Type;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::import::TEXTS;

const SPEAKERS: [&str; 3] = ["speaker", "speaker_id", "client_id"];

/// Rows that are asked for at once.
const AT_ONCE: usize = 1024;

/// Numbers of columns.
pub(super) struct Columns {
    pub(super) audio: usize,
    pub(super) text: usize,
    pub(super) speaker: Option<usize>,
}

impl Columns {
    pub(super) fn of(schema: &SchemaDescriptor) -> std::result::Result<Self, String> {
        let columns = schema.columns();
        let find = |fits: &dyn Fn(&ColumnDescriptor) -> bool| {
            columns.iter().position(|column| column.max_rep_level() == 0 && fits(column))
        };
        let bytes = |column: &ColumnDescriptor| column.physical_type() == Type::BYTE_ARRAY;
        let called = |column: &ColumnDescriptor, path: &[&str]| column.path().parts() == path;
        let audio = find(&|c| bytes(c) && called(c, &["audio", "bytes"]))
            .or_else(|| find(&|c| bytes(c) && called(c, &["audio"])))
            .or_else(|| {
                // Whatever the column is called, it is a struct of bytes.
                find(&|c| bytes(c) && c.path().parts().len() == 2 && c.name() == "bytes")
            });
        let text =
            TEXTS.iter().find_map(|name| find(&|column| bytes(column) && called(column, &[name])));
        let all = || {
            let names = columns.iter().map(|column| column.path().string());
            names.collect::<Vec<_>>().join(", ")
        };
        let Some(audio) = audio else {
            return Err(format!(
                "no column has recordings: `audio` with `bytes` in it is wanted, and there are {}",
                all()
            ));
        };
        let Some(text) = text else {
            return Err(format!(
                "no column has texts: one of {} is wanted, and there are {}",
                TEXTS.join(", "),
                all()
            ));
        };
        let number_or_name = |column: &ColumnDescriptor| {
            matches!(column.physical_type(), Type::BYTE_ARRAY | Type::INT32 | Type::INT64)
        };
        let speaker = SPEAKERS
            .iter()
            .find_map(|name| find(&|column| number_or_name(column) && called(column, &[name])));
        Ok(Self { audio, text, speaker })
    }
}

/// The values of a column of at most `rows` rows that are texts, or numbers that are names.
pub(super) fn texts(
    column: ColumnReader,
    most_level: i16,
    rows: u64,
) -> Result<Vec<Option<String>>> {
    match column {
        ColumnReader::ByteArrayColumnReader(column) => {
            all(column, most_level, rows, |value| Ok(value.as_utf8()?.to_owned()))
        }
        ColumnReader::Int32ColumnReader(column) => {
            all(column, most_level, rows, |value| Ok(value.to_string()))
        }
        ColumnReader::Int64ColumnReader(column) => {
            all(column, most_level, rows, |value| Ok(value.to_string()))
        }
        _ => Err(ParquetError::General("neither texts nor whole numbers".into())),
    }
}

fn all<T: DataType>(
    mut column: ColumnReaderImpl<T>,
    most_level: i16,
    rows: u64,
    text: impl Fn(&T::T) -> Result<String>,
) -> Result<Vec<Option<String>>> {
    let mut found = Vec::new();
    loop {
        let values = some(&mut column, AT_ONCE, most_level)?;
        // One more than there may be is enough to tell.
        if values.is_empty() || found.len() as u64 > rows {
            return Ok(found);
        }
        for value in &values {
            found.push(value.as_ref().map(&text).transpose()?);
        }
    }
}

/// The next rows of a column, at most `count`; none behind the last one.
pub(super) fn some<T: DataType>(
    column: &mut ColumnReaderImpl<T>,
    count: usize,
    most_level: i16,
) -> Result<Vec<Option<T::T>>> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (rows, _, _) = column.read_records(count, Some(&mut levels), None, &mut values)?;
    let mut values = values.into_iter();
    // Where no value can be missing there are no levels.
    let is_there = |row: usize| levels.get(row).is_none_or(|&level| level == most_level);
    Ok((0..rows).map(|row| if is_there(row) { values.next() } else { None }).collect())
}
