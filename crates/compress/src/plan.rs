//! The file for `compress --plan`.

use crate::families::chosen;
use crate::warm_start::low_rank_except;
use crate::{
    Bits, Budget, Error, LowRank, Measured, Quantize, RankRule, Result, SharedProjection, Storage,
    change_families, quantize, quantize_calibrated, shared_projection,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use stonechat_model::{Family, Kind, MapRef, Network};

/// What to do with a network: share projections, change families, cut to low rank, quantize, in this
/// order. As TOML:
///
/// ```toml
/// quantize = { bits = 8 }         # last: all maps to int8. bits = 4: the large maps to int4 (maps = [...] names
///                                 # their kinds), the others to int8; gptq = true: with calibration audio;
///                                 # correction = 16: with a correction of that rank
///
/// [families]                      # if absent, none changes. By a map's name, or for all of a kind
/// "gru.0.rec" = { family = "toeplitz_like", rank = 4 }
/// output = { family = "dense" }   # such maps are left alone by [low_rank]
///
/// [low_rank]                      # if absent, no map is factored
/// rank = { variance = 0.9 }       # or { list = { "gru.0.rec" = 64 } }, { budget = { parameters = 3_000_000 } },
///                                 # { budget = { bytes = 2_000_000, latency_us = 300.0 } }
/// maps = ["nonrecurrent", "recurrent", "fully_connected"]   # the default; also "conv", "output"
/// force = false                   # true: factor even if it saves nothing
/// whiten = false                  # true: keep what matters on calibration audio
/// multiple_of = 1                 # ranks are multiples of it
///
/// [shared_projection]             # before all else: one right factor for recurrent and next input matrix
/// rank = { variance = 0.9 }
/// basis = "recurrent"             # or "stacked": what the factor is fitted to
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Families for maps, by a map's name or for all of a kind. With calibration audio the maps are
    /// fitted to their outputs, otherwise to their weights.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub families: BTreeMap<String, Family>,
    /// Factors maps of its kinds that are not in `families`.
    #[serde(default)]
    pub low_rank: Option<LowRank>,
    /// Gives recurrent layers a projection that the layer above shares.
    #[serde(default)]
    pub shared_projection: Option<SharedProjection>,
    /// Quantizes maps to integers.
    #[serde(default)]
    pub quantize: Option<Quantize>,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// Names the line and the key at fault; a plan that does nothing is an error, too.
    pub fn from_toml(text: &str) -> Result<Self> {
        let plan: Self = toml::from_str(text).map_err(|error| {
            let old = error.message().contains("unknown field `int8`");
            let advice = if old { "write quantize = { bits = 8 } for int8 = true\n" } else { "" };
            Error::Plan(format!("{advice}{error}"))
        })?;
        let rules = [
            plan.low_rank.as_ref().map(|plan| &plan.rank),
            plan.shared_projection.as_ref().map(|plan| &plan.rank),
        ];
        if rules == [None, None] && plan.families.is_empty() && plan.quantize.is_none() {
            let reason = "does nothing: add a table [low_rank], [shared_projection] or [families], or quantize = \
                          { bits = 8 }";
            return Err(Error::Plan(reason.into()));
        }
        rules.into_iter().flatten().try_for_each(RankRule::validate)?;
        Ok(plan)
    }

    /// Whether it needs the inputs of the maps on calibration audio.
    pub fn needs_inputs(&self) -> bool {
        self.low_rank.as_ref().is_some_and(|plan| plan.whiten)
            || self.quantize.as_ref().is_some_and(|how| how.gptq)
    }

    /// Whether it needs the speed of the machine.
    pub fn needs_machine(&self) -> bool {
        let rule = self.low_rank.as_ref().map(|plan| &plan.rank);
        matches!(rule, Some(RankRule::Budget(Budget { latency_us: Some(_), .. })))
    }

    /// How the weights of maps of a kind are finally stored.
    fn stored(&self, kind: Kind) -> Storage {
        match self.quantize.as_ref().map(|how| how.bits_of(kind)) {
            None => Storage::F32,
            Some(Bits::Eight) => Storage::Int8,
            Some(Bits::Four) => Storage::Int4,
        }
    }

    /// Applies the plan.
    ///
    /// # Errors
    /// Those of [`shared_projection`], [`change_families`] and [`low_rank`](fn@crate::low_rank),
    /// and if the network is not valid.
    pub fn apply(&self, network: &Network, measured: Measured<'_>) -> Result<Network> {
        network.validate()?;
        let (shared, projected);
        let (network, measured) = match &self.shared_projection {
            None => (network, measured),
            Some(plan) => {
                shared = shared_projection(network, plan, measured.inputs)?;
                projected = measured.inputs.map(|inputs| inputs.projected(&shared)).transpose()?;
                (&shared, Measured { inputs: projected.as_ref(), ..measured })
            }
        };
        let network = &change_families(network, &self.families, measured.inputs)?;
        let done = |map: &MapRef<'_>| chosen(&self.families, map).is_some();
        let network = match &self.low_rank {
            Some(plan) => {
                low_rank_except(network, plan, measured, &|kind| self.stored(kind), &done)?
            }
            None => network.clone(),
        };
        Ok(match &self.quantize {
            Some(how) if how.gptq => quantize_calibrated(&network, how, measured.inputs()?)?,
            Some(how) => quantize(&network, how)?,
            None => network,
        })
    }
}
