//! The file that `compress --plan` takes.

use crate::{
    Error, LowRank, Quantize, RankRule, Result, SharedProjection, low_rank, quantize,
    quantize_int8, shared_projection,
};
use serde::{Deserialize, Serialize};
use stonechat_model::Network;

/// What to do with a network, in this order. As TOML:
///
/// ```toml
/// int8 = true                     # quantise all maps at the end; or, in its place,
/// quantize = { bits = 4 }         # the large maps to int4, the others to int8 (maps = [...] names their kinds)
///
/// [low_rank]                      # left out: no map is factored
/// rank = { variance = 0.9 }       # or { budget = { parameters = 3_000_000 } }, { list = { "gru.0.rec" = 64 } }
/// maps = ["nonrecurrent", "recurrent", "fully_connected"]   # the default; also "conv", "output"
/// force = false                   # true: factor even where it saves nothing
///
/// [shared_projection]             # before low_rank: one right factor for recurrent and next input matrix
/// rank = { variance = 0.9 }
/// basis = "recurrent"             # or "stacked": what the factor is fitted to
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Cut maps to low rank.
    #[serde(default)]
    pub low_rank: Option<LowRank>,
    /// Give recurrent layers a projection that the layer above shares.
    #[serde(default)]
    pub shared_projection: Option<SharedProjection>,
    /// Quantise all maps to int8.
    #[serde(default)]
    pub int8: bool,
    /// Quantise maps to integers as this says.
    #[serde(default)]
    pub quantize: Option<Quantize>,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// Names the line and the key at fault; a plan that does nothing is an error, too.
    pub fn from_toml(text: &str) -> Result<Self> {
        let plan: Self = toml::from_str(text).map_err(|e| Error::Plan(e.to_string()))?;
        if plan.int8 && plan.quantize.is_some() {
            let reason = "int8 = true and quantize exclude each other: remove one";
            return Err(Error::Plan(reason.into()));
        }
        let rules = [
            plan.low_rank.as_ref().map(|plan| &plan.rank),
            plan.shared_projection.as_ref().map(|plan| &plan.rank),
        ];
        if rules == [None, None] && !plan.int8 && plan.quantize.is_none() {
            let reason = "does nothing: add a [low_rank] or [shared_projection] table, int8 = true \
                          or quantize";
            return Err(Error::Plan(reason.into()));
        }
        rules.into_iter().flatten().try_for_each(RankRule::validate)?;
        Ok(plan)
    }

    /// Carries the plan out.
    ///
    /// # Errors
    /// Those of [`shared_projection`] and [`low_rank`], and if the network is not valid.
    pub fn apply(&self, network: &Network) -> Result<Network> {
        network.validate()?;
        let network = match &self.shared_projection {
            Some(plan) => shared_projection(network, plan)?,
            None => network.clone(),
        };
        let network = match &self.low_rank {
            Some(plan) => low_rank(&network, plan)?,
            None => network,
        };
        Ok(match &self.quantize {
            _ if self.int8 => quantize_int8(&network),
            Some(how) => quantize(&network, how)?,
            None => network,
        })
    }
}
