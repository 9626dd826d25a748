//! Records the inputs of the linear maps, for calibrated compression.

use std::collections::BTreeMap;

/// Inputs of maps by name, `vectors x cols`, in the order of time.
#[derive(Default)]
pub(crate) struct Trace {
    inputs: BTreeMap<String, Vec<f32>>,
}

impl Trace {
    pub(crate) fn record(&mut self, name: &str, x: &[f32]) {
        match self.inputs.get_mut(name) {
            Some(inputs) => inputs.extend_from_slice(x),
            None => {
                self.inputs.insert(name.to_string(), x.to_vec());
            }
        }
    }

    /// Shows everything that was recorded, then forgets it; the memory is kept.
    pub(crate) fn drain(&mut self, see: &mut dyn FnMut(&str, &[f32])) {
        for (name, inputs) in self.inputs.iter_mut().filter(|(_, inputs)| !inputs.is_empty()) {
            see(name, inputs);
            inputs.clear();
        }
    }
}
