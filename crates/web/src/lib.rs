//! Stonechat for browsers and Node, as WebAssembly: a [`Model`], recognizers with settings, streams.
//!
//! Results cross the border as JSON; `web/package` makes objects of them. What is here is what `session` does, with the errors of
//! JavaScript.

#![warn(clippy::alloc_instead_of_core)]

mod session;

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

use session::Session;

/// A loaded model, with its language model if it has one.
#[wasm_bindgen]
pub struct Model(session::Model);

#[wasm_bindgen]
impl Model {
    /// Of the bytes of a package, and of a language model where the package does not hold one itself.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(package: &[u8], language_model: Option<Vec<u8>>) -> Result<Model, JsError> {
        Ok(Self(session::Model::new(package, language_model)?))
    }

    /// Samples a second that the model was trained on. Streams take any rate.
    #[wasm_bindgen(getter, js_name = sampleRate)]
    pub fn sample_rate(&self) -> u32 {
        self.0.sample_rate_hz()
    }

    /// A recognizer: `settings` is a JSON object with the names of the command's options.
    ///
    /// # Errors
    /// The setting that is wrong, and how.
    pub fn recognizer(&self, settings: &str) -> Result<Recognizer, JsError> {
        Ok(Recognizer(self.0.recognizer(settings)?))
    }
}

/// A model with settings.
#[wasm_bindgen]
pub struct Recognizer(session::Recognizer);

#[wasm_bindgen]
impl Recognizer {
    /// A stream of samples at this rate.
    ///
    /// # Errors
    /// A rate that nobody records at.
    pub fn stream(&self, sample_rate: u32) -> Result<Stream, JsError> {
        Ok(Stream(self.0.stream(sample_rate)?))
    }
}

/// One utterance, or an endless microphone.
#[wasm_bindgen]
pub struct Stream(Session);

#[wasm_bindgen]
impl Stream {
    /// Takes mono samples within -1 to 1.
    ///
    /// # Errors
    /// A stream that was finished.
    pub fn push(&mut self, samples: &[f32]) -> Result<(), JsError> {
        Ok(self.0.push(samples)?)
    }

    /// Takes mono samples of 16 bits.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    #[wasm_bindgen(js_name = pushPcm16)]
    pub fn push_pcm16(&mut self, samples: &[i16]) -> Result<(), JsError> {
        Ok(self.0.push_i16(samples)?)
    }

    /// The text of the utterance that goes on: `{"partial": "...", "stable": 0}`.
    pub fn partial(&self) -> String {
        self.0.partial()
    }

    /// The next utterance that ended or keyword that was heard, in the order in which they came; nothing where there is none.
    #[wasm_bindgen(js_name = next)]
    pub fn next_result(&mut self) -> Option<String> {
        self.0.next_result()
    }

    /// Ends the stream: the transcript of what was not yet told.
    pub fn finish(&mut self) -> String {
        self.0.finish()
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// Other hotwords from here on: a JSON list of `TEXT` or `TEXT:BOOST`, or an object of boosts.
    ///
    /// # Errors
    /// Hotwords that cannot be read or spelled.
    #[wasm_bindgen(js_name = setHotwords)]
    pub fn set_hotwords(&mut self, hotwords: &str) -> Result<(), JsError> {
        Ok(self.0.set_hotwords(hotwords)?)
    }

    /// Seconds of audio taken so far.
    #[wasm_bindgen(getter)]
    pub fn seconds(&self) -> f64 {
        self.0.seconds()
    }
}
