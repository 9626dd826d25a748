//! The results of a batch: gradients, statistics, losses; for a whole batch or for its pieces.

use std::ops::Range;

use crate::config::Stage;
use crate::data::{Batch, Targets};
use crate::engine::graph::{Graph, Mode, Output};
use crate::engine::layers::Frames;
use crate::engine::net::{BatchStatistics, Net};
use crate::engine::parameters::Gradients;
use crate::engine::team::{Link, PIECES, Piece, Terms, together};
use crate::random;
use crate::stages::objective::{Objective, objective};
use crate::stages::teacher::Teacher;

/// What a step needs besides the batch.
pub struct Work<'a> {
    /// The net.
    pub net: &'a Net,
    /// Its stage.
    pub stage: &'a Stage,
    /// How texts become targets of the loss.
    pub targets: &'a Targets,
    /// Seed of this step's dropout.
    pub seed: u64,
}

/// The results of a batch.
pub struct Heard {
    /// Gradients of the mean over its utterances, without the penalty.
    pub gradients: Gradients,
    /// Statistics of its batch norms.
    pub statistics: BatchStatistics,
    /// Sum of the finite losses, and their number.
    pub loss: (f64, usize),
    /// Utterances; each view of an utterance counts.
    pub utterances: usize,
    /// Feature frames.
    pub frames: usize,
    /// Mean divergence from the teacher per utterance.
    pub divergence: Option<f64>,
    /// Mean divergence between the two views of an utterance.
    pub inconsistency: Option<f64>,
}

impl Work<'_> {
    /// Processes a whole batch.
    pub fn whole(&self, batch: Batch, teacher: Option<&Teacher>) -> Heard {
        let taught = teacher.map(|teacher| taught(teacher, &batch));
        self.hear(batch, taught.as_deref(), None)
    }

    /// Processes this process's pieces of a batch; all processes get the same result.
    ///
    /// # Panics
    /// If a piece panics: the batch then has no result.
    pub fn shared(
        &self,
        link: &dyn Link,
        pieces: Vec<Batch>,
        teacher: Option<&Teacher>,
    ) -> Option<Heard> {
        let taught = |batch: &Batch| teacher.map(|teacher| taught(teacher, batch));
        let inputs = pieces.into_iter().map(filled).map(|batch| (taught(&batch), batch)).collect();
        let heard = together(link, inputs, |piece, (taught, batch): (Option<Vec<f32>>, Batch)| {
            self.hear(batch, taught.as_deref(), Some(piece))
        });
        heard.into_iter().next()
    }

    fn hear(&self, batch: Batch, taught: Option<&[f32]>, piece: Option<&Piece>) -> Heard {
        // A piece without utterances takes part in every join but adds nothing.
        let is_empty = batch.utterances.is_empty();
        let own = batch.utterances.len();
        let utterances = match piece {
            None => own,
            Some(piece) => piece.join(Terms::Sums(vec![own as f64])).numbers()[0] as usize,
        };
        let seed = piece.map_or(self.seed, |piece| random::hash(self.seed, piece.number as u64));
        let mode = Mode::Training { dropout: self.stage.dropout, seed };
        let frames: usize = if is_empty { 0 } else { batch.frames.iter().sum() };
        let graph = Graph::new(self.net, true).in_piece(piece.cloned());
        let shape = Frames { lengths: batch.frames, steps: batch.t_max };
        let mut output = graph.forward(batch.features, shape, mode);
        let statistics = std::mem::take(&mut output.statistics);
        let Objective { gradients, losses, divergence, inconsistency } = match is_empty {
            true => self.nothing(output, taught),
            false => objective(self.stage, self.targets, output, &batch.labels, taught, utterances),
        };
        let finite: Vec<f64> =
            losses.iter().filter(|loss| loss.is_finite()).map(|&loss| f64::from(loss)).collect();
        let mut heard = Heard {
            gradients: graph.gradients(gradients),
            statistics,
            loss: (finite.iter().sum(), finite.len()),
            utterances,
            frames,
            divergence,
            inconsistency,
        };
        if let Some(piece) = piece {
            heard.join(piece, own as f64);
        }
        heard
    }

    /// The objective of a piece without utterances.
    fn nothing(&self, output: Output, taught: Option<&[f32]>) -> Objective {
        let outputs = std::iter::once(output.logits).chain(output.characters);
        let gradients = outputs.map(|logits| {
            let zeros = vec![0.0; logits.len()];
            (logits, zeros)
        });
        Objective {
            gradients: gradients.collect(),
            losses: Vec::new(),
            divergence: taught.map(|_| 0.0),
            inconsistency: (self.stage.consistency > 0.0).then_some(0.0),
        }
    }
}

impl Heard {
    /// Joins the results of the pieces; `own` utterances are in this one.
    fn join(&mut self, piece: &Piece, own: f64) {
        let flat = self.gradients.values().flatten().copied().collect();
        let sums = piece.join(Terms::Gradients(flat)).gradients();
        let mut rest = &sums[..];
        for gradient in self.gradients.values_mut() {
            let (here, behind) = rest.split_at(gradient.len());
            gradient.copy_from_slice(here);
            rest = behind;
        }
        let means = [self.divergence, self.inconsistency];
        let [divergence, inconsistency] = means.map(|mean| own * mean.unwrap_or(0.0));
        let (loss, count, frames) = (self.loss.0, self.loss.1 as f64, self.frames as f64);
        let sums = Terms::Sums(vec![loss, count, frames, divergence, inconsistency]);
        let sums = piece.join(sums).numbers();
        self.loss = (sums[0], sums[1] as usize);
        self.frames = sums[2] as usize;
        let mean = |sum: f64| sum / self.utterances.max(1) as f64;
        self.divergence = self.divergence.map(|_| mean(sums[3]));
        self.inconsistency = self.inconsistency.map(|_| mean(sums[4]));
    }
}

fn taught(teacher: &Teacher, batch: &Batch) -> Vec<f32> {
    teacher.logits(&batch.features, &Frames { lengths: batch.frames.clone(), steps: batch.t_max })
}

/// A piece without utterances gets two sequences without frames (one for each view), so that every
/// operation has something to work on.
fn filled(batch: Batch) -> Batch {
    if !batch.utterances.is_empty() {
        return batch;
    }
    let features = vec![0.0; 2 * batch.dim];
    Batch { features, frames: vec![0; 2], t_max: 1, labels: vec![Vec::new(); 2], ..batch }
}

/// The utterances of these pieces of a batch.
pub fn cut(items: &[usize], pieces: Range<usize>) -> impl Iterator<Item = Vec<usize>> {
    let at = |piece: usize| piece * items.len() / PIECES;
    pieces.map(move |piece| items[at(piece)..at(piece + 1)].to_vec())
}
