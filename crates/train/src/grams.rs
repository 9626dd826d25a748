//! Which grams an alphabet for Gram-CTC has (Liu et al. 2017, section 4.3: train with all of them,
//! then keep those that are used).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use stonechat_decode::{Decoder, GreedyDecoder};
use stonechat_model::Alphabet;

use crate::data::{BatchConfig, DataConfig, Dataset, Progress, Source, read_manifest};
use crate::graph::{Frames, Graph, to_host};
use crate::net::{Mode, Net};
use crate::parameters::{Parameter, Parameters};
use crate::recipe::{DeviceKind, Recipe};
use crate::trained::Trained;
use crate::{TrainError, device, random};

/// The grams that a recipe adds to its characters, chosen by their number in the training texts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GramConfig {
    /// Characters of the longest gram.
    #[serde(default = "two")]
    pub longest: usize,
    /// Grams kept, the most frequent ones; all where absent.
    #[serde(default)]
    pub max: Option<usize>,
}

fn two() -> usize {
    2
}

/// How often each string of 2 to `longest` characters is in `texts`.
pub fn count<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    longest: usize,
) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for text in texts {
        let bounds: Vec<usize> =
            text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        for length in 2..=longest {
            for window in bounds.windows(length + 1) {
                *counts.entry(text[window[0]..window[length]].to_owned()).or_default() += 1;
            }
        }
    }
    counts
}

/// The most frequent of `counts` in order, `max` at most; without those that occur nowhere, have
/// one character, or have a character that `characters` lacks.
pub fn select(
    characters: &Alphabet,
    counts: &BTreeMap<String, usize>,
    max: Option<usize>,
) -> Vec<(String, usize)> {
    let mut grams: Vec<(String, usize)> = counts
        .iter()
        .filter(|(gram, count)| **count > 0 && gram.chars().nth(1).is_some())
        // A word ends at one space; decoders refuse symbols with two.
        .filter(|(gram, _)| !gram.contains("  ") && characters.spell(gram).is_ok())
        .map(|(gram, count)| (gram.clone(), *count))
        .collect();
    grams.sort_by_key(|(_, count)| Reverse(*count));
    grams.truncate(max.unwrap_or(usize::MAX));
    grams
}

/// The single characters of `alphabet`, blank first, and `grams` after them.
///
/// # Errors
/// A gram that is too long, or more symbols than an alphabet may have.
pub fn alphabet(
    alphabet: &Alphabet,
    grams: impl IntoIterator<Item = String>,
) -> Result<Alphabet, TrainError> {
    let short = |symbol: &&String| symbol.chars().nth(1).is_none();
    let characters = alphabet.symbols().iter().filter(short).cloned();
    Ok(Alphabet::new(characters.chain(grams).collect())?)
}

/// The recipe with the alphabet that its `grams` make of the training texts, and without `grams`.
///
/// # Errors
/// A manifest that cannot be read, or more symbols than an alphabet may have.
pub fn resolve(recipe: &Recipe) -> Result<Recipe, TrainError> {
    let mut recipe = recipe.clone();
    let Some(config) = recipe.grams.take() else { return Ok(recipe) };
    let characters = recipe.symbols()?;
    let mut texts = Vec::new();
    for source in &recipe.data.train {
        texts.extend(read_manifest(&source.manifest)?.into_iter().map(|u| u.text));
    }
    let counts = count(texts.iter().map(String::as_str), config.longest);
    let chosen = select(&characters, &counts, config.max);
    let symbols = alphabet(&characters, chosen.into_iter().map(|(gram, _)| gram))?;
    recipe.alphabet = Some(symbols.symbols().to_vec());
    Ok(recipe)
}

