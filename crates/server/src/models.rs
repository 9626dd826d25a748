//! Models by name, and how they are read again.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use stonechat::{Model, PackedLanguageModel, Recognizer, Settings};

use crate::Error;

/// Reads a model, each time anew.
pub type LoadModel = Arc<dyn Fn() -> Result<Model, String> + Send + Sync>;

/// A model as clients ask for it.
#[derive(Clone)]
pub struct NamedModel {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub load: LoadModel,
}

impl NamedModel {
    /// A model that `load` reads, at the start and whenever models are loaded again.
    pub fn new(
        name: impl Into<String>,
        load: impl Fn() -> Result<Model, String> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), load: Arc::new(load) }
    }
}

impl fmt::Debug for NamedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamedModel").field(&self.name).finish()
    }
}

/// A model that is in memory. Sessions keep theirs, whatever is loaded meanwhile.
pub(crate) struct Served {
    pub(crate) name: String,
    pub(crate) model: Arc<Model>,
    /// When it was loaded, in seconds since 1970.
    pub(crate) since: u64,
    /// What sessions begin with.
    pub(crate) base: Settings,
    usual: Recognizer,
}

impl Served {
    fn load(source: &NamedModel, base: &Settings) -> Result<Self, Error> {
        let failed = |problem: String| Error::Model { name: source.name.clone(), problem };
        let mut model = (source.load)().map_err(failed)?;
        let mut base = base.clone();
        // Read once, here, and not for each session.
        if let Some(path) = base.lm.take() {
            let lm = PackedLanguageModel::load(path).map_err(|error| failed(error.to_string()))?;
            model = model.with_language_model(lm);
        }
        let model = Arc::new(model);
        let usual = base.recognizer(Arc::clone(&model)).map_err(|e| failed(e.to_string()))?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs());
        Ok(Self { name: source.name.clone(), model, since, base, usual })
    }

    /// The recognizer of these settings; the usual one is made once.
    pub(crate) fn recognizer(&self, settings: &Settings) -> Result<Recognizer, stonechat::Error> {
        if *settings == self.base {
            return Ok(self.usual.clone());
        }
        settings.recognizer(Arc::clone(&self.model))
    }
}

/// All models.
pub(crate) struct Models {
    sources: Vec<NamedModel>,
    base: Settings,
    current: RwLock<Arc<Vec<Arc<Served>>>>,
}

impl Models {
    pub(crate) fn load(sources: Vec<NamedModel>, base: Settings) -> Result<Self, Error> {
        if sources.is_empty() {
            return Err(Error::Models("there is none".into()));
        }
        for (n, source) in sources.iter().enumerate() {
            if source.name.is_empty() || sources[..n].iter().any(|s| s.name == source.name) {
                return Err(Error::Models(format!(
                    "{:?}: each needs a name of its own",
                    source.name
                )));
            }
        }
        let current = RwLock::new(Arc::new(all(&sources, &base)?));
        Ok(Self { sources, base, current })
    }

    /// Reads all of them again; if one fails, those from before stay.
    pub(crate) fn reload(&self) -> Result<(), Error> {
        let loaded = Arc::new(all(&self.sources, &self.base)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(())
    }

    pub(crate) fn list(&self) -> Arc<Vec<Arc<Served>>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The model of a name. Clients that were written for one service have its names built in: those stand for the first model, as
    /// does every name where there is one model only.
    pub(crate) fn get(&self, name: Option<&str>) -> Result<Arc<Served>, String> {
        let models = self.list();
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(Arc::clone(&models[0]));
        };
        if let Some(model) = models.iter().find(|model| model.name == name) {
            return Ok(Arc::clone(model));
        }
        let foreign = ["whisper", "gpt-", "tts-", "Systran/"].iter().any(|s| name.starts_with(s));
        if models.len() == 1 || foreign {
            return Ok(Arc::clone(&models[0]));
        }
        let names: Vec<&str> = models.iter().map(|model| &model.name[..]).collect();
        let name: String = name.chars().take(60).collect();
        Err(format!("there is no model {name:?}; there are {}", names.join(", ")))
    }
}

fn all(sources: &[NamedModel], base: &Settings) -> Result<Vec<Arc<Served>>, Error> {
    sources.iter().map(|source| Served::load(source, base).map(Arc::new)).collect()
}
