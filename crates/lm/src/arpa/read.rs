//! ARPA text to model.

use std::collections::HashMap;
use std::io::BufRead;

use stonechat_files::{LineError, Lines as Text};

use crate::model_builder::{LEAST_LOG10, MAX_GRAMS};
use crate::vocabulary::{MAX_WORDS, is_word};
use crate::{
    Error, MAX_ORDER, ModelBuilder, NgramModel, Result, SPECIAL_WORDS, Vocabulary, WordId,
};

/// Longest line in bytes: enough for [`MAX_ORDER`] of the longest words.
const MAX_LINE_BYTES: usize = 4096;

/// Reads a model of order 1 to [`MAX_ORDER`].
///
/// Text before `\data\` is skipped. `<UNK>` counts as `<unk>`; if neither is present, unknown words
/// get the probability 10^-100. `<s>` and `</s>` must be present.
///
/// # Errors
/// An invalid line; counts that differ from the header; words of longer n-grams that are not
/// unigrams; repeated n-grams; a text that ends early.
pub fn read(text: impl BufRead) -> Result<NgramModel> {
    let mut lines = Lines { text: Text::new(text, MAX_LINE_BYTES), line: String::new(), number: 0 };
    let counts = header(&mut lines)?;
    let (vocabulary, unigrams) = unigrams(&mut lines, counts[0], counts.len() == 1)?;
    let ids: HashMap<Box<str>, WordId> =
        vocabulary.iter().enumerate().map(|(id, word)| (word.into(), WordId(id as u32))).collect();
    let mut builder = ModelBuilder::new(vocabulary, counts.len())?;
    for (word, prob, backoff) in unigrams {
        builder.push(&[ids[&word]], prob, backoff)?;
    }
    drop_unused(&mut lines, 1, counts.len())?;
    for (n, &count) in counts.iter().enumerate().skip(1) {
        longer(&mut lines, n + 1, count, counts.len(), &ids, &mut builder)?;
        drop_unused(&mut lines, n + 1, counts.len())?;
    }
    builder.finish()
}

/// Expects the line that follows the n-grams of `length` words.
fn drop_unused(lines: &mut Lines<impl BufRead>, length: usize, order: usize) -> Result<()> {
    let expected = match length == order {
        true => "\\end\\".to_string(),
        false => format!("\\{}-grams:", length + 1),
    };
    let (number, line) = lines.filled()?;
    if line != expected {
        let reason = format!(
            "{:?} instead of {expected}: are there more {length}-grams than the header says?",
            shorten(line)
        );
        return Err(Error::arpa(number, reason));
    }
    Ok(())
}

/// The counts in the header, up to and including the line `\1-grams:`.
fn header(lines: &mut Lines<impl BufRead>) -> Result<Vec<usize>> {
    loop {
        let (_, line) = lines.filled().map_err(|error| match error {
            Error::Arpa { line, .. } => {
                Error::arpa(line, "no line \\data\\: this is not an ARPA file")
            }
            other => other,
        })?;
        if line == "\\data\\" {
            break;
        }
    }
    let mut counts = Vec::new();
    loop {
        let (number, line) = lines.filled()?;
        if line == "\\1-grams:" && !counts.is_empty() {
            return Ok(counts);
        }
        let count = line.strip_prefix("ngram ").and_then(|rest| rest.split_once('='));
        let count = count.and_then(|(length, count)| {
            let length: usize = length.trim().parse().ok()?;
            Some((length, count.trim().parse::<usize>().ok()?))
        });
        let limit = if counts.is_empty() { MAX_WORDS } else { MAX_GRAMS };
        match count {
            Some((length, _)) if length > MAX_ORDER => {
                let reason = format!("{length}-grams, at most {MAX_ORDER}-grams are read");
                return Err(Error::arpa(number, reason));
            }
            Some((length, count)) if length == counts.len() + 1 && count <= limit => {
                counts.push(count);
            }
            _ => {
                let next = counts.len() + 1;
                let reason = format!("{:?} instead of `ngram {next}=COUNT`", shorten(line));
                return Err(Error::arpa(number, reason));
            }
        }
    }
}

type Unigram = (Box<str>, f32, f32);

fn unigrams(
    lines: &mut Lines<impl BufRead>,
    count: usize,
    last: bool,
) -> Result<(Vocabulary, Vec<Unigram>)> {
    // The header is not trusted: a unigram takes at least 16 bytes of text.
    let mut unigrams: Vec<Unigram> = Vec::with_capacity(count.min(1 << 16));
    for _ in 0..count {
        let (number, line) = lines.gram(1, unigrams.len(), count)?;
        let gram = Gram::parse(number, line, 1, last)?;
        let word = if gram.words[0] == "<UNK>" { "<unk>" } else { gram.words[0] };
        if !is_word(word) {
            return Err(Error::arpa(number, format!("the word {:?} is too long", shorten(word))));
        }
        unigrams.push((word.into(), gram.log10_prob, gram.log10_backoff));
    }
    let mut words: Vec<&str> = unigrams.iter().map(|(word, ..)| &**word).collect();
    words.sort_unstable();
    if let Some(pair) = words.windows(2).find(|pair| pair[0] == pair[1]) {
        let reason = format!("the unigram {:?} is there twice", pair[0]);
        return Err(Error::arpa(lines.number, reason));
    }
    for special in &SPECIAL_WORDS[1..] {
        if words.binary_search(special).is_err() {
            return Err(Error::arpa(lines.number, format!("the unigram {special} is missing")));
        }
    }
    let vocabulary = Vocabulary::new(words)?;
    Ok((vocabulary, unigrams))
}

