//! Sound devices: which there are, and one of them opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, I24, SampleFormat, SizedSample, StreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};
use serde::Serialize;

/// Audio that may wait to be heard, seconds.
const RING_S: usize = 4;
/// How often in a second a device should call, about.
const CALLS_PER_S: u32 = 50;

/// A device that can be listened to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// What the system calls it: what `--microphone=NAME` takes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it is the one that is taken without a name.
    pub default: bool,
}

/// What the device's own thread tells.
#[derive(Debug, Default)]
pub struct Signals {
    /// Calls of the device.
    pub calls: AtomicU64,
    /// Frames that found no room.
    lost_frames: AtomicU64,
    /// Times that the system lost audio itself.
    pub overruns: AtomicU64,
    /// Whether the device is gone.
    pub dead: AtomicBool,
}

/// A device that is being listened to.
pub struct Opened {
    pub name: String,
    pub rate_hz: u32,
    pub channels: usize,
    pub signals: Arc<Signals>,
    ring: Consumer<f32>,
    /// The device calls as long as this is there.
    _stream: cpal::Stream,
}

/// All input devices, the default one first.
pub fn list() -> Result<Vec<Listed>> {
    Ok(devices()?.into_iter().map(|(listed, _)| listed).collect())
}

fn devices() -> Result<Vec<(Listed, cpal::Device)>> {
    let host = cpal::default_host();
    let default = host.default_input_device().and_then(|device| device.id().ok());
    let mut found = Vec::new();
    for device in host.input_devices().context("the sound system")? {
        // One that cannot say what it is cannot be chosen.
        let (Ok(id), Ok(description)) = (device.id(), device.description()) else { continue };
        let is_default = default.as_ref() == Some(&id);
        let (id, name) = (id.id().to_string(), description.name().to_string());
        found.push((Listed { id, name, default: is_default }, device));
    }
    found.sort_by_key(|(listed, _)| !listed.default);
    Ok(found)
}

/// Which of the devices a user means: by its id, its name, or a part of them that no other has; without a name the default.
pub fn choose(listed: &[Listed], wanted: Option<&str>) -> Result<usize> {
    let is = |fits: &dyn Fn(&Listed) -> bool| {
        let all: Vec<usize> = (0..listed.len()).filter(|&n| fits(&listed[n])).collect();
        if let [one] = all[..] { Some(one) } else { None }
    };
    if listed.is_empty() {
        bail!("there is no microphone");
    }
    let Some(wanted) = wanted else {
        let first = listed.iter().position(|device| device.default);
        return Ok(first.unwrap_or(0));
    };
    let small = wanted.to_lowercase();
    let part =
        |device: &Listed| format!("{}\n{}", device.id, device.name).to_lowercase().contains(&small);
    is(&|device| device.id == wanted)
        .or_else(|| is(&|device| device.name == wanted))
        .or_else(|| is(&part))
        .ok_or_else(|| {
            let ids: Vec<&str> = listed.iter().map(|device| device.id.as_str()).collect();
            anyhow!("{wanted:?} is not the name of one microphone; there are {}", ids.join(", "))
        })
}

impl Opened {
    /// Opens a device at its own rate and starts it.
    pub fn new(wanted: Option<&str>) -> Result<Self> {
        let (listed, mut devices): (Vec<_>, Vec<_>) = devices()?.into_iter().unzip();
        let chosen = choose(&listed, wanted)?;
        let (name, device) = (listed[chosen].name.clone(), devices.swap_remove(chosen));
        let named = || name.clone();
        let own = device.default_input_config().with_context(named)?;
        let (rate_hz, channels) = (own.sample_rate(), usize::from(own.channels()));
        let signals = Arc::new(Signals::default());
        let open = |buffer_size| {
            let config = StreamConfig { buffer_size, ..own.config() };
            let (writer, ring) = RingBuffer::new(RING_S * rate_hz as usize * channels);
            let stream = start(&device, config, own.sample_format(), writer, &signals)?;
            stream.play()?;
            anyhow::Ok((stream, ring))
        };
        // Short buffers of a power of two; where the device wants others, its own.
        let frames = (rate_hz / CALLS_PER_S).next_power_of_two();
        let opened = open(BufferSize::Fixed(frames)).or_else(|_| open(BufferSize::Default));
        let (stream, ring) = opened.with_context(named)?;
        Ok(Self { name, rate_hz, channels, signals, ring, _stream: stream })
    }

    /// Appends what has come, whole frames of all channels.
    pub fn take(&mut self, out: &mut Vec<f32>) {
        let slots = self.ring.slots() / self.channels * self.channels;
        if let Ok(chunk) = self.ring.read_chunk(slots) {
            out.extend(chunk);
        }
    }

