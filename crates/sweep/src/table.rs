//! Rows of values in named columns, as CSV and JSON.

use std::path::Path;

use serde_json::{Map, Value};

use crate::Error;

/// A table; a missing value is null.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// A value for each column.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// The table of some objects: the first column is `first`, the others follow in order of their
    /// names.
    pub(crate) fn of(first: &str, objects: &[Map<String, Value>]) -> Self {
        let mut columns: Vec<String> = objects
            .iter()
            .flat_map(|object| object.keys().cloned())
            .filter(|key| key != first)
            .collect();
        columns.sort();
        columns.dedup();
        columns.insert(0, first.to_owned());
        let row = |object: &Map<String, Value>| {
            columns
                .iter()
                .map(|column| object.get(column).cloned().unwrap_or(Value::Null))
                .collect()
        };
        let rows = objects.iter().map(row).collect();
        Self { columns, rows }
    }

    /// The values of a column.
    ///
    /// # Errors
    /// [`Error::Column`] names the existing columns.
    pub fn column(&self, name: &str) -> Result<Vec<&Value>, Error> {
        let Some(place) = self.columns.iter().position(|column| column == name) else {
            return Err(Error::Column { name: name.to_owned(), columns: self.columns.clone() });
        };
        Ok(self.rows.iter().map(|row| &row[place]).collect())
    }

    /// Keeps the rows that have `text` in a column; numbers are compared as numbers.
    ///
    /// # Errors
    /// [`Error::Column`] names those that there are.
    pub fn keep(&mut self, column: &str, text: &str) -> Result<(), Error> {
        let wanted = value(text);
        let same = |found: &Value| match (found.as_f64(), wanted.as_f64()) {
            (Some(found), Some(wanted)) => found == wanted,
            _ => *found == wanted,
        };
        let mut keep = self.column(column)?.into_iter().map(same).collect::<Vec<_>>().into_iter();
        self.rows.retain(|_| keep.next().unwrap_or(false));
        Ok(())
    }

    /// The table as CSV.
    pub fn to_csv(&self) -> String {
        let line = |fields: &mut dyn Iterator<Item = String>| {
            fields.map(quoted).collect::<Vec<_>>().join(",") + "\n"
        };
        let mut text = line(&mut self.columns.iter().cloned());
        for row in &self.rows {
            text += &line(&mut row.iter().map(field));
        }
        text
    }

    /// The rows as JSON objects.
    pub fn to_json(&self) -> Value {
        let object = |row: &Vec<Value>| {
            Value::Object(self.columns.iter().cloned().zip(row.iter().cloned()).collect())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }

    /// Reads what [`to_csv`](Self::to_csv) wrote: numeric fields become numbers, empty ones null.
    ///
    /// # Errors
    /// A file that cannot be read, or a row with another number of fields than the header
    /// ([`Error::Line`]).
    pub fn from_csv(path: &Path) -> Result<Self, Error> {
        let file = stonechat_files::TextFile::read(path)?;
        let mut records = records(file.as_str()?).into_iter();
        let columns = records.next().map_or(Vec::new(), |(_, head)| head);
        let row = |(line, fields): (usize, Vec<String>)| {
            if fields.len() == columns.len() {
                return Ok(fields.iter().map(|field| value(field)).collect());
            }
            let reason = format!("{} fields, the head has {}", fields.len(), columns.len());
            Err(Error::Line { path: path.to_owned(), line, reason })
        };
        let rows = records.map(row).collect::<Result<_, _>>()?;
        Ok(Self { columns, rows })
    }
}

/// The records of a CSV file, each with the line on which it ends.
fn records(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut reader = csv_core::Reader::new();
    let (mut input, mut records, mut ends) = (text.as_bytes(), Vec::new(), vec![0; text.len() + 1]);
    // No record is longer than the text.
    let mut output = vec![0; text.len()];
    loop {
        let (result, read, _, count) = reader.read_record(input, &mut output, &mut ends);
        input = &input[read..];
        match result {
            csv_core::ReadRecordResult::Record => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let field = |(start, &end): (usize, &usize)| {
                    String::from_utf8_lossy(&output[start..end]).into_owned()
                };
                let line = reader.line() as usize - 1;
                records.push((line, starts.zip(&ends[..count]).map(field).collect()));
            }
            csv_core::ReadRecordResult::End => return records,
            // The rest of the input is empty, which ends the open record.
            _ => {}
        }
    }
}

/// A field in CSV format.
fn quoted(field: String) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field,
    }
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn value(field: &str) -> Value {
    if field.is_empty() {
        return Value::Null;
    }
    match serde_json::from_str::<Value>(field) {
        Ok(number @ (Value::Number(_) | Value::Bool(_))) => number,
        _ => Value::String(field.to_owned()),
    }
}
