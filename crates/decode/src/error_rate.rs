//! Word and character error rates.
//!
//! The rate is the number of edits (substitutions, deletions, insertions, each of cost 1) in the
//! cheapest alignment, divided by the length of the reference (Levenshtein 1966). Of equally cheap
//! alignments, one with a match or substitution is preferred, then one with a deletion: the sum is
//! the same for all of them, only its split may differ from that of other tools.

use serde::{Deserialize, Serialize};

/// The errors of a hypothesis against a reference; of a whole corpus when added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// Units replaced by others.
    pub substitutions: u64,
    /// Units of the reference that are missing in the hypothesis.
    pub deletions: u64,
    /// Units of the hypothesis that are not in the reference.
    pub insertions: u64,
    /// Units in the reference.
    pub reference: u64,
}

impl ErrorCount {
    /// Counts words: anything between white space, compared as it is (no case folding). Time: the
    /// product of the two lengths; memory: their sum.
    pub fn words(reference: &str, hypothesis: &str) -> Self {
        let split =
            |text: &str| -> Vec<String> { text.split_whitespace().map(String::from).collect() };
        Self::align(&split(reference), &split(hypothesis))
    }

    /// Counts characters (Unicode scalar values), including the single space between two words;
    /// leading, trailing and repeated white space is not counted.
    pub fn characters(reference: &str, hypothesis: &str) -> Self {
        Self::align(&spaced(reference), &spaced(hypothesis))
    }

    /// Counts any units.
    pub fn align<T: PartialEq>(reference: &[T], hypothesis: &[T]) -> Self {
        // row[j]: errors of the reference so far against the first j units of the
        // hypothesis.
        let mut row: Vec<Self> = (0..=hypothesis.len() as u64)
            .map(|insertions| Self { insertions, ..Self::default() })
            .collect();
        for unit in reference {
            let mut diagonal = row[0];
            row[0].deletions += 1;
            for j in 1..row.len() {
                let mut best = diagonal;
                best.substitutions += u64::from(*unit != hypothesis[j - 1]);
                let (mut delete, mut insert) = (row[j], row[j - 1]);
                delete.deletions += 1;
                insert.insertions += 1;
                for other in [delete, insert] {
                    if other.errors() < best.errors() {
                        best = other;
                    }
                }
                diagonal = std::mem::replace(&mut row[j], best);
            }
        }
        let mut total = row[hypothesis.len()];
        total.reference = reference.len() as u64;
        total
    }

    /// Substitutions, deletions and insertions together.
    pub fn errors(&self) -> u64 {
        self.substitutions + self.deletions + self.insertions
    }

    /// Which words of the hypothesis are right: matched by the same word in a cheapest alignment
    /// with the reference.
    pub fn right_words(reference: &str, hypothesis: &str) -> Vec<bool> {
        let [reference, hypothesis]: [Vec<&str>; 2] =
            [reference, hypothesis].map(|text| text.split_whitespace().collect());
        let width = hypothesis.len() + 1;
        // errors[i * width + j]: between the first i and the first j words.
        let mut errors: Vec<usize> = (0..width).collect();
        for i in 1..=reference.len() {
            errors.push(i);
            for j in 1..width {
                let wrong = usize::from(reference[i - 1] != hypothesis[j - 1]);
                let above = (i - 1) * width + j;
                let best = (errors[above - 1] + wrong)
                    .min(errors[above] + 1)
                    .min(errors[i * width + j - 1] + 1);
                errors.push(best);
            }
        }
        let mut right = vec![false; hypothesis.len()];
        let (mut i, mut j) = (reference.len(), hypothesis.len());
        while i > 0 && j > 0 {
            let here = errors[i * width + j];
            let same = reference[i - 1] == hypothesis[j - 1];
            if errors[(i - 1) * width + j - 1] + usize::from(!same) == here {
                right[j - 1] = same;
                (i, j) = (i - 1, j - 1);
            } else if errors[(i - 1) * width + j] + 1 == here {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        right
    }

    /// Errors over reference units, 0 = perfect; may exceed 1. Without any reference
    /// unit: 0 if there are no errors, infinite otherwise.
    pub fn rate(&self) -> f64 {
        match (self.errors(), self.reference) {
            (0, _) => 0.0,
            (errors, reference) => errors as f64 / reference as f64,
        }
    }

    /// Adds the counts of another utterance: the rate of the sum is the rate of the corpus.
    pub fn add(&mut self, other: &Self) {
        self.substitutions += other.substitutions;
        self.deletions += other.deletions;
        self.insertions += other.insertions;
        self.reference += other.reference;
    }
}

impl std::iter::Sum for ErrorCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut total, count| {
            total.add(&count);
            total
        })
    }
}

/// The characters of a text with its white space normalised.
fn spaced(text: &str) -> Vec<char> {
    let mut characters = Vec::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !characters.is_empty() {
            characters.push(' ');
        }
        characters.extend(word.chars());
    }
    characters
}
