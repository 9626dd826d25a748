//! Decoders of packets: symphonia's, our own for Opus, and the names of unsupported codecs.

use ropus::{Channels, DecodeMode};
use symphonia::core::codecs::audio::well_known as id;
use symphonia::core::codecs::audio::{
    AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions,
};
use symphonia::core::packet::Packet;

use super::Layout;

/// The name of an unknown codec.
pub(super) const UNKNOWN: &str = "an unsupported codec";

/// Rate at which Opus is decoded, whatever the rate of its source.
const OPUS_RATE_HZ: u32 = 48_000;
/// The longest packet: 120 ms.
const OPUS_MOST_FRAMES: usize = 5_760;

pub(super) enum Decoder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<Opus>),
}

pub(super) struct Opus {
    decoder: ropus::Decoder,
    channels: usize,
    gain: f32,
    /// Samples of each channel that the encoder put in front, how many of them are still to be
    /// dropped, and how many were dropped from the last packet.
    delay: usize,
    skip: usize,
    skipped: usize,
    pcm: Vec<f32>,
}

impl Decoder {
    /// A decoder for a track.
    ///
    /// # Errors
    /// The name of the codec, if it has one.
    pub(super) fn new(parameters: &AudioCodecParameters) -> Result<Self, Option<String>> {
        if parameters.codec == id::CODEC_ID_OPUS {
            return Opus::new(parameters).map(|opus| Decoder::Opus(Box::new(opus))).map_err(Some);
        }
        symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map(Decoder::Symphonia)
            .map_err(|_| name(parameters.codec).map(str::to_string))
    }

    /// Samples that an encoder put in front, which count in the time stamps of packets.
    pub(super) fn delay(&self) -> u64 {
        match self {
            Decoder::Symphonia(_) => 0,
            Decoder::Opus(opus) => opus.delay as u64,
        }
    }

    /// Samples that the last call of [`Decoder::decode`] dropped at the start of the packet.
    pub(super) fn skipped(&self) -> u64 {
        match self {
            Decoder::Symphonia(_) => 0,
            Decoder::Opus(opus) => opus.skipped as u64,
        }
    }

    /// Replaces `frames` by the packet's interleaved frames; `None` if it could not be decoded.
    pub(super) fn decode(&mut self, packet: &Packet, frames: &mut Vec<f32>) -> Option<Layout> {
        frames.clear();
        match self {
            Decoder::Symphonia(decoder) => {
                let audio = decoder.decode(packet).ok()?;
                let layout =
                    Layout { rate_hz: audio.spec().rate(), channels: audio.num_planes().max(1) };
                audio.copy_to_vec_interleaved(frames);
                Some(layout)
            }
            Decoder::Opus(opus) => opus.decode(packet, frames),
        }
    }

    /// Forgets the decoder's state: the next packet is from another place.
    pub(super) fn reset(&mut self) {
        match self {
            Decoder::Symphonia(decoder) => decoder.reset(),
            // Its state fades within the run-up of a segment.
            Decoder::Opus(opus) => opus.skip = 0,
        }
    }
}

impl Opus {
    fn new(parameters: &AudioCodecParameters) -> Result<Self, String> {
        let head = parameters.extra_data.as_deref().unwrap_or(b"");
        let head = head.strip_prefix(b"OpusHead").unwrap_or(head);
        let channels = parameters
            .channels
            .as_ref()
            .map_or(usize::from(*head.get(1).unwrap_or(&1)), |c| c.count());
        let (count, known) = match channels {
            0 | 1 => (Channels::Mono, 1),
            2 => (Channels::Stereo, 2),
            more => return Err(format!("Opus of {more} channels")),
        };
        let decoder = ropus::Decoder::new(OPUS_RATE_HZ, count).map_err(|_| "Opus".to_string())?;
        // RFC 7845: version, channels, samples to drop, input rate, gain in steps of 1/256 dB.
        let word = |at: usize| head.get(at..at + 2).map_or([0; 2], |b| [b[0], b[1]]);
        let gain = f32::from(i16::from_le_bytes(word(8))) / 256.0;
        Ok(Opus {
            decoder,
            channels: known,
            gain: 10f32.powf(gain.clamp(-60.0, 60.0) / 20.0),
            delay: u16::from_le_bytes(word(2)).into(),
            skip: u16::from_le_bytes(word(2)).into(),
            skipped: 0,
            pcm: vec![0.0; OPUS_MOST_FRAMES * known],
        })
    }

    fn decode(&mut self, packet: &Packet, frames: &mut Vec<f32>) -> Option<Layout> {
        if packet.data.is_empty() {
            return None;
        }
        let count =
            self.decoder.decode_float(&packet.data, &mut self.pcm, DecodeMode::Normal).ok()?;
        let skipped = self.skip.min(count);
        self.skip -= skipped;
        self.skipped = skipped;
        let end = count.saturating_sub(packet.trim_end.get() as usize).max(skipped);
        let kept = &self.pcm[skipped * self.channels..end * self.channels];
        frames.extend(kept.iter().map(|x| x * self.gain));
        Some(Layout { rate_hz: OPUS_RATE_HZ, channels: self.channels })
    }
}

/// The name of a codec that occurs in files.
fn name(codec: AudioCodecId) -> Option<&'static str> {
    let names = [
        (id::CODEC_ID_SPEEX, "Speex"),
        (id::CODEC_ID_AC3, "AC-3"),
        (id::CODEC_ID_EAC3, "E-AC-3"),
        (id::CODEC_ID_DCA, "DTS"),
        (id::CODEC_ID_WMA, "Windows Media Audio"),
        (id::CODEC_ID_AAC, "an AAC of another profile than LC"),
        (id::CODEC_ID_WAVPACK, "WavPack"),
        (id::CODEC_ID_TTA, "True Audio"),
    ];
    names.iter().find(|(known, _)| *known == codec).map(|(_, name)| *name)
}
