//! Packages and language models made of others: what the verbs `inspect`, `compress`, `quantize` and `lm build` do, with the objects of their
//! `--json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use stonechat_compress::{
    Bits, Budget, Calibration, LowRank, Machine, Measured, Plan, Quantize, RankRule,
};
use stonechat_lm::estimate::{Estimate, EstimateOptions, estimate};
use stonechat_lm::text::TextFiles;
use stonechat_lm::{MAX_ORDER, Normaliser, arpa, fit_with_widths, words_for};
use stonechat_model::Package;
use stonechat_tune::report::{Contents, float_package, rewrite};
use stonechat_tune::{Recordings, pack};

use crate::Failure;

type Result<T> = std::result::Result<T, Failure>;

/// How long the machine is measured for where a budget is one of time.
const MEASURING: Duration = Duration::from_secs(1);

/// A package, and how many bytes it has.
fn package(model: Option<&Path>) -> Result<(Package, u64)> {
    let Some(path) = model else {
        let bytes = stonechat_english::MODEL;
        return Ok((Package::from_bytes(bytes)?, bytes.len() as u64));
    };
    let package = Package::load(path)?;
    let size = path
        .metadata()
        .map_err(|error| stonechat_model::Error::Io { path: path.to_path_buf(), error })?;
    Ok((package, size.len()))
}

/// What a package holds; without a path the bundled one.
///
/// # Errors
/// A package that cannot be read.
pub fn inspect(model: Option<&Path>) -> Result<Value> {
    let (package, bytes) = package(model)?;
    let name = model.map_or_else(|| "bundled model".into(), |path| path.display().to_string());
    Ok(plain(&Contents::of(package, name, bytes)?))
}

/// Calibration audio: a manifest, and how many seconds of what it lists.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibrate {
    calibrate: Option<PathBuf>,
    calibrate_seconds: f64,
}

impl Calibrate {
    fn inputs(&self, package: &Package) -> Result<Option<Calibration>> {
        let Some(manifest) = &self.calibrate else { return Ok(None) };
        let package = float_package(package.clone());
        let model = pack(&package)?;
        let recordings =
            Recordings::read(manifest, model.sample_rate_hz(), self.calibrate_seconds)?;
        Ok(Some(recordings.inputs(&model, &package.network, &mut || {})?))
    }
}

/// How `compress` compresses: exactly one of the first four.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct How {
    /// A compression plan: its TOML file, or an object with the same keys.
    plan: Option<Value>,
    /// The share of each weight's variance that is kept.
    variance: Option<f64>,
    /// Ranks by the names of maps.
    ranks: Option<BTreeMap<String, usize>>,
    /// The number of parameters that must be enough.
    budget: Option<usize>,
    /// Whether the error of the outputs on calibration audio counts.
    whiten: bool,
}

impl How {
    fn plan(self) -> Result<Plan> {
        let Self { plan, variance, ranks, budget, whiten } = self;
        let rank = match (plan, variance, ranks, budget) {
            (Some(_), None, None, None) if whiten => {
                return Err(Failure::value("whiten: is a key of the plan, where there is one"));
            }
            (Some(Value::String(path)), None, None, None) => {
                let text = stonechat_files::TextFile::read(Path::new(&path))?;
                let plan = Plan::from_toml(text.as_str()?);
                return plan.map_err(|error| Failure::value(format!("{path}: {error}")));
            }
            (Some(plan), None, None, None) => {
                let text = toml::to_string(&plan)
                    .map_err(|error| Failure::value(format!("plan: {error}")))?;
                return Ok(Plan::from_toml(&text)?);
            }
            (None, Some(share), None, None) => RankRule::Variance(share),
            (None, None, Some(ranks), None) => RankRule::List(ranks),
            (None, None, None, Some(parameters)) => {
                RankRule::Budget(Budget::parameters(parameters))
            }
            _ => {
                let problem = "give exactly one of plan, variance, ranks and budget";
                return Err(Failure::value(problem));
            }
        };
        let low_rank = LowRank { whiten, ..LowRank::new(rank) };
        Ok(Plan { low_rank: Some(low_rank), ..Plan::default() })
    }
}

/// Compresses a package into the file `output`.
///
/// # Errors
/// A package or audio that cannot be read, a plan that cannot be, an output that cannot be written or is an input.
pub fn compress(
    model: Option<&Path>,
    output: &Path,
    how: How,
    calibrate: &Calibrate,
) -> Result<Value> {
    let read = [model, calibrate.calibrate.as_deref()];
    reserve(output, read.into_iter().flatten())?;
    let plan = how.plan()?;
    change(model, output, &plan, json!(plan), calibrate)
}

/// Quantizes a package into the file `output`: 8 or 4 bits, with calibration audio by GPTQ.
///
/// # Errors
/// Those of [`compress`].
pub fn quantize(
    model: Option<&Path>,
    output: &Path,
    bits: u8,
    correction: usize,
    calibrate: &Calibrate,
) -> Result<Value> {
    let bits =
        Bits::try_from(bits).map_err(|problem| Failure::value(format!("bits: {problem}")))?;
    if correction > 0 && bits == Bits::Eight {
        return Err(Failure::value("correction: is of maps of 4 bits"));
    }
    let read = [model, calibrate.calibrate.as_deref()];
    reserve(output, read.into_iter().flatten())?;
    let gptq = calibrate.calibrate.is_some();
    let how = Quantize { correction, gptq, ..Quantize::new(bits) };
    let step = json!({ "quantize": how });
    change(model, output, &Plan { quantize: Some(how), ..Plan::default() }, step, calibrate)
}

