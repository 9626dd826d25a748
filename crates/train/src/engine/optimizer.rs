//! SGD with Nesterov momentum, and Adam(W), over host parameters.

use rayon::prelude::*;

use super::ops::vectorise::vectorised;
use super::parameters::{Beside, Gradients, Parameter, Place};
use crate::config::OptimizerConfig;

/// The state of an optimiser: two moments per parameter (SGD uses the first, as velocity).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState {
    /// Steps taken.
    pub steps: u64,
    /// First moment, or velocity.
    pub first: Beside,
    /// Second moment.
    pub second: Beside,
}

impl OptimizerState {
    /// One step down `gradients`, with the learning rate that `rate` gives each parameter.
    /// Parameters without a gradient stay.
    pub fn step<'a>(
        &mut self,
        config: &OptimizerConfig,
        rate: impl Fn(Place) -> f32,
        parameters: impl IntoIterator<Item = (Place, &'a mut Parameter)>,
        gradients: &Gradients,
    ) {
        self.steps += 1;
        let steps = self.steps as i32;
        for (place, parameter) in parameters {
            let Some(gradient) = gradients.get(&place) else { continue };
            let rate = rate(place);
            let zeros = || vec![0.0; gradient.len()];
            let first = self.first.entry(place).or_insert_with(zeros);
            let pieces = parameter
                .values
                .par_chunks_mut(PIECE)
                .zip(gradient.par_chunks(PIECE))
                .zip(first.par_chunks_mut(PIECE));
            match *config {
                OptimizerConfig::Sgd { momentum } => pieces.for_each(|((w, g), v)| {
                    vectorised(
                        #[inline(always)]
                        || {
                            for ((w, g), v) in w.iter_mut().zip(g).zip(v) {
                                *v = momentum * *v + g;
                                *w -= rate * (g + momentum * *v);
                            }
                        },
                    );
                }),
                OptimizerConfig::Adam { beta1, beta2, epsilon, weight_decay } => {
                    let second = self.second.entry(place).or_insert_with(zeros);
                    let decay = if parameter.rows > 1 { rate * weight_decay } else { 0.0 };
                    let correction1 = 1.0 / (1.0 - beta1.powi(steps));
                    let correction2 = 1.0 / (1.0 - beta2.powi(steps));
                    pieces.zip(second.par_chunks_mut(PIECE)).for_each(|(((w, g), m), v)| {
                        vectorised(
                            #[inline(always)]
                            || {
                                for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
                                    *m = beta1 * *m + (1.0 - beta1) * g;
                                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                                    let root = (*v * correction2).sqrt();
                                    let step = *m * correction1 / (root + epsilon);
                                    *w -= rate * step + decay * *w;
                                }
                            },
                        );
                    });
                }
            }
        }
    }
}

/// Values per task; updates are elementwise, so the division does not change them.
const PIECE: usize = 1 << 14;

/// Global norm of all gradients.
pub fn norm(gradients: &Gradients) -> f64 {
    let squares: Vec<f64> = gradients.par_iter().map(|(_, g)| sum_of_squares(g)).collect();
    squares.iter().sum::<f64>().sqrt()
}

/// In f64, in several lanes: in one long chain each addition would wait for the previous one.
fn sum_of_squares(values: &[f32]) -> f64 {
    const LANES: usize = 32;
    let (whole, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0f64; LANES];
    vectorised(
        #[inline(always)]
        || {
            for chunk in whole {
                for (lane, &v) in lanes.iter_mut().zip(chunk) {
                    *lane += f64::from(v) * f64::from(v);
                }
            }
        },
    );
    let rest: f64 = rest.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Scales all gradients so that their global norm is at most `limit` (Pascanu et al. 2013).
pub fn clip(gradients: &mut Gradients, norm: f64, limit: f64) {
    if norm > limit {
        let scale = (limit / norm) as f32;
        gradients.par_iter_mut().for_each(|(_, g)| g.iter_mut().for_each(|g| *g *= scale));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descend(config: &OptimizerConfig, rate: f32, steps: usize) -> f32 {
        let (place, mut w) = (Place::CharactersWeight, Parameter::filled(2, 1, 5.0));
        let mut state = OptimizerState::default();
        for _ in 0..steps {
            let gradient = w.values.iter().map(|w| 2.0 * (w - 1.0)).collect();
            let gradients = Gradients::from([(place, gradient)]);
            state.step(config, |_| rate, [(place, &mut w)], &gradients);
        }
        w.values[1]
    }

    #[test]
    fn every_optimiser_finds_the_bottom_of_a_bowl() {
        let adam = OptimizerConfig::default();
        let sgd = OptimizerConfig::Sgd { momentum: 0.9 };
        for (name, config, rate) in [("adam", adam, 0.1), ("sgd", sgd, 0.02)] {
            let w = descend(&config, rate, 400);
            assert!((w - 1.0).abs() < 1e-2, "{name}: {w}");
        }
    }

    #[test]
    fn first_steps_follow_the_formulas() {
        // Adam's first step is rate * sign(g); Nesterov's is rate * (1 + momentum) * g.
        assert!((descend(&OptimizerConfig::default(), 0.1, 1) - 4.9).abs() < 1e-5);
        let sgd = OptimizerConfig::Sgd { momentum: 0.5 };
        assert!((descend(&sgd, 0.01, 1) - (5.0 - 0.01 * 1.5 * 8.0)).abs() < 1e-5);
    }

    #[test]
    fn clipping_keeps_the_direction_and_the_limit() {
        let (a, b) = (Place::CharactersWeight, Place::CharactersBias);
        let mut g = Gradients::from([(a, vec![3.0]), (b, vec![4.0])]);
        let before = norm(&g);
        assert!((before - 5.0).abs() < 1e-9);
        clip(&mut g, before, 1.0);
        assert!((norm(&g) - 1.0).abs() < 1e-6 && (g[&a][0] - 0.6).abs() < 1e-6);
        let kept = g.clone();
        clip(&mut g, 1.0, 2.0);
        assert_eq!(g, kept);
    }
}
