//! From the beam to texts and words.

use serde::{Deserialize, Serialize};

use super::{BeamDecoder, MAX_OPEN};
use crate::confidence_weights::Evidence;
use crate::frame::log_add;
use crate::prefixes::ROOT;
use crate::symbols::SPACE;
use crate::words::{Word, milliseconds};

/// One of the likeliest texts of an utterance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// The words, separated by single spaces.
    pub text: String,
    /// Its probability among all texts of the beam, in [0, 1]. Not calibrated.
    pub confidence: f32,
    /// Natural log of the probability of all alignments of the audio with the text, plus the scores
    /// of the text: `ln p_ctc + alpha ln p_lm + beta words`.
    pub score: f64,
    /// The words with their times.
    #[serde(rename = "result")]
    pub words: Vec<Word>,
}

impl BeamDecoder {
    /// Prefixes that do not end in a space, with their scores if the utterance ends here, best
    /// first. If none may end here (because of a lexicon), the best one without its unfinished
    /// word.
    pub(super) fn ranked(&self) -> Vec<(u32, f32)> {
        let mut ranked: Vec<(u32, f32)> = Vec::with_capacity(self.beam.len());
        for hypothesis in &self.beam.list {
            let prefix = self.prefixes.get(hypothesis.prefix);
            let ends_in_word = prefix.class != SPACE;
            let Some(end) = self.search.scorer.end(&prefix.text, ends_in_word, &self.phrases)
            else {
                continue;
            };
            let word_end = if ends_in_word { hypothesis.prefix } else { prefix.parent };
            let score = hypothesis.acoustic + end;
            match ranked.iter_mut().find(|(other, _)| *other == word_end) {
                Some((_, other)) => *other = log_add(*other, score),
                None => ranked.push((word_end, score)),
            }
        }
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        if ranked.is_empty()
            && let Some(best) = self.beam.list.first()
        {
            let mut way = self.prefixes.upwards(best.prefix);
            let space = way.find(|&node| self.prefixes.get(node).class == SPACE);
            ranked.push((space.map_or(ROOT, |space| self.prefixes.get(space).parent), best.score));
        }
        ranked
    }

    /// Settles the words on which all hypotheses agree, and frees memory.
    pub(super) fn settle(&mut self) {
        let best = self.beam.list[0].prefix;
        let open = self.prefixes.upwards(best).count();
        if open > MAX_OPEN {
            self.force(best, open - MAX_OPEN / 2);
        }
        let mut prefixes = self.beam.list.iter().map(|h| h.prefix);
        let first = prefixes.next().unwrap_or(ROOT);
        let common = prefixes.fold(first, |common, prefix| self.prefixes.common(common, prefix));
        let is_space = |&node: &u32| self.prefixes.get(node).class == SPACE;
        let root = self.prefixes.upwards(common).find(is_space).unwrap_or(ROOT);
        if root != ROOT {
            for (word, evidence) in self.open_words(root) {
                self.settle_word(word);
                self.evidence.push(evidence);
            }
            self.tokens.extend(self.open_tokens(root));
            let starts = self.prefixes.upwards(root).map(|node| self.prefixes.get(node).start);
            self.settled_start = starts.fold(self.settled_start, u64::max);
        }
        self.order.clear();
        self.order.extend(self.beam.list.iter().map(|h| h.prefix));
        let base = self.prefixes.compact(root, &mut self.order);
        for (hypothesis, &prefix) in self.beam.list.iter_mut().zip(&self.order) {
            hypothesis.prefix = prefix;
        }
        // What the texts lose is added to the acoustic part: scores stay as they are.
        self.beam.shift_acoustic(base);
        self.shown = self.beam.list[0].prefix;
        self.spell();
    }

    /// Drops the hypotheses that differ from `best` in its first `settled` characters.
    fn force(&mut self, best: u32, settled: usize) {
        let open = self.prefixes.upwards(best).count();
        let ancestor = self.prefixes.upwards(best).nth(open - settled).unwrap_or(ROOT);
        let places = 0..self.beam.len() as u32;
        self.order.clear();
        self.order.extend(places.filter(|&place| {
            let prefix = self.beam.list[place as usize].prefix;
            self.prefixes.common(ancestor, prefix) == ancestor
        }));
        std::mem::swap(&mut self.beam, &mut self.next);
        self.beam.select(&self.next, &self.order, 0.0);
    }

    /// Shows another hypothesis.
    pub(super) fn show(&mut self, prefix: u32) {
        if self.shown != prefix {
            self.shown = prefix;
            self.spell();
        }
    }

    /// Rewrites the text after `settled_bytes`.
    pub(super) fn spell(&mut self) {
        self.text.truncate(self.settled_bytes);
        self.order.clear();
        self.order.extend(self.prefixes.upwards(self.shown));
        let mut gap = self.settled_bytes > 0;
        for &node in self.order.iter().rev() {
            match self.prefixes.get(node).class {
                SPACE => gap = !self.text.is_empty(),
                class => {
                    if std::mem::take(&mut gap) {
                        self.text.push(' ');
                    }
                    self.text.push(self.search.symbols.character(class));
                }
            }
        }
    }

    pub(super) fn bytes_of(&self, node: u32) -> usize {
        self.search.symbols.character(self.prefixes.get(node).class).len_utf8()
    }

    /// The words between the root and a prefix.
    pub(super) fn open_words(&self, prefix: u32) -> Vec<(Word, Evidence)> {
        let mut way: Vec<u32> = self.prefixes.upwards(prefix).collect();
        way.reverse();
        let starts = self.starts(&way);
        let is_space = |&node: &u32| self.prefixes.get(node).class == SPACE;
        let (mut words, mut first) = (Vec::new(), 0);
        for letters in way.split(is_space) {
            let after = first + letters.len();
            if !letters.is_empty() {
                let end = self.prefixes.get(way[after - 1]).end.max(starts[after - 1] + 1);
                let next = starts.get(after).map_or(end, |&next| next.max(starts[after - 1] + 1));
                words.push(self.word(letters, starts[first], end.min(next)));
            }
            first = after + 1;
        }
        words
    }

    /// The word with these letters, from one frame to another.
    fn word(&self, letters: &[u32], start: u64, end: u64) -> (Word, Evidence) {
        let seconds = |frame: u64| milliseconds(frame as f64 * self.search.frame_seconds);
        let evidence = self.evidence_of(letters);
        let class = |&letter: &u32| self.prefixes.get(letter).class;
        let word = Word {
            word: letters.iter().map(|l| self.search.symbols.character(class(l))).collect(),
            start: seconds(start),
            end: seconds(end),
            conf: self.search.calibration.confidence(&evidence),
        };
        (word, evidence)
    }

    /// Appends a settled word; the text is cut to the settled words first.
    fn settle_word(&mut self, word: Word) {
        self.text.truncate(self.settled_bytes);
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(&word.word);
        self.settled_bytes = self.text.len();
        self.words.push(word);
    }
}
