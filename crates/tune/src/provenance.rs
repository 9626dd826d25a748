//! The list of steps since training in a package.

use serde_json::{Value, json};

/// The key in a package's provenance that lists the steps.
const STEPS: &str = "compressed";

/// Adds `step` to the steps in a provenance, which may be any value.
pub fn record(provenance: &mut Value, step: Value) {
    if !provenance.is_object() {
        let old = provenance.take();
        *provenance = if old.is_null() { json!({}) } else { json!({ "origin": old }) };
    }
    match &mut provenance[STEPS] {
        Value::Array(steps) => steps.push(step),
        other => *other = json!([step]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_added_to_any_provenance() {
        let cases = [
            (json!(null), json!({ "compressed": [1] })),
            (json!("by hand"), json!({ "origin": "by hand", "compressed": [1] })),
            (json!({ "recipe": "r" }), json!({ "recipe": "r", "compressed": [1] })),
            (json!({ "compressed": [0] }), json!({ "compressed": [0, 1] })),
        ];
        for (before, expected) in cases {
            let mut provenance = before.clone();
            record(&mut provenance, json!(1));
            assert_eq!(provenance, expected, "from {before}");
        }
    }
}
