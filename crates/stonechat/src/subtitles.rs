//! Words to subtitles, as SubRip (srt) or WebVTT: at most two lines of 42 characters at a time, cut at pauses.
//!
//! ```
//! use stonechat::{Word, subtitles};
//!
//! let words = [Word { word: "hello".into(), start: 0.5, end: 0.9, conf: 1.0 }];
//! assert_eq!(subtitles::srt(&words, 3.0), "1\n00:00:00,500 --> 00:00:01,400\nhello");
//! ```

use std::fmt::Write;

use stonechat_decode::Word;

/// A silence this long (s) starts a new subtitle.
const PAUSE_S: f64 = 0.8;
/// Characters of a line, and lines of a subtitle: what broadcasters use.
const LINE: usize = 42;
const LINES: usize = 2;
/// A subtitle stays this much longer (s) where the next one allows it: CTC puts the end of a word early, and one short
/// word could not be read otherwise.
const LINGER_S: f64 = 0.5;

/// A subtitle is shown for this long (s) at least.
const SHORTEST_S: f64 = 0.1;

/// A text with the time when it is shown.
#[derive(Debug, PartialEq)]
struct Cue {
    start_s: f64,
    end_s: f64,
    /// With line breaks.
    text: String,
}

/// SubRip, of a recording of this length in seconds.
pub fn srt(words: &[Word], seconds: f64) -> String {
    let mut text = String::new();
    for (i, cue) in cues(words, seconds).iter().enumerate() {
        let (start, end) = (time(cue.start_s, ','), time(cue.end_s, ','));
        // Writing to a String cannot fail.
        let _ = write!(text, "{}\n{start} --> {end}\n{}\n\n", i + 1, cue.text);
    }
    text.trim_end().to_string()
}

/// WebVTT, of a recording of this length in seconds.
pub fn vtt(words: &[Word], seconds: f64) -> String {
    let mut text = String::from("WEBVTT\n\n");
    for cue in cues(words, seconds) {
        let (start, end) = (time(cue.start_s, '.'), time(cue.end_s, '.'));
        let escaped = cue.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = write!(text, "{start} --> {end}\n{escaped}\n\n");
    }
    text.trim_end().to_string()
}

/// The words in groups, one a subtitle: a group ends at a pause and before what two lines cannot hold.
pub fn groups(words: &[Word]) -> Vec<&[Word]> {
    let mut groups: Vec<&[Word]> = Vec::new();
    let mut start = 0;
    for i in 1..=words.len() {
        let ends = i == words.len()
            || words[i].start - words[i - 1].end > PAUSE_S
            || wrapped(&words[start..=i]).len() > LINES;
        if ends {
            groups.push(&words[start..i]);
            start = i;
        }
    }
    groups
}

/// No cue ends after the recording, where players would never show it.
fn cues(words: &[Word], seconds: f64) -> Vec<Cue> {
    let groups = groups(words);
    // The network's look-ahead may put a last word behind the end.
    let start = |group: &[Word]| group[0].start.min(seconds - SHORTEST_S).max(0.0);
    let next_start = |g: usize| groups.get(g + 1).map_or(seconds, |next| start(next));
    let cue = |(g, group): (usize, &&[Word])| Cue {
        start_s: start(group),
        end_s: (group[group.len() - 1].end + LINGER_S).min(next_start(g)),
        text: balanced(group),
    };
    groups.iter().enumerate().map(cue).collect()
}

/// The words in as few lines as they need; a word longer than a line has one of its own.
fn wrapped(words: &[Word]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(&word.word) <= LINE => {
                line.push(' ');
                line.push_str(&word.word);
            }
            _ => lines.push(word.word.clone()),
        }
    }
    lines
}

