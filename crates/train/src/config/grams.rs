//! The grams of an alphabet for Gram-CTC (Liu et al. 2017, section 4.3: train with all of them,
//! then keep those that are used).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stonechat_model::Alphabet;

use super::recipe::Recipe;
use crate::TrainError;
use crate::data::{DataError, read_manifest};

/// The grams that a recipe adds to its characters, chosen by their frequency in the training texts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GramConfig {
    /// Characters of the longest gram.
    #[serde(default = "two")]
    pub longest: usize,
    /// How many grams are kept, the most frequent ones; all if absent.
    #[serde(default)]
    pub max: Option<usize>,
}

fn two() -> usize {
    2
}

/// How often each string of 2 to `longest` characters occurs in `texts`.
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

/// The most frequent of `counts` in order, at most `max`, without those that never occur, have one
/// character, or contain a character that is not in `characters`.
pub fn select(
    characters: &Alphabet,
    counts: &BTreeMap<String, usize>,
    max: Option<usize>,
) -> Vec<(String, usize)> {
    let mut grams: Vec<(String, usize)> = counts
        .iter()
        .filter(|(gram, count)| **count > 0 && gram.chars().nth(1).is_some())
        // A word ends at one space; decoders reject symbols with two.
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

/// The recipe with its `grams` replaced by the alphabet that they give for the training texts.
///
/// # Errors
/// A manifest that cannot be read, or more symbols than an alphabet may have.
pub fn resolve(recipe: &Recipe) -> Result<Recipe, TrainError> {
    let mut recipe = recipe.clone();
    let Some(config) = recipe.grams.take() else { return Ok(recipe) };
    let characters = recipe.symbols()?;
    let mut texts = Vec::new();
    for source in &recipe.data.train {
        let listed = read_manifest(&source.manifest).map_err(DataError::from)?;
        texts.extend(listed.into_iter().map(|u| u.text));
    }
    let counts = count(texts.iter().map(String::as_str), config.longest);
    let chosen = select(&characters, &counts, config.max);
    let symbols = alphabet(&characters, chosen.into_iter().map(|(gram, _)| gram))?;
    recipe.alphabet = Some(symbols.symbols().to_vec());
    Ok(recipe)
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
}
