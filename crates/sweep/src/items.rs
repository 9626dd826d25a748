//! The trainings of a sweep.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::random::unit;
use crate::{Draw, Listed, RandomDraws, Sweep};

/// One training of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Name of its run folder.
    pub name: String,
    /// Name of its arm, if the sweep has arms.
    pub arm: Option<String>,
    /// The keys that it sets in the recipe, including the seed.
    pub set: BTreeMap<String, toml::Value>,
}

impl Item {
    /// The keys that it sets as `KEY=VALUE`, the form of `--set`.
    pub fn changes(&self) -> Vec<String> {
        self.set.iter().map(|(key, value)| format!("{key}={value}")).collect()
    }

    /// The keys that it sets as values of a table; values that a table cannot have become text.
    pub(crate) fn values(&self) -> BTreeMap<String, Value> {
        let value = |value: &toml::Value| match value {
            toml::Value::String(text) => json!(text),
            toml::Value::Integer(number) => json!(number),
            toml::Value::Float(number) => json!(number),
            toml::Value::Boolean(flag) => json!(flag),
            other => json!(other.to_string()),
        };
        self.set.iter().map(|(key, set)| (key.clone(), value(set))).collect()
    }
}

pub(crate) fn of(sweep: &Sweep) -> Vec<Item> {
    let mut variants = grid(&sweep.grid);
    variants.extend(sweep.items.iter().map(|listed| Item {
        name: listed.name.clone(),
        arm: None,
        set: listed.set.clone(),
    }));
    variants.extend(sweep.random.iter().flat_map(drawn));
    if variants.is_empty() {
        variants.push(Item { name: "recipe".into(), arm: None, set: BTreeMap::new() });
    }
    if !sweep.arms.is_empty() {
        let both = |arm, variants: &[Item]| variants.iter().map(|v| armed(arm, v)).collect();
        variants =
            sweep.arms.iter().flat_map(|arm| -> Vec<Item> { both(arm, &variants) }).collect();
    }
    for variant in &mut variants {
        let common = sweep.set.iter().map(|(key, value)| (key.clone(), value.clone()));
        variant.set = common.chain(std::mem::take(&mut variant.set)).collect();
    }
    if sweep.seeds.is_empty() {
        return variants;
    }
    let seeded = |variant: &Item, seed: u64| {
        let mut item = variant.clone();
        item.name = format!("{}-seed{seed}", item.name);
        item.set.values_mut().for_each(|value| place_seed(value, seed));
        item.set.insert("seed".into(), toml::Value::Integer(seed as i64));
        item
    };
    variants.iter().flat_map(|v| sweep.seeds.iter().map(move |&seed| seeded(v, seed))).collect()
}

/// A variant with what an arm sets beside it.
fn armed(arm: &Listed, variant: &Item) -> Item {
    let mut set = arm.set.clone();
    set.extend(variant.set.clone());
    Item { name: format!("{}-{}", arm.name, variant.name), arm: Some(arm.name.clone()), set }
}

/// Puts the seed where texts have `{seed}`.
fn place_seed(value: &mut toml::Value, seed: u64) {
    match value {
        toml::Value::String(text) => *text = text.replace("{seed}", &seed.to_string()),
        toml::Value::Array(values) => values.iter_mut().for_each(|value| place_seed(value, seed)),
        toml::Value::Table(values) => {
            values.iter_mut().for_each(|(_, value)| place_seed(value, seed));
        }
        _ => {}
    }
}

/// Every combination; the last key changes fastest.
fn grid(keys: &BTreeMap<String, Vec<toml::Value>>) -> Vec<Item> {
    if keys.is_empty() {
        return Vec::new();
    }
    let mut variants = vec![BTreeMap::new()];
    for (key, values) in keys {
        let with = |variant: &BTreeMap<String, toml::Value>, value: &toml::Value| {
            let mut variant = variant.clone();
            variant.insert(key.clone(), value.clone());
            variant
        };
        variants =
            variants.iter().flat_map(|v| values.iter().map(move |value| with(v, value))).collect();
    }
    variants.into_iter().map(|set| Item { name: name_of(&set), arm: None, set }).collect()
}

fn drawn(random: &RandomDraws) -> Vec<Item> {
    let draw = |draw: usize, key: usize, how: &Draw| {
        let share = unit(random.seed, (draw * random.keys.len() + key) as u64);
        let between = |low: f64, high: f64| low + share * (high - low);
        match how {
            Draw::Uniform([low, high]) => toml::Value::Float(between(*low, *high)),
            Draw::Log([low, high]) => toml::Value::Float(between(low.ln(), high.ln()).exp()),
            Draw::Choice(values) => values[(share * values.len() as f64) as usize].clone(),
        }
    };
    let one = |i: usize| {
        let keys = random.keys.iter().enumerate();
        let set = keys.map(|(k, (key, how))| (key.clone(), draw(i, k, how))).collect();
        Item { name: format!("draw{i}"), arm: None, set }
    };
    (0..random.draws).map(one).collect()
}

/// The last part of each key with its value, limited to what a file name allows.
fn name_of(set: &BTreeMap<String, toml::Value>) -> String {
    let part = |(key, value): (&String, &toml::Value)| {
        let key = key.rsplit('.').next().unwrap_or(key);
        let text = value.to_string();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        format!("{key}-{}", words.join("_"))
    };
    set.iter().map(part).collect::<Vec<_>>().join("_")
}
