//! The learning rate over a stage.

use serde::{Deserialize, Serialize};

use crate::config::{Rate, Stage};

/// How the rate falls after the warm-up.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Not at all.
    #[default]
    Constant,
    /// Divided by a number after each epoch (1.2 in Deep Speech 2).
    DivideEachEpoch(f64),
    /// Half a cosine down to a share of the rate at the end of the stage.
    Cosine(f64),
}

/// A schedule with the epochs it spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Rate after the warm-up.
    pub rate: f64,
    /// Epochs of linear warm-up.
    pub warmup_epochs: f64,
    /// What follows.
    pub decay: Decay,
    /// Epochs of the whole schedule.
    pub epochs: f64,
}

impl Schedule {
    /// Learning rate after `epoch` epochs (a fraction inside an epoch).
    pub fn at(&self, epoch: f64) -> f64 {
        if epoch < self.warmup_epochs {
            return self.rate * (epoch / self.warmup_epochs).max(1e-3);
        }
        match self.decay {
            Decay::Constant => self.rate,
            Decay::DivideEachEpoch(by) => self.rate / by.powf(epoch.floor()),
            Decay::Cosine(last) => {
                let span = (self.epochs - self.warmup_epochs).max(f64::MIN_POSITIVE);
                let done = ((epoch - self.warmup_epochs) / span).clamp(0.0, 1.0);
                let share = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
                self.rate * (last + (1.0 - last) * share)
            }
        }
    }
}

/// The schedule of a stage, and where on it the stage begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageRate {
    schedule: Schedule,
    offset: f64,
}

impl StageRate {
    /// The schedules of all stages. A stage with its own rate starts a schedule; stages that
    /// continue it stretch it and use its later part. `ended` has the epochs that the first stages
    /// took, since they may have ended early. Recipes are validated, so the first stage has its own
    /// rate.
    pub fn of(stages: &[Stage], ended: &[usize]) -> Vec<Self> {
        let taken = |i: usize| ended.get(i).copied().unwrap_or(stages[i].epochs) as f64;
        let mut all: Vec<Self> = Vec::with_capacity(stages.len());
        for (i, stage) in stages.iter().enumerate() {
            let before = all.last().copied();
            all.push(match (stage.rate, before) {
                (Rate::Continue { .. }, Some(before)) => {
                    Self { offset: before.offset + taken(i - 1), ..before }
                }
                (rate, before) => {
                    let final_rate = || {
                        // The rate of the last epoch, not the one that would follow it.
                        before.map_or(0.0, |b| b.at(taken(i - 1) - 1e-6))
                    };
                    let rate = match rate {
                        Rate::Value(rate) => rate,
                        Rate::TimesFinal { times_final } => times_final * final_rate(),
                        Rate::Continue { .. } => 0.0,
                    };
                    let span = stages[i + 1..]
                        .iter()
                        .take_while(|s| matches!(s.rate, Rate::Continue { .. }))
                        .fold(stage.epochs, |sum, s| sum + s.epochs);
                    let schedule = Schedule {
                        rate,
                        warmup_epochs: stage.warmup_epochs,
                        decay: stage.decay,
                        epochs: span as f64,
                    };
                    Self { schedule, offset: 0.0 }
                }
            });
        }
        all
    }

    /// Learning rate after `epoch` epochs of the stage.
    pub fn at(&self, epoch: f64) -> f64 {
        self.schedule.at(self.offset + epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_take_their_rates_by_both_rules_of_the_paper() {
        let stage = |epochs: usize, rate: &str, decay: &str| -> Stage {
            let text = format!("name = 'x'\nepochs = {epochs}\nrate = {rate}\ndecay = {decay}");
            toml::from_str(&text).unwrap()
        };
        let halve = "{ divide_each_epoch = 2.0 }";
        let own = StageRate::of(
            &[stage(3, "0.8", halve), stage(2, "{ times_final = 3.0 }", "'constant'")],
            &[],
        );
        assert!((own[1].at(0.0) - 3.0 * 0.2).abs() < 1e-9, "{}", own[1].at(0.0));
        let one = StageRate::of(
            &[stage(3, "0.8", halve), stage(2, "{ continue_schedule = true }", "'constant'")],
            &[],
        );
        assert!((one[1].at(0.0) - 0.1).abs() < 1e-9, "{}", one[1].at(0.0));
        let cosine = StageRate::of(
            &[
                stage(1, "1.0", "{ cosine = 0.0 }"),
                stage(1, "{ continue_schedule = true }", "'constant'"),
            ],
            &[],
        );
        assert!((cosine[0].at(1.0) - 0.5).abs() < 1e-9 && cosine[1].at(1.0) < 1e-9);
        for (rule, expected) in
            [("{ times_final = 3.0 }", 3.0 * 0.4), ("{ continue_schedule = true }", 0.2)]
        {
            let stages = [stage(5, "0.8", halve), stage(2, rule, halve)];
            let early = StageRate::of(&stages, &[2])[1].at(0.0);
            assert!((early - expected).abs() < 1e-9, "after two of five epochs, {rule}: {early}");
        }
    }

    #[test]
    fn rates_at_telling_moments() {
        let schedule = |decay| Schedule { rate: 1.0, warmup_epochs: 1.0, decay, epochs: 11.0 };
        for (decay, epoch, expected) in [
            (Decay::Constant, 0.5, 0.5),
            (Decay::Constant, 9.0, 1.0),
            (Decay::DivideEachEpoch(1.2), 3.7, 1.0 / 1.728),
            (Decay::Cosine(0.1), 1.0, 1.0),
            (Decay::Cosine(0.1), 6.0, 0.55),
            (Decay::Cosine(0.1), 11.0, 0.1),
            (Decay::Cosine(0.1), 99.0, 0.1),
        ] {
            let rate = schedule(decay).at(epoch);
            assert!((rate - expected).abs() < 1e-9, "{decay:?} at {epoch}: {rate}");
        }
    }
}
