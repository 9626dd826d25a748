//! The tensors of the state dict for each layer.

use crate::{Error, Result};
use std::collections::BTreeMap;
use stonechat_model::NetworkConfig;

/// Patterns of tensor names by layer; `*` stands for the part (`weight`, `bias_ih`, ...).
#[derive(Debug, Clone)]
pub(super) struct Names {
    given: BTreeMap<String, String>,
    prefix: String,
}

/// The tensors of one layer.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    before: String,
    after: String,
    /// Whether the user named it, so that it must exist.
    pub(super) given: bool,
}

impl Pattern {
    pub(super) fn name(&self, part: &str) -> String {
        format!("{}{part}{}", self.before, self.after)
    }
}

impl Names {
    /// Checks that each key is a layer of the network and each pattern has one `*`.
    pub(super) fn new(
        given: &BTreeMap<String, String>,
        prefix: &str,
        config: &NetworkConfig,
    ) -> Result<Self> {
        let keys = keys(config);
        for (key, pattern) in given {
            if !keys.contains(key) {
                let reason = format!("names: `{key}` is none of {}", keys.join(", "));
                return Err(Error::Plan(reason));
            }
            if pattern.matches('*').count() != 1 {
                let reason = format!(
                    "names: `{key}` is {pattern:?}, must have one `*` in the place of `weight` and `bias`"
                );
                return Err(Error::Plan(reason));
            }
        }
        Ok(Self { given: given.clone(), prefix: prefix.into() })
    }

    /// Names of the tensors of `key`; `None` if they are neither given nor have a default.
    pub(super) fn pattern(&self, key: &str) -> Option<Pattern> {
        let (text, given) = match self.given.get(key) {
            Some(text) => (text.clone(), true),
            None => (default(key)?, false),
        };
        let (before, after) = text.split_once('*')?;
        Some(Pattern { before: format!("{}{before}", self.prefix), after: after.into(), given })
    }
}

/// The keys that may be named for a network.
fn keys(config: &NetworkConfig) -> Vec<String> {
    let mut keys = Vec::new();
    for l in 0..config.conv.len() {
        keys.extend([format!("conv.{l}"), format!("conv.{l}.norm_out")]);
    }
    for l in 0..config.recurrent.len() {
        keys.extend([format!("recurrent.{l}"), format!("recurrent.{l}.norm_in")]);
    }
    keys.extend(config.row_conv.iter().map(|_| "row_conv".into()));
    if config.fc.is_some() {
        keys.extend(["fc", "fc.norm_in", "fc.norm_out"].map(String::from));
    }
    keys.extend(["output", "output.norm_in"].map(String::from));
    keys
}

/// The names of deepspeech.pytorch.
fn default(key: &str) -> Option<String> {
    let parts: Vec<&str> = key.split('.').collect();
    Some(match parts[..] {
        ["conv", l] => format!("conv.seq_module.{}.*", 3 * l.parse::<usize>().ok()?),
        ["conv", l, "norm_out"] => {
            format!("conv.seq_module.{}.*", 3 * l.parse::<usize>().ok()? + 1)
        }
        ["recurrent", l] => format!("rnns.{l}.rnn.*_l0"),
        ["recurrent", l, "norm_in"] => format!("rnns.{l}.batch_norm.module.*"),
        ["row_conv"] => "lookahead.0.conv.*".into(),
        ["output"] => "fc.0.module.1.*".into(),
        ["output", "norm_in"] => "fc.0.module.0.*".into(),
        _ => return None,
    })
}

/// Whether `name` matches `pattern`, in which one `*` stands for anything.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
        }
        None => name == pattern,
    }
}
