//! Partial results on one line.

use std::io::{IsTerminal, Write};

/// Characters of it that are shown: less than a line of the narrowest usual terminal.
const WIDTH: usize = 78;

/// Shows partial results on stderr: on a terminal one line that is rewritten, otherwise a line a change.
pub struct PartialLine {
    terminal: bool,
    shown: String,
}

impl PartialLine {
    pub fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), shown: String::new() }
    }

    /// Shows the end of the words in `fixed` followed by `partial`, if it changed.
    pub fn show(&mut self, fixed: &[stonechat::Word], partial: &str) {
        self.show_line(tail(fixed, partial));
    }

    /// Shows a level in dB below full scale, and `partial` behind it.
    #[cfg(feature = "microphone")]
    pub fn show_level(&mut self, level_db: f32, partial: &str) {
        let partial: String = tail(&[], partial);
        let skip = (partial.chars().count() + METER + 3).saturating_sub(WIDTH);
        let text: String = partial.chars().skip(skip).collect();
        self.show_line(format!("[{}] {text}", meter(level_db)));
    }

    fn show_line(&mut self, line: String) {
        if line == self.shown {
            return;
        }
        // A log that cannot be written stops nothing.
        let mut err = std::io::stderr().lock();
        let _ = match self.terminal {
            true => write!(err, "\r\x1b[K{line}").and_then(|()| err.flush()),
            false => writeln!(err, "{line}"),
        };
        self.shown = line;
    }

    /// Takes the line away before the result is printed.
    pub fn clear(&mut self) {
        if self.terminal && !self.shown.is_empty() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        self.shown.clear();
    }
}

/// Characters of the level.
#[cfg(feature = "microphone")]
const METER: usize = 10;

/// From -60 dB to full scale; the last mark stands for samples that may be cut off.
#[cfg(feature = "microphone")]
fn meter(level_db: f32) -> String {
    let marks = ((level_db + 60.0) / 60.0 * METER as f32).round().clamp(0.0, METER as f32) as usize;
    let last = if level_db > -0.5 { '!' } else { '#' };
    let mark = |n: usize| match n {
        _ if n >= marks => ' ',
        _ if n + 1 == METER => last,
        _ => '#',
    };
    (0..METER).map(mark).collect()
}

fn tail(fixed: &[stonechat::Word], partial: &str) -> String {
    // No word is empty: more than WIDTH of them cannot be shown.
    let fixed = &fixed[fixed.len().saturating_sub(WIDTH)..];
    let mut words: Vec<&str> = fixed.iter().map(|word| word.word.as_str()).collect();
    words.push(partial);
    let text = words.join(" ");
    let text = text.trim();
    let skip = text.chars().count().saturating_sub(WIDTH);
    match skip {
        0 => text.to_string(),
        _ => format!("…{}", text.chars().skip(skip + 1).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "microphone")]
    #[test]
    fn levels_are_shown() {
        for (level_db, expected) in [
            (-100.0, "          "),
            (-60.0, "          "),
            (-30.0, "#####     "),
            (-1.0, "##########"),
            (0.0, "#########!"),
        ] {
            assert_eq!(meter(level_db), expected, "{level_db} dB");
        }
    }

    #[test]
    fn the_end_is_shown() {
        let word =
            |word: &str| stonechat::Word { word: word.into(), start: 0.0, end: 0.0, conf: 1.0 };
        assert_eq!(tail(&[], "he"), "he");
        assert_eq!(tail(&[word("so")], "he"), "so he");
        assert_eq!(tail(&[word("so")], ""), "so");
        let long = vec![word("abc"); 1000];
        let shown = tail(&long, "d");
        assert_eq!(shown.chars().count(), WIDTH);
        assert!(shown.starts_with('…') && shown.ends_with("abc abc d"), "{shown}");
    }
}
