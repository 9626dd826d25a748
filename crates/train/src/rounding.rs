//! Training for integers: the forward pass runs on weights and activations as the runtime will round them, the
//! gradients pass the rounding as if it were not there and go to the float weights (Alvarez et al. 2016; Jacob et al.
//! 2018, arXiv 1712.05877).
//!
//! Rounded are exactly the numbers that the runtime rounds: every matrix of a dense or low-rank map with a scale for
//! each row (int8) or for each row and group of 32 columns (int4), and with a scale of its own every vector that meets
//! such a matrix: the patches of a convolution, the inputs of a layer, the recurrent state at each step, and what
//! stands between two factors. A batch norm that is folded later scales whole rows, which changes no rounding.

use serde::{Deserialize, Serialize};
use stonechat_compress::{Bits, Quantize};
use stonechat_model::Kind;

use crate::net::Net;
use crate::parameters::{Parameter, Parameters};

/// What is rounded while a stage trains. In a recipe `quantise = { weights = 4, activations = 8 }`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// Bits of the weights of the maps in `maps`, 8 or 4; those of all other maps get 8.
    pub weights: Bits,
    /// Bits of the vectors that go into products: 8, or 32 to leave them as they are.
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
    /// What is wrong with it.
    ///
    /// # Errors
    /// Bits that the runtime has no products for.
    pub fn validate(&self) -> Result<(), String> {
        if !matches!(self.activations, 8 | 32) {
            let bits = self.activations;
            return Err(format!("quantise: activations of {bits} bits, must be 8 or 32"));
        }
        if self.weights == Bits::Four && self.maps.contains(&Kind::Conv) {
            return Err("quantise: convolutions have 8 bits, leave \"conv\" out of maps".into());
        }
        Ok(())
    }

    /// Are the vectors that go into products rounded?
    pub fn rounds_activations(&self) -> bool {
        self.activations == 8
    }

    /// How the trained weights are to be stored.
    pub fn storage(&self) -> Quantize {
        Quantize { maps: self.maps.clone(), ..Quantize::new(self.weights) }
    }

    /// The parameters of `net` with the matrices of its maps rounded; maps of other families than dense and low rank
    /// stay as they are.
    pub fn rounded(&self, net: &Net) -> Parameters {
        let storage = self.storage();
        let mut parameters = net.parameters.clone();
        for map in net.config.linear_maps(net.symbols) {
            if net.families.contains_key(&map.name) {
                continue;
            }
            for part in ["weight", "u", "v"] {
                if let Some(parameter) = parameters.get_mut(&format!("{}.{part}", map.name)) {
                    round(parameter, storage.bits_of(map.kind));
                }
            }
        }
        parameters
    }
}

fn round(parameter: &mut Parameter, bits: Bits) {
    let Parameter { rows, columns, values } = parameter;
    *values = bits.round(values, *rows, *columns).to_dense();
}
