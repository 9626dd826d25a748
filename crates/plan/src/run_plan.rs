//! The forms of all maps of a network.

use serde::Serialize;
use stonechat_kernels::MatrixForm;
use stonechat_kernels::cost_model::Form;
use stonechat_model::{LinearMap, Matrix, Network};

use crate::{Choice, Preference, Reason, RunForm, Use, multiplied_out, uses, weights};

/// How every linear map of a network runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPlan {
    maps: Vec<MapPlan>,
}

/// How one map runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MapPlan {
    /// Its name, as in [`Network::maps`].
    #[serde(skip)]
    pub name: String,
    /// Its form.
    pub form: RunForm,
    /// Why.
    pub reason: Reason,
}

impl RunPlan {
    /// The plan of a valid network.
    pub fn new(network: &Network, preference: &Preference) -> Self {
        let maps = network.maps();
        let others = maps.iter().map(|entry| entry.map.rows() * entry.map.cols()).sum();
        let plan = |entry: &stonechat_model::MapRef<'_>| {
            let uses = uses(&network.config, entry.kind, entry.layer);
            let (form, reason) = choose(entry.map, &uses, others, preference);
            MapPlan { name: entry.name(), form, reason }
        };
        Self { maps: maps.iter().map(plan).collect() }
    }

    /// All maps, in the order of [`Network::maps`].
    pub fn maps(&self) -> &[MapPlan] {
        &self.maps
    }

    /// The form of the map with this name; dense for an unknown name.
    pub fn form(&self, name: &str) -> RunForm {
        let map = self.maps.iter().find(|map| map.name == name);
        map.map_or(RunForm::Dense, |map| map.form)
    }
}

/// The form of a map with its weights, because the weights of a matrix decide whether it is sparse.
fn choose(
    map: &LinearMap,
    uses: &[Use],
    others: usize,
    preference: &Preference,
) -> (RunForm, Reason) {
    let Choice { form, reason, .. } = Choice::of(map.spec(), plain(map), uses, others, preference);
    let may_be_sparse = form == RunForm::Dense && reason != Reason::AskedFor && map.is_quantized();
    if may_be_sparse {
        let matrix = multiplied_out(map);
        if MatrixForm::of(weights(&matrix), matrix.rows(), matrix.cols()) == MatrixForm::BlockSparse
        {
            return (RunForm::BlockSparse, Reason::FewBlocks);
        }
    }
    (form, reason)
}

/// The cost model's name for how the parts of a map are stored. All parts are stored like the
/// first.
fn plain(map: &LinearMap) -> Form {
    let first = map.parts().first();
    match first.filter(|_| map.is_quantized()) {
        None => Form::Float32,
        Some(Matrix::Int4 { .. }) => Form::Int4,
        Some(_) => Form::Int8,
    }
}