fn change(
    model: Option<&Path>,
    output: &Path,
    plan: &Plan,
    step: Value,
    calibrate: &Calibrate,
) -> Result<Value> {
    let (package, bytes) = package(model)?;
    let inputs = calibrate.inputs(&package)?;
    if plan.needs_inputs() && inputs.is_none() {
        return Err(Failure::value("calibrate: the plan needs calibration audio, a manifest"));
    }
    let machine = plan.needs_machine().then(|| Machine::measure(MEASURING));
    let measured = Measured { inputs: inputs.as_ref(), machine: machine.as_ref() };
    let change = rewrite(float_package(package), bytes, output, step, measured, |network| {
        plan.apply(network, measured).map_err(stonechat_tune::Error::from)
    })?;
    Ok(plain(&change))
}

/// Of a language model, by the names of the options of `lm build`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    order: usize,
    /// Bytes of the packed model, at most.
    target_size: Option<usize>,
    normalize: Option<String>,
    max_words: Option<usize>,
    min_word_count: Option<u64>,
    cutoffs: Vec<u64>,
    prob_bits: Option<u32>,
    backoff_bits: Option<u32>,
    /// Bytes for sorting.
    memory: usize,
    temporary: Option<PathBuf>,
}

impl Build {
    fn options(&self) -> Result<EstimateOptions> {
        let mut options = EstimateOptions::new(self.order);
        if self.cutoffs.len() >= self.order.max(2) {
            let (given, room) = (self.cutoffs.len(), self.order.saturating_sub(1));
            return Err(Failure::value(format!(
                "cutoffs: {given} numbers, and {}-grams have {room}: the first is for bigrams",
                self.order
            )));
        }
        let mut last = 0;
        for n in 1..MAX_ORDER {
            last = self.cutoffs.get(n - 1).copied().unwrap_or(last);
            options.cutoffs[n] = last;
        }
        if let Some(bytes) = self.target_size {
            options.max_words = words_for(bytes);
            options.min_word_count = 2;
        }
        options.max_words = self.max_words.unwrap_or(options.max_words);
        options.min_word_count = self.min_word_count.unwrap_or(options.min_word_count);
        options.memory = self.memory;
        if let Some(folder) = &self.temporary {
            options.folder.clone_from(folder);
        }
        Ok(options)
    }
}

/// Makes a language model of text files: ARPA where the name of `output` ends so, else packed.
///
/// # Errors
/// Texts that cannot be read, options that cannot be, an output that cannot be written or is an input.
pub fn lm_build(texts: Vec<PathBuf>, output: &Path, build: &Build) -> Result<Value> {
    if texts.is_empty() {
        return Err(Failure::value("texts: there is none"));
    }
    reserve(output, texts.iter().map(PathBuf::as_path))?;
    let is_text = output.extension().is_some_and(|end| end.eq_ignore_ascii_case("arpa"));
    let of_packed = [
        ("target_size", build.target_size.is_some()),
        ("prob_bits", build.prob_bits.is_some()),
        ("backoff_bits", build.backoff_bits.is_some()),
    ];
    if let (true, Some((name, _))) = (is_text, of_packed.iter().find(|(_, given)| *given)) {
        let problem = format!("{name}: is of packed models, and the output is named as ARPA");
        return Err(Failure::value(problem));
    }
    let options = build.options()?;
    let normaliser = match build.normalize.as_deref() {
        None => None,
        Some("english") => Some(Normaliser::english()),
        Some(other) => {
            return Err(Failure::value(format!("normalize: {other:?}: must be english")));
        }
    };
    let mut texts = TextFiles::new(texts, normaliser);
    let estimated = estimate(&mut texts, &options, &mut |_| {})?;
    write(estimated, output, build, is_text)
}

fn write(estimated: Estimate, path: &Path, build: &Build, is_text: bool) -> Result<Value> {
    let text = estimated.text();
    let mut model = estimated.into_model()?;
    let mut bits = stonechat_lm::Bits::default();
    bits.prob = build.prob_bits.unwrap_or(bits.prob);
    bits.backoff = build.backoff_bits.unwrap_or(bits.backoff);
    let mut threshold = None;
    if let Some(bytes) = build.target_size {
        let fitted = fit_with_widths(&model, bytes, build.prob_bits, build.backoff_bits)?;
        (model, bits, threshold) = (fitted.model, fitted.bits, Some(fitted.threshold));
    }
    let mut bytes = Vec::new();
    match is_text {
        true => arpa::write(&model, &mut bytes)?,
        false => bytes = model.pack(bits)?,
    }
    stonechat_files::write(path, &bytes)?;
    let mut report = json!({
        "output": path.display().to_string(),
        "bytes": bytes.len(),
        "ngrams": model.counts(),
        "sentences": text.sentences,
        "words": text.words,
        "different_words": text.different_words,
        "oov_rate": text.unknown_words as f64 / text.words as f64,
    });
    if !is_text {
        report["prob_bits"] = bits.prob.into();
        report["backoff_bits"] = bits.backoff.into();
    }
    if let Some(threshold) = threshold {
        report["threshold"] = json!(threshold);
    }
    Ok(report)
}

/// Whether `output` can be written, and is not one of the inputs; found out before the work.
fn reserve<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    stonechat_files::is_input(output, inputs)?;
    Ok(stonechat_files::check(output)?)
}

/// Through its text: straight from an `f32`, 0.97 would become 0.9700000286102295.
fn plain(value: &impl serde::Serialize) -> Value {
    // Reports are texts, numbers and lists: nothing that JSON cannot say.
    let text = serde_json::to_string(value).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}
