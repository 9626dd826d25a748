//! The training loop: stages, epochs, steps, checkpoints, development results.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use stonechat_audio::FeatureConfig;
use stonechat_model::{Network, Package};

use super::batch_work::{Heard, Work, cut};
use super::event::{Event, Pace};
use super::open_data::open_data;
use super::options::Options;
use super::run_folder::RunFolder;
use crate::TrainError;
use crate::config::StageRate;
use crate::config::grams;
use crate::config::{Recipe, Regulariser, Stage};
use crate::data::{Augmentation, Batch, BatchLoader, DataError, Dataset, Prefetch, fit_normalise};
use crate::engine::evaluate::{Evaluation, evaluate};
use crate::engine::net::Net;
use crate::engine::optimizer::{self, OptimizerState};
use crate::engine::parameters::{Beside, Gradients, Parameter, Place};
use crate::engine::team::pieces_of;
use crate::random;
use crate::saved::checkpoint::{Checkpoint, Progress};
use crate::saved::export::export;
use crate::saved::names::{name_of, names};
use crate::stages::diagnosis::{Diagnosis, diagnose, measure};
use crate::stages::init::start_from;
use crate::stages::optimality::optimality;
use crate::stages::part_rates::part_rates;
use crate::stages::penalty::{penalise, shrink_blocks};
use crate::stages::prune::{Masks, mask};
use crate::stages::start::{begin_in_families, start};
use crate::stages::teacher::Teacher;

/// Utterances whose frames are enough to fit the feature normalisation.
const NORMALISE_SAMPLE: usize = 2000;

/// Steps in a row without a finite gradient after which a run is given up.
const PATIENCE: usize = 20;

