//! What goes to stdout: JSON objects and aligned tables. And what goes to stderr: lines that nothing
//! depends on, so that it does not matter whether anybody reads them.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use stonechat_corpus::Doubts;

/// Prints one JSON object. Numbers that JSON does not have (infinite rates) become `null`.
pub fn json(value: &impl Serialize) -> Result<()> {
    text(&serde_json::to_string_pretty(value)?)
}

/// Prints `text` and a line break; a closed pipe is an error here and not a panic.
pub fn text(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// Whether `output` can be written, and is not one of the inputs; checked before the work.
pub fn reserve<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    stonechat_files::is_input(output, inputs)?;
    Ok(stonechat_files::check(output)?)
}

/// [`reserve`] of several outputs, which must be several.
#[cfg(feature = "full")]
pub fn reserve_all<'a>(
    outputs: &[&Path],
    inputs: impl IntoIterator<Item = &'a Path> + Clone,
) -> Result<()> {
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = std::fs::canonicalize(folder.unwrap_or(Path::new(".")));
        (std::fs::canonicalize(path).ok(), folder.ok(), path.file_name().map(ToOwned::to_owned))
    };
    for (n, path) in outputs.iter().enumerate() {
        if outputs[..n].iter().any(|other| place(other) == place(path)) {
            anyhow::bail!("{}: two outputs have this name: give each its own", path.display());
        }
        reserve(path, inputs.clone())?;
    }
    Ok(())
}

/// A line on stderr. The work goes on if it cannot be written.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Something that is not as the user may think.
pub fn warn(line: &str) {
    say(&format!("warning: {line}"));
}

/// What was wrong with recordings of a manifest, a line for each kind.
pub fn tell(doubts: &Doubts) {
    doubts.list().iter().for_each(|doubt| warn(&doubt.to_string()));
}

/// A table in columns: the first to the left, the others to the right, two spaces between.
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<const N: usize>(header: [&str; N]) -> Self {
        Self { rows: vec![header.map(String::from).to_vec()] }
    }

    /// Adds a row with a cell for each column of the header.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// The lines of the table, without a line break at the end.
    pub fn render(&self) -> String {
        let columns = self.rows[0].len();
        let width =
            |c: usize| self.rows.iter().filter_map(|row| row.get(c)).map(|cell| chars(cell)).max();
        let widths: Vec<usize> = (0..columns).map(|c| width(c).unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).enumerate().map(|(c, (cell, &width))| match c {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
        };
        self.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

fn chars(cell: &str) -> usize {
    cell.chars().count()
}

/// A number with its thousands apart: `1,234,567`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as megabytes (10^6).
pub fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

/// Hours, minutes and seconds, as short as they can be said: `45.2 s`, `12 min 5 s`, `2 h 3 min`.
pub fn duration(seconds: f64) -> String {
    // The sum of nothing is -0.
    let seconds = seconds + 0.0;
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align() {
        let mut table = Table::new(["map", "rank"]);
        table.row(["gru.0.rec".into(), "7".into()]);
        table.row(["é".into(), "123456".into()]);
        assert_eq!(table.render(), "map          rank\ngru.0.rec       7\né          123456");
    }

    #[test]
    fn numbers_for_people() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(thousands(number), expected);
        }
        for (seconds, expected) in
            [(0.25, "0.2 s"), (59.4, "59.4 s"), (725.0, "12 min 5 s"), (7380.0, "2 h 3 min")]
        {
            assert_eq!(duration(seconds), expected);
        }
    }
}
