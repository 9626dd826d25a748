//! The teacher of a stage.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::{RecipeError, wrong};

/// The teacher of a stage.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherConfig {
    /// A package (`NAME.stonechat`) or a checkpoint.
    pub package: PathBuf,
    /// Share of the loss, in (0, 1]; the rest is CTC.
    #[serde(default = "half")]
    pub weight: f32,
    /// The logits of both nets are divided by this.
    #[serde(default = "one")]
    pub temperature: f32,
}

fn half() -> f32 {
    0.5
}
fn one() -> f32 {
    1.0
}

impl TeacherConfig {
    pub(crate) fn validate(&self) -> Result<(), RecipeError> {
        if !(self.weight > 0.0 && self.weight <= 1.0) {
            return Err(wrong("teacher.weight", format!("is {}, must be in (0, 1]", self.weight)));
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            let problem = format!("is {}, must be positive", self.temperature);
            return Err(wrong("teacher.temperature", problem));
        }
        Ok(())
    }
}
