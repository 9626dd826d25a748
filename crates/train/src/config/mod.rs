//! What a run does, as data: a recipe and its stages.

mod changes;
mod error;
mod families;
pub mod grams;
mod optimizer;
mod prune;
mod recipe;
mod rounding;
mod schedule;
mod stage;
mod teacher;
mod until;
mod validate;

pub(crate) use changes::is_package;
pub use error::RecipeError;
pub(crate) use families::chosen;
pub use grams::GramConfig;
pub use optimizer::OptimizerConfig;
pub use prune::{Prune, Schedule as PruneSchedule};
pub use recipe::{DataSection, Recipe};
pub use rounding::Rounding;
pub use schedule::{Decay, Schedule, StageRate};
pub use stage::{Parametrisation, Rate, Regulariser, Stage};
pub use teacher::TeacherConfig;
pub use until::{Measure, Settled, Until};
