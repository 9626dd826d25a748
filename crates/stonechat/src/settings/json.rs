//! Settings as an object: `{"beam": 32, "hotwords": {"little station": 6}, "grammar": ["lights on",
//! "lights off"]}`.
//!
//! Values are numbers, booleans, or either as a string. A list sets its elements one by one,
//! hotwords may be an object of boosts, and null leaves a setting alone.

use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{SETTINGS, Setting, Settings};
use crate::Error;

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for setting in SETTINGS {
            match setting.of(self) {
                Value::Null => {}
                value => map.serialize_entry(setting.name, &value)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Self::default();
        for (name, value) in Map::deserialize(deserializer)? {
            settings.set_value(&name, &value).map_err(D::Error::custom)?;
        }
        Ok(settings)
    }
}

impl Settings {
    /// [`set`](Self::set) with a JSON value: a string, a number or a boolean; null leaves the
    /// setting alone. A list of strings adds hotwords or keywords, or is the phrases of a grammar;
    /// an object of phrases and boosts adds hotwords.
    ///
    /// # Errors
    /// Those of [`set`](Self::set).
    pub fn set_value(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        let setting = Setting::named(name)?;
        let refused = || Err(setting.error(format!("must be {}", setting.value)));
        match (setting.name, value) {
            (_, Value::Null) => Ok(()),
            ("hotwords" | "hotword", Value::Object(boosts)) => {
                boosts.iter().try_for_each(|(phrase, boost)| match boost {
                    Value::Null => self.set("hotword", phrase),
                    Value::Number(boost) => self.set("hotword", &format!("{phrase}:{boost}")),
                    _ => Err(setting.error(format!("{phrase:?}: the boost must be a number"))),
                })
            }
            ("hotwords" | "hotword", Value::Array(list)) => self.set_each("hotword", list),
            ("keywords" | "keyword", Value::Array(list)) => self.set_each("keyword", list),
            (_, Value::Array(list)) => {
                let between = match setting.name {
                    "grammar" => "\n",
                    "confidence-weights" => ",",
                    _ => return refused(),
                };
                match list.iter().map(plain).collect::<Option<Vec<String>>>() {
                    Some(values) => self.set(setting.name, &values.join(between)),
                    None => refused(),
                }
            }
            (_, value) => match plain(value) {
                Some(value) => self.set(setting.name, &value),
                None => refused(),
            },
        }
    }

    fn set_each(&mut self, name: &str, values: &[Value]) -> Result<(), Error> {
        values.iter().try_for_each(|value| match value {
            Value::String(text) => self.set(name, text),
            _ => Err(self.error(name, "must be a list of texts")),
        })
    }
}

/// The text of a value that is not a list or an object.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}
