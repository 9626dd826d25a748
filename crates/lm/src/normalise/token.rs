//! One token of written text, without white space, to words.

use super::{CLOSING, Normaliser, OPENING};

impl Normaliser {
    /// Appends the words of `token`.
    pub(super) fn token(&self, token: &str, sentence: &mut String) {
        let bare = token.trim_start_matches(OPENING).trim_end_matches(CLOSING);
        let bare = bare.trim_end_matches([',', ';', ':', '!', '?']);
        let lower = bare.to_lowercase();
        if let Some(long) = self.abbreviations.get(&lower) {
            return push(sentence, long);
        }
        // Parts of letters, of digits, and of single symbols.
        let mut rest = token;
        while let Some(first) = rest.chars().next() {
            let end = if first.is_ascii_digit() || self.is_amount(rest) {
                let after_slash = token[..token.len() - rest.len()].ends_with('/');
                self.number(rest, after_slash, sentence)
            } else if let Some(word) = self.symbols.get(&first) {
                push(sentence, word);
                first.len_utf8()
            } else {
                let in_word =
                    |c: char| !c.is_ascii_digit() && !is_break(c) && !self.symbols.contains_key(&c);
                let end =
                    rest.char_indices().find(|(_, c)| !in_word(*c)).map_or(rest.len(), |(i, _)| i);
                self.word(&rest[..end], sentence);
                end.max(first.len_utf8())
            };
            rest = &rest[end..];
        }
    }

    /// Letters in lower case; apostrophes only inside words; anything that is not a letter of the
    /// language is left out.
    fn word(&self, text: &str, sentence: &mut String) {
        let lower = text.to_lowercase();
        let letters: String = lower.chars().filter(|c| self.letters.contains(c)).collect();
        let word = letters.trim_matches('\'');
        if !word.is_empty() {
            push(sentence, word);
        }
    }

    /// Whether it begins with a currency sign and a digit.
    fn is_amount(&self, text: &str) -> bool {
        let mut characters = text.chars();
        let sign = characters.next().is_some_and(|c| self.currency.contains_key(&c));
        sign && characters.next().is_some_and(|c| c.is_ascii_digit())
    }

    /// Appends the number at the beginning of `text` and returns its length in bytes.
    fn number(&self, text: &str, after_slash: bool, sentence: &mut String) -> usize {
        let sign = text.chars().next().and_then(|c| self.currency.get(&c).map(|names| (c, names)));
        let start = sign.map_or(0, |(c, _)| c.len_utf8());
        let digits = &text[start..];
        // Numbers with two slashes are dates.
        let of_date = |end: usize| after_slash || digits[end..].starts_with('/');
        if let Some((short, long)) = self.fraction(digits).filter(|(end, _)| !of_date(*end)) {
            push(sentence, long);
            return start + short;
        }
        // Digits, with commas before groups of three and a point before any more.
        let mut whole = String::new();
        let mut end = 0;
        let mut commas = false;
        loop {
            let run = digit_run(&digits[end..]);
            whole += &digits[end..end + run];
            end += run;
            let after = &digits[end..];
            if !after.starts_with(',') || digit_run(&after[1..]) != 3 {
                break;
            }
            commas = true;
            end += 1;
        }
        let after = &digits[end..];
        let part = after.strip_prefix('.').map_or(0, digit_run);
        let suffix = |suffixes: &[&str]| {
            let found = suffixes.iter().find(|suffix| {
                let next = after.get(..suffix.len());
                next.is_some_and(|next| next.eq_ignore_ascii_case(suffix))
                    && !after[suffix.len()..].starts_with(char::is_alphanumeric)
            });
            found.map(|suffix| suffix.len())
        };
        let minutes = after.strip_prefix(':').filter(|rest| digit_run(rest) == 2);
        if let Some(length) = suffix(&["st", "nd", "rd", "th"]) {
            let value = whole.parse().unwrap_or(0);
            push(sentence, &self.speller.ordinal(value));
            end += length;
        } else if let Some(length) = suffix(&["s", "'s"]).filter(|_| whole.len() == 4) {
            // Decades: 1840s.
            push(sentence, &plural(&self.speller.whole(&whole, true)));
            end += length;
        } else if let (Some(minutes), None, true) = (minutes, sign, whole.len() <= 2) {
            push(sentence, &self.speller.whole(&whole, false));
            match &minutes[..2] {
                "00" => {}
                minutes if minutes.starts_with('0') => {
                    push(sentence, "oh");
                    push(sentence, &self.speller.digits(&minutes[1..]));
                }
                minutes => push(sentence, &self.speller.whole(minutes, false)),
            }
            end += 3;
        } else {
            let may_be_year = !commas && part == 0 && sign.is_none();
            push(sentence, &self.speller.whole(&whole, may_be_year));
            if part > 0 {
                push(sentence, "point");
                push(sentence, &self.speller.digits(&after[1..1 + part]));
                end += 1 + part;
            }
        }
        if let Some((_, (one, several))) = sign {
            push(sentence, if whole == "1" && part == 0 { one } else { several });
        }
        start + end
    }

    /// A fraction of the table at the beginning of `text`: its length and words.
    fn fraction(&self, text: &str) -> Option<(usize, &str)> {
        let run = digit_run(text);
        let rest = text[run..].strip_prefix('/')?;
        let end = run + 1 + digit_run(rest);
        self.fractions.get(&text[..end]).map(|long| (end, long.as_str()))
    }
}

/// Characters that end a word: dashes, slashes and similar, but not those that occur inside words.
fn is_break(character: char) -> bool {
    matches!(
        character,
        '-' | '–' | '—' | '―' | '/' | '\\' | '|' | '_' | '~' | '…' | '*' | ',' | ';' | ':'
    ) || character.is_whitespace()
}

fn digit_run(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// `eighteen forty` becomes `eighteen forties`.
fn plural(words: &str) -> String {
    match words.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{words}s"),
    }
}

fn push(sentence: &mut String, words: &str) {
    if words.is_empty() {
        return;
    }
    if !sentence.is_empty() {
        sentence.push(' ');
    }
    sentence.push_str(words);
}
