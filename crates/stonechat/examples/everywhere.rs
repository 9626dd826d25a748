//! The library's part of `tests/everywhere`, whose README says what the rows are.
//!
//! ```text
//! everywhere sounds SAMPLES FOLDER < ROWS    # makes FOLDER/NAME.pcm for each row
//! everywhere MODEL FOLDER < ROWS             # prints NAME, a tab and the text
//! ```

use std::error::Error;
use std::fs;
use std::io::stdin;
use std::path::Path;
use std::sync::Arc;

use stonechat::{Model, Settings};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Row {
    name: String,
    sound: String,
    rate_hz: u32,
    settings: Vec<(String, String)>,
}

impl Row {
    fn of(line: &str) -> Result<Self> {
        let [name, sound, rate_hz, settings, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("not five columns: {line:?}").into());
        };
        let pairs = settings.split(';').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').ok_or(format!("no NAME=VALUE: {pair:?}"))?;
            Ok((name.to_owned(), value.to_owned()))
        };
        Ok(Self {
            name: name.into(),
            sound: sound.into(),
            rate_hz: rate_hz.parse()?,
            settings: pairs.map(pair).collect::<Result<_>>()?,
        })
    }

    fn samples(&self, folder: &Path) -> Result<Vec<i16>> {
        let mut all = Vec::new();
        for part in self.sound.split('+') {
            let (name, gain) = part.split_once('*').unwrap_or((part, "1"));
            let gain: f32 = gain.parse()?;
            let rate_hz = self.rate_hz as f32;
            let sound = match name {
                "pause" => vec![0.0; 2 * self.rate_hz as usize],
                "tone" => (0..self.rate_hz)
                    .map(|n| (n as f32 / rate_hz * 440.0 * std::f32::consts::TAU).sin() / 4.0)
                    .collect(),
                name => {
                    let path = folder.join(format!("{name}.flac"));
                    stonechat_audio::read_file(path, self.rate_hz)?.samples
                }
            };
            all.extend(sound.iter().map(|sample| (sample * gain * 32_768.0).round() as i16));
        }
        Ok(all)
    }

    /// Pushed in pieces of 100 ms, as a microphone has them.
    fn text(&self, model: &Arc<Model>, samples: &[i16]) -> Result<String> {
        let mut settings = Settings::default();
        for (name, value) in &self.settings {
            settings.set(name, value)?;
        }
        let mut stream = settings.recognizer(Arc::clone(model))?.stream_at(self.rate_hz)?;
        for piece in samples.chunks(self.rate_hz as usize / 10) {
            stream.push_i16(piece.iter().copied())?;
        }
        let last = stream.finish();
        let said = stream.take_utterances().into_iter().chain([last]);
        let texts: Vec<String> =
            said.map(|said| said.text).filter(|text| !text.is_empty()).collect();
        Ok(texts.join(" "))
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let rows = stdin().lines().map(|line| Row::of(&line?)).collect::<Result<Vec<_>>>()?;
    match arguments[..] {
        ["sounds", samples, folder] => {
            for row in rows {
                let samples = row.samples(Path::new(samples))?;
                let bytes = samples.iter().flat_map(|sample| sample.to_le_bytes());
                let path = Path::new(folder).join(row.name + ".pcm");
                fs::write(path, bytes.collect::<Vec<u8>>())?;
            }
        }
        [model, folder] => {
            let model = Arc::new(Model::load(model)?);
            for row in rows {
                let bytes = fs::read(Path::new(folder).join(format!("{}.pcm", row.name)))?;
                let (pairs, _) = bytes.as_chunks();
                let samples: Vec<i16> =
                    pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
                println!("{}\t{}", row.name, row.text(&model, &samples)?);
            }
        }
        _ => return Err("everywhere sounds SAMPLES FOLDER, or everywhere MODEL FOLDER".into()),
    }
    Ok(())
}
