//! A table: its texts by row groups, its recordings by pages.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use parquet::column::page::PageReader;
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;

use super::columns::{Columns, some, texts};
use super::lock;
use super::pages::{Kept, Page};
use crate::Files;
use crate::blob::Blob;

pub(super) struct Table {
    /// Unlike that of any other that was opened.
    number: u64,
    path: PathBuf,
    reader: SerializedFileReader<Blob>,
    columns: Columns,
    groups: Vec<Group>,
}

struct Group {
    /// Its first row in the table.
    first: u64,
    rows: u64,
    /// Held while a page of it is unpacked, so that those who wait for the page find it.
    unpacking: Mutex<()>,
}

/// What is known of a recording besides its sound.
pub(super) struct Said {
    pub(super) text: Option<String>,
    pub(super) speaker: Option<String>,
}

impl Table {
    pub(super) fn open(path: &Path, files: &Files) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let fail = |problem: &dyn Display| format!("{}: {problem}", path.display());
        let blob = Blob::open(path, files).map_err(|error| fail(&error))?;
        let bytes = blob.len();
        let read = || SerializedFileReader::new(blob).map_err(|error| error.to_string());
        let reader = unharmed(read).map_err(|problem| {
            fail(&format!("{problem}; was it cut off, or is it no Parquet table?"))
        })?;
        let metadata = reader.metadata();
        let columns =
            Columns::of(metadata.file_metadata().schema_descr()).map_err(|error| fail(&error))?;
        let mut groups = Vec::new();
        let mut first = 0;
        for (number, group) in metadata.row_groups().iter().enumerate() {
            // A recording is a byte at least: no damaged number makes anything that is large.
            let rows = u64::try_from(group.num_rows()).ok().filter(|&rows| rows <= bytes - first);
            let Some(rows) = rows else {
                let rows = group.num_rows();
                return Err(fail(&format!("row group {number}: {rows} rows in {bytes} bytes")));
            };
            groups.push(Group { first, rows, unpacking: Mutex::default() });
            first += rows;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { number, path: path.to_owned(), reader, columns, groups })
    }

    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// What is said in each row of a group.
    pub(super) fn said(&self, group: usize) -> Result<Vec<Said>, String> {
        let texts = self.texts(group, self.columns.text)?;
        let speakers = match self.columns.speaker {
            Some(column) => self.texts(group, column)?,
            None => vec![None; texts.len()],
        };
        let pairs = texts.into_iter().zip(speakers);
        Ok(pairs.map(|(text, speaker)| Said { text, speaker }).collect())
    }

    fn texts(&self, group: usize, column: usize) -> Result<Vec<Option<String>>, String> {
        let fail = |problem: &dyn Display| self.wrong(group, column, problem);
        let rows = self.groups[group].rows;
        let found = unharmed(|| {
            let read = || {
                let reader = self.reader.get_row_group(group)?;
                texts(reader.get_column_reader(column)?, self.most_level(column), rows)
            };
            read().map_err(|error: ParquetError| error.to_string())
        })
        .map_err(|problem| fail(&problem))?;
        match found.len() as u64 == rows {
            true => Ok(found),
            false => Err(fail(&format!("{} values for {rows} rows", found.len()))),
        }
    }

    /// The recording of a row, encoded.
    pub(super) fn recording(&self, row: u64, kept: &Mutex<Kept>) -> Result<Vec<u8>, String> {
        let group = self.groups.partition_point(|group| group.first + group.rows <= row);
        if group == self.groups.len() {
            let rows = self.groups.last().map_or(0, |last| last.first + last.rows);
            return Err(format!(
                "{}: it has {rows} rows and none with the number {row}: was it made anew?",
                self.path.display()
            ));
        }
        let kept_page = || lock(kept).get(self.number, row);
        let page = match kept_page() {
            Some(page) => page,
            None => {
                let _unpacking = lock(&self.groups[group].unpacking);
                match kept_page() {
                    Some(page) => page,
                    None => {
                        let page = Arc::new(self.page(group, row)?);
                        lock(kept).put(&page);
                        page
                    }
                }
            }
        };
        let recording = page.recordings.get((row - page.first) as usize);
        let recording = recording.and_then(Option::as_ref).ok_or_else(|| {
            let problem = format!(
                "nothing in row {row}: recordings in files of their own are not read from a table"
            );
            self.wrong(group, self.columns.audio, &problem)
        })?;
        Ok(recording.data().to_vec())
    }

    /// Unpacks the page with a row of a group.
    fn page(&self, group: usize, row: u64) -> Result<Page, String> {
        let first = self.groups[group].first;
        let (place, recordings) = unharmed(|| self.recordings(group, (row - first) as usize))
            .map_err(|problem| self.wrong(group, self.columns.audio, &problem))?;
        Ok(Page { table: self.number, first: first + place as u64, recordings })
    }

    /// The recordings in the page with row `wanted` of a group, and the row that it begins with.
    fn recordings(
        &self,
        group: usize,
        wanted: usize,
    ) -> Result<(usize, Vec<Option<ByteArray>>), String> {
        let column = self.columns.audio;
        let text = |error: ParquetError| error.to_string();
        let reader = self.reader.get_row_group(group).map_err(text)?;
        let (first, count) = page_of(&*reader, column, wanted)?;
        if (first + count) as u64 > self.groups[group].rows {
            return Err("more rows in its pages than in the group".into());
        }
        let values = reader.get_column_reader(column).map_err(text)?;
        let ColumnReader::ByteArrayColumnReader(mut values) = values else {
            return Err("no bytes".into());
        };
        values.skip_records(first).map_err(text)?;
        let recordings = some(&mut values, count, self.most_level(column)).map_err(text)?;
        match first + recordings.len() > wanted {
            true => Ok((first, recordings)),
            false => Err(format!("it ends before row {wanted} of the group")),
        }
    }

    /// The level at which a value of a column is there.
    fn most_level(&self, column: usize) -> i16 {
        self.reader.metadata().file_metadata().schema_descr().column(column).max_def_level()
    }

    fn wrong(&self, group: usize, column: usize, problem: &dyn Display) -> String {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let column = schema.column(column).path().string();
        format!("{}: row group {group}, column {column}: {problem}", self.path.display())
    }
}

/// Reads, and takes a panic of the Parquet crate over a damaged page for what it is.
fn unharmed<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // What it reads of is not changed by reading.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err("it is damaged".into()))
}

/// Where the page with row `wanted` of a group begins, and how many rows it has, by the heads of pages alone.
fn page_of(
    group: &dyn RowGroupReader,
    column: usize,
    wanted: usize,
) -> Result<(usize, usize), String> {
    let mut pages: Box<dyn PageReader> =
        group.get_column_page_reader(column).map_err(|error| error.to_string())?;
    let mut first = 0;
    loop {
        let page = pages.peek_next_page().map_err(|error| error.to_string())?;
        let page = page.ok_or("it ends before its last row")?;
        if !page.is_dict {
            let count = page.num_rows.or(page.num_levels).ok_or("a page without a length")?;
            if wanted < first + count {
                return Ok((first, count));
            }
            first += count;
        }
        pages.skip_next_page().map_err(|error| error.to_string())?;
    }
}
