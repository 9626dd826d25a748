//! Training with quantization: see [`crate::engine::rounding`].

use serde::{Deserialize, Serialize};
use stonechat_compress::{Bits, Quantize};
use stonechat_model::Kind;

use super::error::{RecipeError, wrong};

/// What is rounded during a stage. In a recipe: `quantize = { weights = 4, activations = 8 }`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// Bits of the weights of the maps in `maps`, 8 or 4; those of all other maps get 8.
    pub weights: Bits,
    /// Bits of the vectors that are multiplied: 8, or 32 to leave them as they are.
    #[serde(default = "eight")]
    pub activations: u8,
    /// Kinds of maps; by default the GRUs' and the fully connected layer's.
    #[serde(default = "large")]
    pub maps: Vec<Kind>,
}

fn eight() -> u8 {
    8
}

fn large() -> Vec<Kind> {
    Quantize::new(Bits::Four).maps
}

impl Rounding {
    /// Checks the bits and kinds.
    ///
    /// # Errors
    /// Bits for which the runtime has no products.
    pub fn validate(&self) -> Result<(), RecipeError> {
        if !matches!(self.activations, 8 | 32) {
            let bits = self.activations;
            return Err(wrong("quantize.activations", format!("is {bits}, must be 8 or 32")));
        }
        if self.weights == Bits::Four && self.maps.contains(&Kind::Conv) {
            return Err(wrong("quantize.maps", "has \"conv\", which has 8 bits: leave it out"));
        }
        Ok(())
    }

    /// Whether the vectors that are multiplied are rounded.
    pub fn rounds_activations(&self) -> bool {
        self.activations == 8
    }

    /// How the trained weights will be stored.
    pub fn storage(&self) -> Quantize {
        Quantize { maps: self.maps.clone(), ..Quantize::new(self.weights) }
    }
}
