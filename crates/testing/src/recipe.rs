//! Recipes.

/// The shortest recipe that is valid: one GRU, one stage of two epochs.
pub const SMALL_RECIPE: &str = r#"
[data]
train = [{ manifest = "train.jsonl" }]
[network]
input = 80
gru = [8]
[[stage]]
name = "one"
epochs = 2
rate = 0.001
"#;