/// Trains `recipe` in the folder `run`; with `resume`, continues the run there.
///
/// # Errors
/// Those of [`train_with`].
pub fn train(
    recipe: &Recipe,
    run: &Path,
    resume: bool,
    observe: &(dyn Fn(Event<'_>) + Sync),
) -> Result<(), TrainError> {
    train_with(recipe, run, Options::new(resume), observe)
}

/// Trains `recipe` in the folder `run`.
///
/// A run that was killed or stopped at any moment and resumed ends with the same weights as an
/// uninterrupted one. Each stage leaves `STAGE.stonechat` with its best development result (the
/// last, without a development set), and `checkpoints/STAGE.safetensors` from which other runs can
/// start.
///
/// # Errors
/// A wrong recipe or wrong data, a run folder in use or of another recipe, files that cannot be
/// written, divergence, or being stopped.
pub fn train_with(
    recipe: &Recipe,
    run: &Path,
    options: Options<'_>,
    observe: &(dyn Fn(Event<'_>) + Sync),
) -> Result<(), TrainError> {
    let recipe = &grams::resolve(recipe)?;
    let path = run.join("recipe.toml");
    let text = recipe.to_toml().map_err(|source| TrainError::Recipe { path, source })?;
    let follows = options.link.is_some_and(|link| link.rank() > 0);
    let (folder, resumed) = match (options.resume, follows) {
        (true, follows) => RunFolder::resume(run, recipe, options.allow, follows)?,
        (false, true) => (RunFolder::followed(run), None),
        (false, false) => (RunFolder::new(run)?, None),
    };
    // Nothing is written before all processes have read.
    options.any(false);
    let mut trainer = Trainer::new(recipe, text, folder, resumed, options, observe)?;
    trainer.run()
}

struct Trainer<'a> {
    recipe: &'a Recipe,
    rates: Vec<StageRate>,
    recipe_text: String,
    folder: RunFolder,
    train: Arc<Dataset>,
    dev: Option<Dataset>,
    net: Net,
    teacher: Option<Teacher>,
    average: Beside,
    optimizer: OptimizerState,
    progress: Progress,
    saved: Instant,
    bad_steps: usize,
    /// Loss of the last step that had a gradient.
    last_loss: f64,
    pace: Pace,
    options: Options<'a>,
    observe: &'a (dyn Fn(Event<'_>) + Sync),
}

impl<'a> Trainer<'a> {
    fn new(
        recipe: &'a Recipe,
        recipe_text: String,
        mut folder: RunFolder,
        resumed: Option<Checkpoint>,
        options: Options<'a>,
        observe: &'a (dyn Fn(Event<'_>) + Sync),
    ) -> Result<Self, TrainError> {
        let alphabet = recipe.symbols()?;
        let begun = resumed.as_ref().map_or(0, |checkpoint| checkpoint.progress.step);
        let (mut train, mut dev) = open_data(recipe, &alphabet, options, begun, observe)?;
        let first = &recipe.stages[0];
        let mut net =
            Net::new(recipe.network.clone(), alphabet.len(), first.parametrisation, recipe.seed)?;
        let mut progress = Progress::default();
        let mut optimizer = OptimizerState::default();
        let mut average = Beside::new();
        if let Some(path) = &recipe.init {
            let features = &recipe.features;
            progress.normalise = start_from(&mut net, path, &alphabet, features, recipe.seed)?;
            progress.frozen = net.frozen;
        }
        let step = resumed.as_ref().map(|checkpoint| checkpoint.progress.step);
        if let Some(checkpoint) = resumed {
            net = checkpoint.net(&recipe.network, &folder.checkpoint("last"))?;
            (average, optimizer) = (checkpoint.average(&net), checkpoint.optimizer(&net));
            progress = checkpoint.progress;
            // Older checkpoints do not store where stages ended, because then none ended early.
            let known = progress.ended.len();
            progress.ended.extend(
                recipe.stages.iter().take(progress.stage).skip(known).map(|stage| stage.epochs),
            );
        }
        let normalise = match progress.normalise.take().or(recipe.features.normalise.clone()) {
            Some(fitted) => fitted,
            None => fit_normalise(&train, NORMALISE_SAMPLE, recipe.seed)?,
        };
        train.set_normalise(normalise.clone())?;
        if let Some(dev) = &mut dev {
            dev.set_normalise(normalise.clone())?;
        }
        progress.normalise = Some(normalise);
        folder.begin(&recipe_text, step)?;
        observe(Event::DataReady {
            train: (train.len(), train.seconds() / 3600.0),
            dev: dev.as_ref().map_or(0, Dataset::len),
            dropped: train.dropped_counts(),
            parameters: net.count(),
        });
        Ok(Self {
            recipe,
            rates: StageRate::of(&recipe.stages, &progress.ended),
            recipe_text,
            folder,
            train: Arc::new(train),
            dev,
            net,
            teacher: None,
            average,
            optimizer,
            progress,
            saved: Instant::now(),
            bad_steps: 0,
            last_loss: f64::NAN,
            pace: Pace::default(),
            options,
            observe,
        })
    }

    fn run(&mut self) -> Result<(), TrainError> {
        while self.progress.stage < self.recipe.stages.len() {
            let stage = &self.recipe.stages[self.progress.stage];
            self.teacher = self.load_teacher(stage)?;
            self.net.rounding = stage.quantize.clone();
            if !self.progress.begun {
                self.begin_stage(stage)?;
            }
            let settled = |progress: &Progress| {
                stage.until.is_some_and(|until| until.reached(&progress.settling))
            };
            while self.progress.epoch < stage.epochs && !settled(&self.progress) {
                self.epoch(stage)?;
            }
            self.end_stage(stage)?;
        }
        Ok(())
    }

    fn load_teacher(&self, stage: &Stage) -> Result<Option<Teacher>, TrainError> {
        let Some(config) = &stage.teacher else { return Ok(None) };
        let (alphabet, features) = (self.train.targets().alphabet(), self.features());
        Teacher::load(config, alphabet, &features, &self.recipe.network).map(Some)
    }

    /// The features with the normalisation of this run.
    fn features(&self) -> FeatureConfig {
        FeatureConfig { normalise: self.progress.normalise.clone(), ..self.recipe.features.clone() }
    }

    /// Truncates the weights if the stage has a warm start, or moves them into other families, and
    /// reports the loss of accuracy.
    fn begin_stage(&mut self, stage: &Stage) -> Result<(), TrainError> {
        let characters = match stage.joint_ctc > 0.0 {
            true => self.train.targets().characters(),
            false => None,
        };
        self.net.set_characters(characters, self.recipe.seed);
        let truncated = stage.warm_start.is_some() || stage.shared_projection.is_some();
        if truncated || !stage.families.is_empty() {
            if self.progress.stage == 0 && self.recipe.init.is_none() {
                begin_in_families(&mut self.net, &stage.families, self.recipe.seed)?;
            } else {
                start(&mut self.net, stage, &self.train, &self.recipe.batches)?;
            }
            let dev = self.develop(&self.net)?;
            self.folder.log(&json!({
                "step": self.progress.step,
                "stage": stage.name,
                "truncated": dev,
                "parameters": self.net.count(),
            }))?;
            (self.observe)(Event::Truncated {
                stage: &stage.name,
                parameters: self.net.count(),
                dev: dev.as_ref(),
            });
        }
        let rates = part_rates(&self.net, stage).into_iter();
        self.progress.part_rates =
            rates.map(|(place, rate)| (name_of(&self.net, place), rate)).collect();
        if let Some(prune) = &stage.prune {
            self.progress.prune_targets = prune.targets(&self.net)?;
        }
        self.progress.begun = true;
        self.save()
    }

    /// The development result of `net`, if there is a development set.
    fn develop(&self, net: &Net) -> Result<Option<Evaluation>, TrainError> {
        let Some(dev) = &self.dev else { return Ok(None) };
        evaluate(net, dev, &self.recipe.batches).map(Some)
    }

    /// Saves the results of the stage and prepares the next one.
    fn end_stage(&mut self, stage: &Stage) -> Result<(), TrainError> {
        if !self.folder.follows() {
            let path = self.folder.checkpoint(&stage.name);
            self.checkpoint().save(&path, &self.recipe_text)?;
        }
        if self.dev.is_none() {
            self.save_package(stage, None)?;
        }
        self.progress.stage += 1;
        self.progress.ended.push(self.progress.epoch);
        self.rates = StageRate::of(&self.recipe.stages, &self.progress.ended);
        self.progress.settling.clear();
        self.progress.epoch = 0;
        self.progress.best = None;
        self.progress.begun = false;
        self.net = self.evaluated();
        self.average.clear();
        self.optimizer = OptimizerState::default();
        self.save()
    }

    fn epoch(&mut self, stage: &Stage) -> Result<(), TrainError> {
        let number = self.epochs_before() + self.progress.epoch;
        let augmentation = Augmentation {
            config: Arc::new(self.recipe.augment.clone()),
            seed: random::seed_for(self.recipe.seed, "augment"),
            epoch: number as u64,
            views: if stage.consistency > 0.0 { 2 } else { 1 },
        };
        let order = random::seed_for(self.recipe.seed, "order");
        let plan = self.train.plan(&self.recipe.batches, number as u64, order, Some(&augmentation));
        let batches = plan.len();
        let pieces = self.options.link.map_or(0..1, pieces_of);
        let plan = match self.options.link {
            Some(_) => plan.iter().flat_map(|items| cut(items, pieces.clone())).collect(),
            None => plan,
        };
        let prefetch = Prefetch::default();
        let mut loader = BatchLoader::start(
            &self.train,
            plan,
            self.progress.batch * pieces.len(),
            Some(augmentation),
            Prefetch { waiting: prefetch.waiting * pieces.len(), ..prefetch },
        );
        let mut since = Instant::now();
        while self.progress.batch < batches {
            if self.options.any((self.options.stop)()) {
                self.save()?;
                return Err(TrainError::Interrupted { step: self.progress.step });
            }
            let batch = loader.by_ref().take(pieces.len()).collect::<Result<Vec<_>, _>>()?;
            let frames = self.step(stage, batch, batches)?;
            self.pace.add(since, frames as f64 * f64::from(self.recipe.features.hop_ms) / 1e3);
            since = Instant::now();
            let minutes = self.recipe.checkpoint_minutes;
            if self.saved.elapsed() > Duration::from_secs_f64(60.0 * minutes.max(0.0)) {
                self.save()?;
            }
        }
        let (sum, utterances) = std::mem::take(&mut self.progress.epoch_loss);
        let loss = sum / utterances.max(1) as f64;
        let finite = |p: &Parameter| p.values.iter().all(|value| value.is_finite());
        if !self.evaluated().parameters().iter().all(|(_, p)| finite(p)) {
            return Err(self.diverged(stage, 1));
        }
        self.progress.batch = 0;
        self.progress.epoch += 1;
        self.end_epoch(stage, loss)
    }

    fn end_epoch(&mut self, stage: &Stage, loss: f64) -> Result<(), TrainError> {
        let epoch = self.progress.epoch - 1;
        let pace = std::mem::take(&mut self.pace);
        let evaluated = self.evaluated();
        let dev = self.develop(&evaluated)?;
        let every = self.recipe.diagnose_every;
        let due = every > 0 && self.progress.epoch.is_multiple_of(every);
        let weights = match due || stage.until.is_some() {
            true => Some(self.diagnose(&evaluated, stage)?),
            false => None,
        };
        if let (Some(until), Some(weights)) = (&stage.until, &weights) {
            self.progress.settling.push(measure(until, weights));
        }
        self.folder.log(&json!({
            "step": self.progress.step,
            "stage": stage.name,
            "epoch": epoch,
            "train_loss": loss,
            "dev": dev,
            "rate": self.progress.rate,
            "parameters": self.net.count(),
            "seconds": pace.seconds,
            "hours": pace.hours,
            "hours_an_hour": pace.hours_an_hour(),
            "weights": weights,
        }))?;
        self.folder.draw()?;
        (self.observe)(Event::Epoch { stage: &stage.name, epoch, loss, dev: dev.as_ref(), pace });
        if let Some(dev) = dev
            && self.progress.best.as_ref().is_none_or(|best| dev.cer < best.cer)
        {
            self.save_package(stage, Some(&dev))?;
            self.progress.best = Some(dev);
        }
        self.save()
    }

    fn diagnose(&self, net: &Net, stage: &Stage) -> Result<Vec<Diagnosis>, TrainError> {
        // A product of factors may be infinite even if they are not.
        let mut weights = diagnose(net).map_err(|error| match error {
            TrainError::Compress(_) => self.diverged(stage, 1),
            error => error,
        })?;
        if stage.regulariser == Regulariser::TraceNorm {
            let batches = &self.recipe.batches;
            let mut ratios = optimality(net, stage, &self.train, batches)?;
            for weight in &mut weights {
                weight.optimality = ratios.remove(&weight.name);
            }
        }
        Ok(weights)
    }

    /// A step with a batch, or with this process's pieces of one; returns the frames of the batch.
    fn step(
        &mut self,
        stage: &Stage,
        mut batch: Vec<Batch>,
        batches: usize,
    ) -> Result<usize, TrainError> {
        let done = self.progress.epoch as f64 + self.progress.batch as f64 / batches as f64;
        let rate = self.rates[self.progress.stage].at(done);
        let seed = random::hash(random::seed_for(self.recipe.seed, "dropout"), self.progress.step);
        let work = Work { net: &self.net, stage, targets: self.train.targets(), seed };
        let teacher = self.teacher.as_ref();
        let heard = match self.options.link {
            Some(link) => work.shared(link, batch, teacher),
            None => batch.pop().map(|batch| work.whole(batch, teacher)),
        };
        let number = self.progress.batch;
        let heard = heard.ok_or(DataError::LoaderStopped { batch: number })?;
        let Heard { mut gradients, statistics, loss: (loss, count), .. } = heard;
        let penalty = penalise(stage, &self.net, &mut gradients);
        let norm = optimizer::norm(&gradients);
        self.progress.step += 1;
        self.progress.batch += 1;
        self.progress.rate = rate;
        if norm.is_finite() {
            self.bad_steps = 0;
            self.net.follow(&statistics);
            let kept = stage.prune.as_ref().map(|prune| prune.kept(&self.net));
            self.descend(stage, rate, gradients, norm);
            self.prune(stage, kept, batches)?;
        } else {
            self.bad_steps += 1;
            if self.bad_steps >= PATIENCE {
                return Err(self.diverged(stage, self.bad_steps));
            }
        }
        let mean = loss / count.max(1) as f64;
        if norm.is_finite() {
            self.last_loss = mean;
        }
        self.progress.epoch_loss.0 += loss;
        self.progress.epoch_loss.1 += count;
        self.folder.log(&json!({
            "step": self.progress.step,
            "loss": mean,
            "penalty": penalty,
            "divergence": heard.divergence,
            "inconsistency": heard.inconsistency,
            "norm": norm,
            "rate": rate,
            "utterances": heard.utterances,
        }))?;
        (self.observe)(Event::Step {
            stage: &stage.name,
            epoch: self.progress.epoch,
            batch: (self.progress.batch, batches),
            epochs: stage.epochs,
            loss: self.progress.epoch_loss.0 / self.progress.epoch_loss.1.max(1) as f64,
            rate,
        });
        Ok(heard.frames)
    }

    fn diverged(&self, stage: &Stage, count: usize) -> TrainError {
        let (stage, step, loss) = (stage.name.clone(), self.progress.step, self.last_loss);
        TrainError::Diverged { stage, step, loss, count }
    }

    /// Keeps zero what was zero before the step, and prunes what is due.
    fn prune(
        &mut self,
        stage: &Stage,
        kept: Option<Masks>,
        batches: usize,
    ) -> Result<(), TrainError> {
        let (Some(prune), Some(kept)) = (&stage.prune, kept) else { return Ok(()) };
        let parameters = self.net.parameters_mut().into_iter();
        mask(parameters.map(|(place, p)| (place, &mut p.values)), &kept);
        let step = self.progress.epoch * batches + self.progress.batch;
        let schedule = prune.schedule(stage.epochs, batches);
        prune.prune(&mut self.net, step, &schedule, &self.progress.prune_targets)?;
        mask(self.average.iter_mut().map(|(place, p)| (*place, p)), &prune.kept(&self.net));
        Ok(())
    }

    fn descend(&mut self, stage: &Stage, rate: f64, mut gradients: Gradients, norm: f64) {
        optimizer::clip(&mut gradients, norm, stage.clip_norm);
        let rates = self.part_rates();
        let rate_of = |place| (rate * rates.get(&place).unwrap_or(&1.0)) as f32;
        let parameters = self.net.parameters_mut();
        self.optimizer.step(&stage.optimizer, rate_of, parameters, &gradients);
        shrink_blocks(stage, rate, &mut self.net);
        if stage.average == 0.0 {
            return;
        }
        let parameters = self.net.parameters();
        if self.average.is_empty() {
            self.average = parameters.iter().map(|(id, p)| (*id, p.values.clone())).collect();
        }
        // The first steps weigh more, so that the start is forgotten.
        let steps = self.optimizer.steps as f32;
        let keep = stage.average.min((1.0 + steps) / (10.0 + steps));
        for (place, parameter) in parameters {
            let Some(average) = self.average.get_mut(&place) else { continue };
            for (a, p) in average.iter_mut().zip(&parameter.values) {
                *a = keep * *a + (1.0 - keep) * p;
            }
        }
    }

    /// Factors of the learning rate for the parts of structured maps.
    fn part_rates(&self) -> BTreeMap<Place, f64> {
        let rates = &self.progress.part_rates;
        if rates.is_empty() {
            return BTreeMap::new();
        }
        let places = names(&self.net).into_iter();
        places.filter_map(|(name, place)| Some((place, *rates.get(&name)?))).collect()
    }

    /// The net for evaluation and export: with averaged weights, if any.
    fn evaluated(&self) -> Net {
        let mut net = self.net.clone();
        for (place, parameter) in net.parameters_mut() {
            if let Some(average) = self.average.get(&place) {
                parameter.values.clone_from(average);
            }
        }
        net
    }

    fn epochs_before(&self) -> usize {
        self.progress.ended.iter().sum()
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint::of(&self.progress, &self.net, &self.average, &self.optimizer)
    }

    fn save(&mut self) -> Result<(), TrainError> {
        self.saved = Instant::now();
        self.folder.save(&self.checkpoint(), &self.recipe_text)
    }

    /// The network of the stage's package, quantized if it was trained for that.
    fn exported(&self, stage: &Stage) -> Result<Network, TrainError> {
        let network = export(&self.evaluated())?;
        Ok(match &stage.quantize {
            Some(rounding) => stonechat_compress::quantize(&network, &rounding.storage())?,
            None => network,
        })
    }

    fn save_package(&self, stage: &Stage, dev: Option<&Evaluation>) -> Result<(), TrainError> {
        if self.folder.follows() {
            return Ok(());
        }
        let package = Package {
            features: json!(self.features()),
            alphabet: self.train.targets().alphabet().clone(),
            network: self.exported(stage)?,
            language_model: None,
            provenance: json!({
                "recipe": self.recipe_text,
                "stage": stage.name,
                "steps": self.progress.step,
                "train_hours": self.train.seconds() / 3600.0,
                "train_utterances": self.train.len(),
                "dev": dev,
            }),
        };
        Ok(package.save(self.folder.package(&stage.name))?)
    }
}