/// Where two lines are needed, two lines of about one length.
fn balanced(words: &[Word]) -> String {
    let lines = wrapped(words);
    if lines.len() != 2 {
        return lines.join("\n");
    }
    let joined =
        |words: &[Word]| words.iter().map(|w| w.word.as_str()).collect::<Vec<_>>().join(" ");
    let halves = (1..words.len()).map(|i| (joined(&words[..i]), joined(&words[i..])));
    let best = halves.min_by_key(|(a, b)| length(a).max(length(b)));
    best.map_or_else(|| lines.join("\n"), |(a, b)| format!("{a}\n{b}"))
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// `HH:MM:SS` and milliseconds behind `point`.
fn time(seconds: f64, point: char) -> String {
    let ms = (seconds * 1000.0).round() as u64;
    let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{h:02}:{m:02}:{s:02}{point}{:03}", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of 0.3 s, one each 0.4 s, a `|` for a second of silence.
    fn words(text: &str) -> Vec<Word> {
        let mut now = 0.0;
        let mut words = Vec::new();
        for word in text.split_whitespace() {
            if word == "|" {
                now += 1.0;
                continue;
            }
            words.push(Word { word: word.into(), start: now, end: now + 0.3, conf: 1.0 });
            now += 0.4;
        }
        words
    }

    #[test]
    fn cut_at_pauses() {
        let text = srt(&words("one two | three <&>"), 5.0);
        let expected = "1\n00:00:00,000 --> 00:00:01,200\none two\n\n2\n00:00:01,800 --> 00:00:03,000\nthree <&>";
        assert_eq!(text, expected);
        let text = vtt(&words("one two | three <&>"), 5.0);
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.200\none two\n\n00:00:01.800 --> 00:00:03.000\nthree &lt;&amp;&gt;";
        assert_eq!(text, expected);
    }

    #[test]
    fn nothing_is_shown_after_the_end() {
        // Words from 0 to 1.1 s; the last begins at 0.8 s.
        let words = words("one two three");
        for (seconds, end) in [(3.0, "01,600"), (1.5, "01,500"), (1.1, "01,100"), (0.7, "00,700")] {
            let text = srt(&words, seconds);
            assert!(text.contains(&format!("00:00:00,000 --> 00:00:{end}\n")), "{seconds}: {text}");
        }
        let late = [Word { word: "late".into(), start: 2.3, end: 2.4, conf: 1.0 }];
        assert_eq!(srt(&late, 2.275), "1\n00:00:02,175 --> 00:00:02,275\nlate");
    }

    #[test]
    fn nothing_said() {
        assert_eq!(srt(&[], 1.0), "");
        assert_eq!(vtt(&[], 0.0), "WEBVTT");
    }

    #[test]
    fn long_texts_are_cut_and_wrapped() {
        let long = "x".repeat(50);
        let text = format!("{} {long} {long} {long} end", "lorem ipsum dolor sit amet ".repeat(20));
        let words = words(&text);
        let cues = cues(&words, 1000.0);
        let back: Vec<&str> = cues.iter().flat_map(|cue| cue.text.split_whitespace()).collect();
        assert_eq!(back, text.split_whitespace().collect::<Vec<_>>());
        for (cue, next) in cues.iter().zip(cues.iter().skip(1)) {
            let lines: Vec<&str> = cue.text.lines().collect();
            assert!(lines.len() <= LINES, "{cue:?}");
            assert!(lines.iter().all(|l| length(l) <= LINE || !l.contains(' ')), "{cue:?}");
            assert!(cue.start_s < cue.end_s && cue.end_s <= next.start_s, "{cue:?} {next:?}");
        }
        let full = &cues[0].text;
        assert!(length(full) > LINE, "cut too early: {full}");
    }

    #[test]
    fn two_lines_are_of_about_one_length() {
        let cues = cues(&words("a quick brown fox jumps over the lazy dog at noon"), 10.0);
        assert_eq!(cues[0].text, "a quick brown fox jumps\nover the lazy dog at noon");
    }

    #[test]
    fn times_beyond_an_hour() {
        assert_eq!(time(3_661.000_5, ','), "01:01:01,001");
        assert_eq!(time(36_000.0 * 11.0, '.'), "110:00:00.000");
    }
}