/// How often each symbol is on the best paths of `net` over `dataset`, by symbol.
///
/// # Errors
/// Audio that cannot be read any more.
pub fn use_on_best_paths(
    net: &Net,
    dataset: &Dataset,
    batches: &BatchConfig,
    device: &Device,
) -> Result<BTreeMap<String, usize>, TrainError> {
    let graph = Graph::new(net, device, false);
    let alphabet = dataset.targets().alphabet().symbols();
    let mut counts: BTreeMap<String, usize> = alphabet.iter().map(|s| (s.clone(), 0)).collect();
    for items in dataset.plan(&BatchConfig { sorta_grad: true, ..batches.clone() }, 0, 0, None) {
        let batch = dataset.batch(&items, None)?;
        let frames = Frames { lengths: batch.frames, steps: batch.t_max };
        let output = net.forward(&graph, batch.features, frames, Mode::Inference, device);
        let logits = to_host(output.logits);
        let sequences = logits.chunks_exact(output.frames.steps * net.symbols);
        for (logits, &length) in sequences.zip(&output.frames.lengths) {
            let mut decoder = GreedyDecoder::new(alphabet, 1.0)?;
            for frame in logits.chunks_exact(net.symbols).take(length) {
                decoder.push(frame)?;
            }
            for token in decoder.tokens() {
                let symbol = &alphabet[usize::from(token.symbol)];
                *counts.entry(symbol.clone()).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

/// The symbols of a trained net and how often each is on its best paths over `manifests`.
///
/// # Errors
/// The net or the data cannot be read.
pub fn use_of(
    trained: &Path,
    manifests: &[PathBuf],
    progress: Progress<'_>,
) -> Result<(Alphabet, BTreeMap<String, usize>), TrainError> {
    let Trained { net, alphabet, features } = Trained::load(trained)?;
    let sources: Vec<Source> = manifests.iter().cloned().map(Source::from).collect();
    let config = net.config.clone();
    let frames_out = move |frames| config.frames_out(frames);
    let dataset = Dataset::open(
        &sources,
        &alphabet,
        &features,
        &DataConfig::default(),
        frames_out,
        progress,
    )?;
    let device = device::open(DeviceKind::Cpu)?;
    let counts = use_on_best_paths(&net, &dataset, &BatchConfig::default(), &device)?;
    Ok((alphabet, counts))
}

/// Brings an output layer over `from` to `to`: symbols that both have keep their weights, new ones
/// start small. Anything but a dense output layer stays as it is.
pub fn carry_output(parameters: &mut Parameters, from: &Alphabet, to: &Alphabet, seed: u64) {
    if from == to {
        return;
    }
    let seed = random::seed_for(seed, "new symbols");
    for (name, spread) in [("output.weight", 0.01), ("output.bias", 0.0)] {
        let Some(old) = parameters.get(name) else { continue };
        let width = old.values.len() / from.len();
        let mut values = Vec::with_capacity(width * to.len());
        for symbol in to.symbols() {
            match from.symbols().iter().position(|s| s == symbol) {
                Some(row) => values.extend_from_slice(&old.values[row * width..][..width]),
                None => {
                    let at = values.len() as u64;
                    let fresh = (0..width as u64).map(|i| spread * random::normal(seed, at + i));
                    values.extend(fresh.collect::<Vec<_>>());
                }
            }
        }
        // A bias is a matrix of one row.
        let (rows, columns) = if old.rows == 1 { (1, to.len()) } else { (to.len(), width) };
        parameters.insert(name.into(), Parameter { rows, columns, values });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grams(of: &[(String, usize)]) -> Vec<(&str, usize)> {
        of.iter().map(|(g, n)| (g.as_str(), *n)).collect()
    }

    #[test]
    fn the_most_frequent_strings_of_known_characters_are_kept() {
        let english = Alphabet::english();
        let counts = count(["the hen", "then", "é é  é"], 3);
        assert_eq!((counts["th"], counts["hen"], counts["he"]), (2, 2, 3));
        assert_eq!(grams(&select(&english, &counts, Some(3))), [("he", 3), ("en", 2), ("hen", 2)]);
        let all = select(&english, &counts, None);
        assert!(all.iter().all(|(g, _)| !g.contains('é') && !g.contains("  ")), "{all:?}");
        assert!(all.iter().any(|(g, _)| g == "e h"));
        let symbols = alphabet(&english, all.iter().map(|(g, _)| g.clone())).unwrap();
        assert_eq!(symbols.len(), 29 + all.len());
        assert_eq!(alphabet(&symbols, []).unwrap(), english);
    }

    #[test]
    fn kept_symbols_keep_their_weights() {
        let owned =
            |list: &[&str]| Alphabet::new(list.iter().map(|s| (*s).to_owned()).collect()).unwrap();
        let (from, to) = (owned(&["", "a", "b", "ab"]), owned(&["", "b", "ba", "a"]));
        let values = |n: usize| (0..n).map(|i| i as f32).collect();
        let mut parameters = Parameters::from([
            ("output.weight".into(), Parameter { rows: 4, columns: 2, values: values(8) }),
            ("output.bias".into(), Parameter { rows: 1, columns: 4, values: values(4) }),
        ]);
        carry_output(&mut parameters, &from, &to, 1);
        let (weight, bias) = (&parameters["output.weight"], &parameters["output.bias"]);
        assert_eq!((weight.rows, weight.columns, bias.rows, bias.columns), (4, 2, 1, 4));
        assert_eq!([&weight.values[..4], &weight.values[6..]].concat(), [0., 1., 4., 5., 2., 3.]);
        assert!(weight.values[4] != 0.0 && weight.values[4].abs() < 0.1, "{weight:?}");
        assert_eq!(bias.values, [0.0, 2.0, 0.0, 1.0]);
    }
}
