//! Tables of a network before and after a change.

use anyhow::Result;
use stonechat_model::Package;
use stonechat_tune::report::{Change, Summary, float_package};

use crate::model_file::ModelArg;
use crate::output::{self, Table, megabytes, thousands};

/// A line for each map, and the sums.
pub fn table(summary: &Summary) -> String {
    let mut table = Table::new(["map", "shape", "form", "parameters", "bytes"]);
    for map in &summary.maps {
        table.row([
            map.name.clone(),
            format!("{} x {}", map.shape[0], map.shape[1]),
            map.form(),
            thousands(map.parameters),
            thousands(map.bytes),
        ]);
    }
    format!(
        "{}\n\nparameters  {}\npackage     {}",
        table.render(),
        thousands(summary.parameters),
        megabytes(summary.model_bytes)
    )
}

/// Prints a table, or the object.
pub fn print(change: &Change, json: bool) -> Result<()> {
    if json {
        return output::json(change);
    }
    let mut table =
        Table::new(["map", "shape", "before", "after", "parameters", "", "bytes", "", "lost of"]);
    for (before, after) in change.before.maps.iter().zip(&change.after.maps) {
        let damage = change.damage.iter().find(|damage| damage.name == after.name);
        table.row([
            before.name.clone(),
            format!("{} x {}", before.shape[0], before.shape[1]),
            before.form(),
            after.form(),
            thousands(before.parameters),
            format!("-> {}", thousands(after.parameters)),
            thousands(before.bytes),
            format!("-> {}", thousands(after.bytes)),
            match damage.map(|damage| (damage.output_error, damage.weight_error)) {
                Some((Some(lost), _)) => format!("outputs {:6.2} %", 100.0 * lost),
                Some((None, lost)) => format!("weights {:6.2} %", 100.0 * lost),
                None => "-".into(),
            },
        ]);
    }
    let (before, after) = (&change.before, &change.after);
    output::text(&format!(
        "{}\n\nparameters  {} -> {} ({:.1} %)\npackage     {} -> {} ({:.1} %)",
        table.render(),
        thousands(before.parameters),
        thousands(after.parameters),
        100.0 * after.parameters as f64 / before.parameters as f64,
        megabytes(before.model_bytes),
        megabytes(after.model_bytes),
        100.0 * after.model_bytes as f64 / before.model_bytes as f64,
    ))
}

/// Packages that are to be changed.
impl ModelArg {
    /// Reads the package with its integer weights as floats.
    pub fn float_package(&self) -> Result<Package> {
        Ok(float_package(self.package()?))
    }

    /// Warns on stderr if the package has integer weights.
    pub fn warn_of_integers(&self) -> Result<()> {
        if self.package()?.network.maps().iter().any(|map| map.map.is_quantized()) {
            output::warn(&format!(
                "{}: its weights are integers: starting from their values; the float package would lose less",
                self.name()
            ));
        }
        Ok(())
    }
}
