//! What a closed grammar accepts that it should not, and rejects that it should not, by the least confidence.

use serde::Serialize;
use stonechat::Grammar;

use super::Detail;
use crate::output::Table;

/// Thresholds of the table.
const CONFIDENCES: [f32; 12] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98];

/// Both kinds of errors over the thresholds.
#[derive(Serialize)]
pub struct Acceptance {
    /// Utterances whose text is made of phrases of the grammar.
    inside: usize,
    /// All others.
    outside: usize,
    rows: Vec<Row>,
}

/// Shares at one threshold.
#[derive(Serialize)]
struct Row {
    min_confidence: f32,
    /// Of the utterances inside: those that are heard as they are.
    right: f64,
    /// Those of which nothing is heard.
    false_rejects: f64,
    /// Those that are heard as something else.
    wrong: f64,
    /// Of the utterances outside: those of which anything is heard.
    false_accepts: f64,
}

impl Acceptance {
    /// Takes the confidences of each utterance's words.
    pub fn new(grammar: &Grammar, details: &[Detail], confidences: &[Vec<f32>]) -> Self {
        let is_inside = |text: &str| {
            let accepted = grammar.accepted(text.split_whitespace());
            !accepted.is_empty() && accepted.iter().all(|accepted| *accepted)
        };
        let inside: Vec<bool> = details.iter().map(|d| is_inside(&d.reference)).collect();
        let count = inside.iter().filter(|inside| **inside).count();
        let row = |&min_confidence: &f32| {
            let (mut right, mut rejected, mut wrong, mut accepted) = (0, 0, 0, 0);
            for ((detail, confidences), &inside) in details.iter().zip(confidences).zip(&inside) {
                let words = detail.hypothesis.split_whitespace().zip(confidences);
                let words = words.filter(|(_, confidence)| **confidence >= min_confidence);
                let heard: Vec<&str> = words.map(|(word, _)| word).collect();
                match (inside, heard.is_empty()) {
                    (true, true) => rejected += 1,
                    (true, false) if heard.join(" ") == detail.reference => right += 1,
                    (true, false) => wrong += 1,
                    (false, empty) => accepted += usize::from(!empty),
                }
            }
            let share = |part: usize, all: usize| part as f64 / all.max(1) as f64;
            Row {
                min_confidence,
                right: share(right, count),
                false_rejects: share(rejected, count),
                wrong: share(wrong, count),
                false_accepts: share(accepted, details.len() - count),
            }
        };
        let rows = CONFIDENCES.iter().map(row).collect();
        Self { inside: count, outside: details.len() - count, rows }
    }

    pub fn render(&self) -> String {
        let mut table =
            Table::new(["confidence", "right", "false rejects", "wrong", "false accepts"]);
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        for row in &self.rows {
            table.row([
                format!("{:.2}", row.min_confidence),
                percent(row.right),
                percent(row.false_rejects),
                percent(row.wrong),
                percent(row.false_accepts),
            ]);
        }
        format!(
            "\n\n{} utterances in the grammar, {} outside of it, by --min-confidence\n{}",
            self.inside,
            self.outside,
            table.render()
        )
    }
}