    /// Seconds that found no room, since the last call.
    pub fn take_lost_s(&self) -> f64 {
        self.signals.lost_frames.swap(0, Ordering::Relaxed) as f64 / f64::from(self.rate_hz)
    }
}

fn start(
    device: &cpal::Device,
    config: StreamConfig,
    format: SampleFormat,
    ring: Producer<f32>,
    signals: &Arc<Signals>,
) -> Result<cpal::Stream> {
    let signals = Arc::clone(signals);
    match format {
        SampleFormat::F32 => start_as::<f32>(device, config, ring, signals),
        SampleFormat::F64 => start_as::<f64>(device, config, ring, signals),
        SampleFormat::I8 => start_as::<i8>(device, config, ring, signals),
        SampleFormat::I16 => start_as::<i16>(device, config, ring, signals),
        SampleFormat::I24 => start_as::<I24>(device, config, ring, signals),
        SampleFormat::I32 => start_as::<i32>(device, config, ring, signals),
        SampleFormat::U8 => start_as::<u8>(device, config, ring, signals),
        SampleFormat::U16 => start_as::<u16>(device, config, ring, signals),
        SampleFormat::U32 => start_as::<u32>(device, config, ring, signals),
        other => bail!("its samples are {other}, which are not read here"),
    }
}

fn start_as<T: SizedSample>(
    device: &cpal::Device,
    config: StreamConfig,
    mut ring: Producer<f32>,
    signals: Arc<Signals>,
) -> Result<cpal::Stream>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels);
    let told = Arc::clone(&signals);
    let hear = move |data: &[T], _: &cpal::InputCallbackInfo| {
        let lost = put(&mut ring, data.iter().map(|&x| f32::from_sample_(x)), channels);
        signals.lost_frames.fetch_add(lost, Ordering::Relaxed);
        signals.calls.fetch_add(1, Ordering::Relaxed);
    };
    let fail = move |error: cpal::Error| match error.kind() {
        ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged => {}
        ErrorKind::Xrun => drop(told.overruns.fetch_add(1, Ordering::Relaxed)),
        _ => told.dead.store(true, Ordering::Relaxed),
    };
    Ok(device.build_input_stream(config, hear, fail, None)?)
}

/// Puts as many whole frames as there is room for, and says how many there was none for.
fn put(
    ring: &mut Producer<f32>,
    samples: impl ExactSizeIterator<Item = f32>,
    channels: usize,
) -> u64 {
    let wanted = samples.len() / channels;
    let frames = wanted.min(ring.slots() / channels);
    if let Ok(chunk) = ring.write_chunk_uninit(frames * channels) {
        chunk.fill_from_iter(samples);
    }
    (wanted - frames) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microphones_are_chosen_by_name() {
        let device =
            |id: &str, name: &str, default| Listed { id: id.into(), name: name.into(), default };
        let all = [
            device("usb.1", "USB microphone", false),
            device("usb.10", "USB microphone", true),
            device("card", "Built-in Audio", false),
        ];
        for (wanted, expected) in [
            (None, Some(1)),
            (Some("usb.1"), Some(0)),
            (Some("usb.10"), Some(1)),
            (Some("Built-in Audio"), Some(2)),
            (Some("built-in"), Some(2)),
            (Some("USB microphone"), None), // two
            (Some("usb"), None),
            (Some("line"), None),
        ] {
            match (choose(&all, wanted), expected) {
                (Ok(chosen), Some(expected)) => assert_eq!(chosen, expected, "{wanted:?}"),
                (Err(error), None) => assert!(error.to_string().contains("usb.10"), "{error}"),
                (other, _) => panic!("{wanted:?}: {other:?}"),
            }
        }
        assert_eq!(choose(&all[2..], None).unwrap(), 0, "no default: the first");
        assert!(choose(&[], None).is_err());
    }

    #[test]
    fn what_finds_no_room_is_counted_in_whole_frames() {
        let (mut writer, mut reader) = RingBuffer::new(7);
        let data: Vec<f32> = (0..10).map(|n| n as f32).collect();
        assert_eq!(put(&mut writer, data.iter().copied(), 2), 2);
        assert_eq!(reader.slots(), 6);
        assert_eq!(put(&mut writer, data.iter().copied(), 2), 5);
        let read: Vec<f32> = reader.read_chunk(6).unwrap().into_iter().collect();
        assert_eq!(read, data[..6]);
        assert_eq!(put(&mut writer, data[..4].iter().copied(), 2), 0);
    }
}
