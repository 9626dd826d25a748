//! The data of a run, and doubts about them.

use stonechat_model::Alphabet;

use super::event::Event;
use super::left_out::doubts;
use super::options::Options;
use crate::TrainError;
use crate::config::Recipe;
use crate::data::{DataConfig, DataError, Dataset};

/// The training and the development data of a recipe. Doubts about them are reported, or are an
/// error if the options are strict. A run that is stopped meanwhile reports the step at which it
/// `begun`.
pub fn open_data(
    recipe: &Recipe,
    alphabet: &Alphabet,
    options: Options<'_>,
    begun: u64,
    observe: &(dyn Fn(Event<'_>) + Sync),
) -> Result<(Dataset, Option<Dataset>), TrainError> {
    let reading = |done, total| {
        observe(Event::Reading { done, total });
        !(options.stop)()
    };
    let config = DataConfig {
        drop: recipe.data.drop.clone(),
        limits: recipe.data.limits.clone(),
        cache: recipe.data.cache.clone(),
    };
    let open = |sources: &[_]| {
        let network = recipe.network.clone();
        let frames_out = move |frames| network.frames_out(frames);
        let features = &recipe.features;
        let opened =
            Dataset::open(sources, alphabet, features, &config, frames_out, Some(&reading));
        opened.map_err(|error| match error {
            DataError::Stopped => TrainError::Interrupted { step: begun },
            error => error.into(),
        })
    };
    let train = open(&recipe.data.train)?;
    let dev = match recipe.data.dev.is_empty() {
        true => None,
        false => Some(open(&recipe.data.dev)?),
    };
    let sources = &recipe.data;
    let judged = dev.as_ref().map(|dev| (dev, &sources.dev[..]));
    let doubts = doubts((&train, &sources.train), judged);
    for doubt in &doubts {
        observe(Event::Doubt { what: doubt });
    }
    for set in [Some(&train), dev.as_ref()].into_iter().flatten() {
        for doubt in set.doubts().list() {
            observe(Event::Doubt { what: &doubt.to_string() });
        }
    }
    if options.strict && !doubts.is_empty() {
        return Err(TrainError::Strict(doubts.join("; ")));
    }
    Ok((train, dev))
}
