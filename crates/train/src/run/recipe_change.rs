//! The differences between a recipe and the one with which a run began.

use std::fmt;

use toml::Value;

use crate::TrainError;
use crate::config::Recipe;

/// How many characters of a value are shown.
const SHOWN: usize = 60;

/// Keys that determine the shape of the weights.
const SHAPES: [&str; 4] = ["alphabet", "features", "grams", "network"];

/// A key with a changed value.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its path, such as `stage.0.rate`.
    pub key: String,
    /// The value in the run; `None` if it has none.
    pub before: Option<Value>,
    /// The requested value.
    pub after: Option<Value>,
}

impl Difference {
    /// Whether `key` is this key or contains it.
    pub fn is_in(&self, key: &str) -> bool {
        self.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Whether a run can never be resumed with it, because its weights depend on the old value.
    pub fn changes_shapes(&self) -> bool {
        SHAPES.iter().any(|key| self.is_in(key))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<Value>| match value {
            None => "nothing".to_string(),
            Some(value) => {
                let text = value.to_string();
                match text.char_indices().nth(SHOWN) {
                    Some((end, _)) => format!("{}...", &text[..end]),
                    None => text,
                }
            }
        };
        write!(f, "{} ({} before, {} now)", self.key, shown(&self.before), shown(&self.after))
    }
}

/// All keys whose values differ, in order of their names.
///
/// # Errors
/// None for recipes that were parsed.
pub fn differences(before: &Recipe, after: &Recipe) -> Result<Vec<Difference>, TrainError> {
    let tree = |recipe: &Recipe| {
        Value::try_from(recipe)
            .map_err(|e| TrainError::Recipe { path: "recipe".into(), source: e.into() })
    };
    let mut found = Vec::new();
    compare(String::new(), Some(&tree(before)?), Some(&tree(after)?), &mut found);
    Ok(found)
}

fn compare(
    key: String,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    let below = |name: &str| match key.is_empty() {
        true => name.to_string(),
        false => format!("{key}.{name}"),
    };
    match (before, after) {
        (Some(Value::Table(a)), Some(Value::Table(b))) => {
            let new = b.keys().filter(|name| !a.contains_key(*name));
            for name in a.keys().chain(new) {
                compare(below(name), a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b)))
            if a.iter().chain(b).all(Value::is_table) =>
        {
            for index in 0..a.len().max(b.len()) {
                compare(below(&index.to_string()), a.get(index), b.get(index), found);
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            found.push(Difference { key, before: before.cloned(), after: after.cloned() });
        }
    }
}

/// The differences, all of which `allowed` (keys, or tables of them) must cover.
///
/// # Errors
/// [`TrainError::RecipeDiffers`] names those that are not allowed, or with which no run can be
/// resumed; [`TrainError::NoDifference`] names an allowed key that is the same in both.
pub fn allowed(
    found: Vec<Difference>,
    allowed: &[String],
    run: &std::path::Path,
) -> Result<Vec<Difference>, TrainError> {
    if let Some(key) = allowed.iter().find(|key| !found.iter().any(|d| d.is_in(key))) {
        return Err(TrainError::NoDifference { key: key.clone() });
    }
    let wrong = |d: &&Difference| d.changes_shapes() || !allowed.iter().any(|key| d.is_in(key));
    let refused: Vec<String> = found.iter().filter(wrong).map(Difference::to_string).collect();
    if refused.is_empty() {
        return Ok(found);
    }
    let hopeless = found.iter().filter(wrong).any(Difference::changes_shapes);
    let advice = match hopeless {
        true => "train into another folder, with `init` to use the weights",
        false => "undo that, allow each with --change KEY, or train into another folder",
    };
    Err(TrainError::RecipeDiffers {
        path: run.join("recipe.toml"),
        differences: refused.join(", "),
        advice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With an alphabet.
    fn small() -> String {
        format!("alphabet = [\"\", \"a\"]\n{}", stonechat_testing::SMALL_RECIPE)
    }

    fn changed(changes: &[(&str, &str)]) -> Vec<Difference> {
        let before = Recipe::from_toml(&small()).unwrap();
        let text = changes.iter().fold(small(), |text, (a, b)| text.replace(a, b));
        differences(&before, &Recipe::from_toml(&text).unwrap()).unwrap()
    }

    #[test]
    fn every_difference_has_its_key() {
        for (changes, keys) in [
            (vec![], vec![]),
            (vec![("0.001", "0.002")], vec!["stage.0.rate"]),
            (vec![(r#""a""#, r#""b", "a""#)], vec!["alphabet"]),
            (vec![("train.jsonl", "t.jsonl")], vec!["data.train.0.manifest"]),
            (
                vec![("[network]", "[features]\nlow_hz = 90.0\n[network]"), ("= 2", "= 3")],
                vec!["features.low_hz", "stage.0.epochs"],
            ),
            (vec![("alphabet", "seed = 3\nalphabet")], vec!["seed"]),
        ] {
            let found: Vec<String> = changed(&changes).into_iter().map(|d| d.key).collect();
            let mut found = found;
            found.sort();
            assert_eq!(found, keys, "{changes:?}");
        }
        // One more stage.
        let more = small() + "[[stage]]\nname = \"two\"\nepochs = 1\nrate = 0.1\n";
        let before = Recipe::from_toml(&small()).unwrap();
        let found = differences(&before, &Recipe::from_toml(&more).unwrap()).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].key == "stage.1" && found[0].before.is_none());
    }

    #[test]
    fn what_is_not_allowed_is_refused() {
        let rate = || changed(&[("0.001", "0.002"), ("= 2", "= 3")]);
        let shape = || changed(&[("[8]", "[9]")]);
        let keys = |keys: &[&str]| keys.iter().map(|k| k.to_string()).collect::<Vec<_>>();
        let run = std::path::Path::new("run");
        for (found, permitted, refused) in [
            (rate(), keys(&["stage.0.rate", "stage.0.epochs"]), None),
            (rate(), keys(&["stage"]), None),
            (rate(), keys(&["stage.0"]), None),
            (rate(), keys(&["stage.0.rate"]), Some("stage.0.epochs (2 before, 3 now)")),
            (rate(), keys(&["stage.0.rat"]), Some("stage.0.rat")),
            (rate(), keys(&[]), Some("run/recipe.toml")),
            (shape(), keys(&["network"]), Some("another folder")),
            (Vec::new(), keys(&["seed"]), Some("seed")),
            (Vec::new(), keys(&[]), None),
        ] {
            let told = allowed(found, &permitted, run);
            match (told, refused) {
                (Ok(_), None) => {}
                (Err(error), Some(words)) => {
                    let error = error.to_string();
                    assert!(error.contains(words), "{permitted:?}: {error}");
                }
                (told, _) => panic!("{permitted:?}: {told:?}"),
            }
        }
    }
}