fn longer(
    lines: &mut Lines<impl BufRead>,
    length: usize,
    count: usize,
    order: usize,
    ids: &HashMap<Box<str>, WordId>,
    builder: &mut ModelBuilder,
) -> Result<()> {
    for done in 0..count {
        let (number, line) = lines.gram(length, done, count)?;
        let gram = Gram::parse(number, line, length, length == order)?;
        let mut words = [WordId::UNKNOWN; MAX_ORDER];
        for (word, text) in words.iter_mut().zip(&gram.words[..length]) {
            let text = if *text == "<UNK>" { "<unk>" } else { text };
            // `<unk>` is in every vocabulary, even if it is not in the file.
            *word = *ids.get(text).ok_or_else(|| {
                Error::arpa(number, format!("{:?} is not among the unigrams", shorten(text)))
            })?;
        }
        builder
            .push(&words[..length], gram.log10_prob, gram.log10_backoff)
            .map_err(|error| Error::arpa(number, error.to_string()))?;
    }
    Ok(())
}

/// One line of n-grams.
struct Gram<'a> {
    log10_prob: f32,
    words: [&'a str; MAX_ORDER],
    log10_backoff: f32,
}

impl<'a> Gram<'a> {
    fn parse(number: u64, line: &'a str, length: usize, last: bool) -> Result<Self> {
        let mut fields = line.split_ascii_whitespace();
        let log10_prob = logarithm(number, fields.next().unwrap_or_default(), "probability")?;
        if log10_prob > 0.0 {
            let reason = format!("{log10_prob} as log10 of a probability: must not be positive");
            return Err(Error::arpa(number, reason));
        }
        let mut words = [""; MAX_ORDER];
        for (n, word) in words[..length].iter_mut().enumerate() {
            *word = fields.next().ok_or_else(|| {
                Error::arpa(number, format!("{n} words, a {length}-gram has {length}"))
            })?;
        }
        let log10_backoff = match fields.next() {
            Some(text) => logarithm(number, text, "back-off weight")?,
            None => 0.0,
        };
        if !log10_backoff.is_finite() {
            return Err(Error::arpa(number, "a back-off weight that is not finite"));
        }
        if last && log10_backoff != 0.0 {
            let reason =
                format!("a {length}-gram is of the highest order and has a back-off weight");
            return Err(Error::arpa(number, reason));
        }
        if let Some(field) = fields.next() {
            let reason = format!("{:?} after the end of a {length}-gram", shorten(field));
            return Err(Error::arpa(number, reason));
        }
        Ok(Self { log10_prob: log10_prob.max(LEAST_LOG10), words, log10_backoff })
    }
}

fn logarithm(number: u64, text: &str, what: &str) -> Result<f32> {
    match text.parse::<f32>() {
        Ok(value) if !value.is_nan() => Ok(value),
        _ => Err(Error::arpa(number, format!("{:?} is not the log10 of a {what}", shorten(text)))),
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Non-empty lines, with their numbers.
struct Lines<R> {
    text: Text<R>,
    line: String,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next non-empty line, trimmed.
    fn filled(&mut self) -> Result<(u64, &str)> {
        loop {
            match self.text.next_line() {
                Ok(Some((number, line))) => {
                    self.number = number as u64;
                    self.line.replace_range(.., line.trim());
                }
                Ok(None) => {
                    return Err(Error::arpa(
                        self.number + 1,
                        "the text ends here, \\end\\ is missing",
                    ));
                }
                Err((number, LineError::Io(error))) => {
                    return Err(Error::io(format!("ARPA, line {number}"), error));
                }
                Err((number, wrong)) => return Err(Error::arpa(number as u64, wrong.to_string())),
            }
            if !self.line.is_empty() {
                break;
            }
        }
        Ok((self.number, &self.line))
    }

    /// The next line, which must be an n-gram and not a heading.
    fn gram(&mut self, length: usize, done: usize, count: usize) -> Result<(u64, &str)> {
        let (number, line) = self.filled()?;
        if line.starts_with('\\') && (line == "\\end\\" || line.ends_with("-grams:")) {
            let reason =
                format!("{} after {done} {length}-grams, the header says {count}", shorten(line));
            return Err(Error::arpa(number, reason));
        }
        Ok((number, line))
    }
}
