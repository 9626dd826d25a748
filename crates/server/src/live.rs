//! A stream whose text is told as it becomes certain: what OpenAI Realtime and Wyoming have in common.

use stonechat::{Error, Recognizer, Stream, Transcript};

use crate::certain::Certain;

/// Something to tell.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// More text of the utterance that goes on.
    More(String),
    /// An utterance has ended; what was not told of it, and all of it.
    Ended(String, Transcript),
}

/// A stream and how much of it was told.
pub(crate) struct Live {
    stream: Stream,
    certain: Certain,
    /// Of streams before this one, so that times go on.
    earlier_s: f64,
}

impl Live {
    pub(crate) fn new(recognizer: &Recognizer, rate_hz: u32) -> Result<Self, Error> {
        let stream = recognizer.stream_at(rate_hz)?;
        Ok(Self { stream, certain: Certain::default(), earlier_s: 0.0 })
    }

    /// Takes samples; what there is to tell, in its order.
    pub(crate) fn push(&mut self, samples: &[i16]) -> Result<Vec<Said>, Error> {
        self.stream.push_i16(samples.iter().copied())?;
        let mut said = self.ended();
        let more = self.certain.more(&self.stream);
        if !more.is_empty() {
            said.push(Said::More(more.into()));
        }
        Ok(said)
    }

    /// Ends the utterance to its last sound, and begins anew.
    pub(crate) fn finish(&mut self) -> Vec<Said> {
        let last = self.stream.finish();
        let mut said = self.ended();
        let rest = self.certain.rest(&last.text).to_string();
        said.push(Said::Ended(rest, last));
        self.reset();
        said
    }

    /// Forgets the utterance.
    pub(crate) fn reset(&mut self) {
        self.earlier_s += self.stream.seconds();
        self.stream.reset();
        self.certain = Certain::default();
    }

    /// Whether no sample came since the start.
    pub(crate) fn is_empty(&self) -> bool {
        self.stream.seconds() == 0.0
    }

    /// Whether something of the utterance that goes on was heard.
    pub(crate) fn is_speech(&self) -> bool {
        !self.stream.partial().is_empty()
    }

    /// Seconds of audio since the first stream began.
    pub(crate) fn seconds(&self) -> f64 {
        self.earlier_s + self.stream.seconds()
    }

    /// Where this stream began in all audio, in seconds: times of words count from there.
    pub(crate) fn origin_s(&self) -> f64 {
        self.earlier_s
    }

    /// Where the words of the utterance that goes on begin, in seconds of all audio.
    pub(crate) fn speech_start_s(&self) -> f64 {
        self.earlier_s + self.stream.words().first().map_or(self.stream.seconds(), |w| w.start)
    }

    fn ended(&mut self) -> Vec<Said> {
        let ended = self.stream.take_utterances().into_iter();
        ended.map(|said| Said::Ended(self.certain.rest(&said.text).to_string(), said)).collect()
    }
}
