//! The file that `compress --plan` takes.

use crate::{Error, LowRank, Result, low_rank, quantize_int8};
use serde::{Deserialize, Serialize};
use stonechat_model::Network;

/// What to do with a network, in this order. As TOML:
///
/// ```toml
/// int8 = true                     # quantise all maps at the end
///
/// [low_rank]                      # left out: no map is factored
/// rank = { variance = 0.9 }       # or { budget = { parameters = 3_000_000 } }, { list = { "gru.0.rec" = 64 } }
/// maps = ["nonrecurrent", "recurrent", "fully_connected"]   # the default; also "conv", "output"
/// force = false                   # true: factor even where it saves nothing
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Cut maps to low rank.
    #[serde(default)]
    pub low_rank: Option<LowRank>,
    /// Quantise all maps to int8.
    #[serde(default)]
    pub int8: bool,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// Names the line and the key at fault; a plan that does nothing is an error, too.
    pub fn from_toml(text: &str) -> Result<Self> {
        let plan: Self = toml::from_str(text).map_err(|e| Error::Plan(e.to_string()))?;
        match &plan.low_rank {
            Some(low_rank) => low_rank.rank.validate()?,
            None if !plan.int8 => {
                let reason = "does nothing: add a [low_rank] table or int8 = true";
                return Err(Error::Plan(reason.into()));
            }
            None => {}
        }
        Ok(plan)
    }

    /// Carries the plan out.
    ///
    /// # Errors
    /// Those of [`low_rank`], and if the network is not valid.
    pub fn apply(&self, network: &Network) -> Result<Network> {
        network.validate()?;
        let network = match &self.low_rank {
            Some(plan) => low_rank(network, plan)?,
            None => network.clone(),
        };
        Ok(if self.int8 { quantize_int8(&network) } else { network })
    }
}
