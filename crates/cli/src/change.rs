//! A network in figures, before and after a change.

use anyhow::Result;
use serde::Serialize;
use stonechat_compress::MapDamage;
use stonechat_model::{Network, Package};

use crate::map_summary::MapSummary;
use crate::model_file::ModelArg;
use crate::output::{self, Table, megabytes, thousands};

/// One network.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Weights, biases and taps.
    pub parameters: usize,
    /// Bytes of the package.
    pub model_bytes: u64,
    pub maps: Vec<MapSummary>,
}

impl Summary {
    pub fn new(network: &Network, model_bytes: u64) -> Self {
        let maps = network.maps().into_iter().map(|entry| MapSummary::new(entry.name(), entry.map));
        Self { parameters: network.params(), model_bytes, maps: maps.collect() }
    }

    /// A line for each map, and the sums.
    pub fn table(&self) -> String {
        let mut table = Table::new(["map", "shape", "form", "parameters", "bytes"]);
        for map in &self.maps {
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
            thousands(self.parameters),
            megabytes(self.model_bytes)
        )
    }
}

/// What a network was and what it became.
#[derive(Debug, Serialize)]
pub struct Change {
    pub before: Summary,
    pub after: Summary,
    /// What was lost of each map.
    pub damage: Vec<MapDamage>,
}

impl Change {
    /// Prints a table, or the object.
    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            return output::json(self);
        }
        let mut table = Table::new([
            "map",
            "shape",
            "before",
            "after",
            "parameters",
            "",
            "bytes",
            "",
            "lost of",
        ]);
        for (before, after) in self.before.maps.iter().zip(&self.after.maps) {
            let damage = self.damage.iter().find(|damage| damage.name == after.name);
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
        let (before, after) = (&self.before, &self.after);
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
}

impl MapSummary {
    /// `low_rank int8, rank 64`.
    fn form(&self) -> String {
        let number = &self.storage;
        match self.family {
            "low_rank" => format!("{} {number}, rank {}", self.family, self.rank),
            family => format!("{family} {number}"),
        }
    }
}

/// Packages that are to be changed.
impl ModelArg {
    /// Reads the package with its integer weights as floats.
    pub fn float_package(&self) -> Result<Package> {
        let package = self.package()?;
        Ok(Package { network: stonechat_compress::floats(&package.network), ..package })
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
