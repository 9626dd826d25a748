//! Files of every format, rate and channel count compared with the original signal.
#![cfg(feature = "files")]

mod common;

use common::{Folder, Wav, fixture, largest_difference, noise, sweep};
use stonechat_audio::{AudioReader, Error, read_file, read_segment};

/// The sweep as 16-bit samples.
fn rounded(rate_hz: u32, gain: f32) -> Vec<f32> {
    sweep(rate_hz, 1.2).iter().map(|x| (gain * x * 32_767.0).round() / 32_768.0).collect()
}

#[test]
fn compressed_formats_hold_the_sweep() {
    // (file, its rate, its channels, mean gain of the channels, coding error)
    let cases = [
        ("sweep.flac", 16_000, 1, 1.0, 1.1 / 32_768.0),
        ("sweep.mp3", 44_100, 2, 0.75, 0.02),
        ("sweep.ogg", 22_050, 1, 1.0, 0.05),
    ];
    for (name, rate_hz, channels, gain, error) in cases {
        for target_hz in [rate_hz, 16_000, 8_000] {
            let reader = AudioReader::open(fixture(name), target_hz).unwrap();
            assert_eq!((reader.source_rate_hz(), reader.channels()), (rate_hz, channels), "{name}");
            if let Some(seconds) = reader.duration_s() {
                assert!((seconds - 1.2).abs() < 1e-3, "{name}: header says {seconds} s");
            }
            let samples = read_file(fixture(name), target_hz).unwrap().samples;
            let expected = rounded(target_hz, gain);
            // Encoder delay and padding are removed: the length is that of the original.
            assert!(
                samples.len().abs_diff(expected.len()) <= 1,
                "{name} at {target_hz} Hz: {} samples",
                samples.len()
            );
            let middle = target_hz as usize / 10..target_hz as usize;
            let difference = largest_difference(&samples[middle.clone()], &expected[middle]);
            assert!(difference < error + 1e-3, "{name} at {target_hz} Hz: difference {difference}");
        }
    }
    assert!(
        largest_difference(
            &read_file(fixture("sweep.flac"), 16_000).unwrap().samples,
            &rounded(16_000, 1.0)
        ) < 1e-4
    );
}

#[test]
fn wav_of_any_width_and_layout() {
    let folder = Folder::new();
    let signal = noise(4, 5_000);
    let unsigned8 = |x: &f32| vec![(x * 128.0 + 128.0).round() as u8];
    let signed = |bytes: usize| {
        move |x: &f32| ((x * 2_147_483_648.0) as i32).to_le_bytes()[4 - bytes..].to_vec()
    };
    type Write<'a> = &'a dyn Fn(&f32) -> Vec<u8>;
    // (tag, bits, writer, error)
    let cases: [(u16, u16, Write, f32); 7] = [
        (1, 8, &unsigned8, 1.0 / 128.0),
        (1, 16, &signed(2), 1.0 / 32_768.0),
        (1, 24, &signed(3), 1e-6),
        (1, 32, &signed(4), 1e-7),
        (1, 20, &signed(3), 1e-6), // 20 valid bits in 3 bytes
        (3, 32, &|x| x.to_le_bytes().to_vec(), 0.0),
        (3, 64, &|x| f64::from(*x).to_le_bytes().to_vec(), 0.0),
    ];
    for (tag, bits, write, error) in cases {
        let wav = Wav {
            data: signal.iter().flat_map(write).collect(),
            ..Wav::empty(tag, bits, 16_000, 1)
        };
        let samples = read_file(folder.write("a.wav", wav.bytes()), 16_000).unwrap().samples;
        let difference = largest_difference(&samples, &signal);
        assert!(difference <= error, "tag {tag}, {bits} bits: difference {difference}");
    }
}

#[test]
fn channels_become_their_mean() {
    let folder = Folder::new();
    for channels in [2_u16, 3, 6, 8, 40] {
        let parts: Vec<Vec<f32>> =
            (0..channels).map(|c| noise(u64::from(c) * 77 + 5, 2_000)).collect();
        let interleaved: Vec<f32> =
            (0..2_000).flat_map(|n| parts.iter().map(move |part| part[n])).collect();
        let mean: Vec<f32> = (0..2_000)
            .map(|n| parts.iter().map(|p| p[n]).sum::<f32>() / f32::from(channels))
            .collect();
        let path = folder.write("a.wav", Wav::float(16_000, channels, &interleaved).bytes());
        assert_eq!(AudioReader::open(&path, 16_000).unwrap().channels(), usize::from(channels));
        assert!(
            largest_difference(&read_file(&path, 16_000).unwrap().samples, &mean) < 1e-6,
            "{channels} channels"
        );
    }
}

#[test]
fn eight_channels_at_96_khz() {
    let folder = Folder::new();
    // Every channel louder than the one before; gains average to 0.5625.
    let interleaved: Vec<f32> =
        sweep(96_000, 1.2).iter().flat_map(|x| (1..=8).map(move |c| x * c as f32 / 8.0)).collect();
    let path = folder.write("meeting.wav", Wav::pcm16(96_000, 8, &interleaved).bytes());
    let samples = read_file(&path, 16_000).unwrap().samples;
    assert_eq!(samples.len(), 19_200);
    let expected: Vec<f32> = sweep(16_000, 1.2).iter().map(|x| x * 0.5625).collect();
    let difference = largest_difference(&samples[1_600..16_000], &expected[1_600..16_000]);
    assert!(difference < 1e-3, "difference {difference}");
}

#[test]
fn a_segment_is_a_slice_of_the_file() {
    let folder = Folder::new();
    let wav = folder.write("a.wav", Wav::pcm16(44_100, 1, &sweep(44_100, 1.2)).bytes());
    for path in [fixture("sweep.flac"), fixture("sweep.mp3"), fixture("sweep.ogg"), wav] {
        for target_hz in [8_000, 16_000, 44_100] {
            let whole = read_file(&path, target_hz).unwrap().samples;
            for (offset_s, duration_s) in [
                (0.0, Some(0.3)),
                (0.25, Some(0.1)),
                (0.9, Some(0.2)),
                (1.1, None),
                (1.0, Some(9.0)),
            ] {
                let segment = read_segment(&path, target_hz, offset_s, duration_s).unwrap().samples;
                let start = (offset_s * f64::from(target_hz)).round() as usize;
                let end = duration_s
                    .map_or(usize::MAX, |s| start + (s * f64::from(target_hz)).round() as usize);
                let expected = &whole[start..end.min(whole.len())];
                let difference = largest_difference(&segment, expected);
                let case =
                    format!("{} at {target_hz} Hz, {offset_s} s + {duration_s:?}", path.display());
                assert!(difference < 1e-4, "{case}: difference {difference}");
            }
        }
    }
}

#[test]
fn segments_that_are_not_in_the_file() {
    let path = fixture("sweep.flac");
    for (offset_s, duration_s) in
        [(-0.1, None), (f64::NAN, None), (1.2, None), (5.0, Some(1.0)), (f64::INFINITY, None)]
    {
        let error = read_segment(&path, 16_000, offset_s, duration_s).unwrap_err();
        assert!(matches!(error, Error::Segment { .. }), "{offset_s}, {duration_s:?}: {error}");
    }
    for duration_s in [0.0, -1.0, f64::NAN] {
        let error = read_segment(&path, 16_000, 0.5, Some(duration_s)).unwrap_err();
        assert!(error.to_string().contains("duration"), "{duration_s}: {error}");
    }
}

#[test]
fn chunks_are_bounded_and_join_to_the_whole() {
    let folder = Folder::new();
    let wav = folder.write("a.wav", Wav::pcm16(48_000, 2, &noise(8, 400_000)).bytes());
    for path in [wav, fixture("sweep.flac"), fixture("sweep.mp3"), fixture("sweep.ogg")] {
        let mut reader = AudioReader::open(&path, 16_000).unwrap();
        let (mut joined, mut chunk) = (Vec::new(), Vec::new());
        while reader.next_chunk(&mut chunk).unwrap() {
            assert!(
                (1..=65_536).contains(&chunk.len()),
                "{}: a chunk of {}",
                path.display(),
                chunk.len()
            );
            joined.append(&mut chunk);
        }
        assert!(
            chunk.is_empty() && !reader.next_chunk(&mut chunk).unwrap(),
            "the end stays the end"
        );
        assert!(joined == read_file(&path, 16_000).unwrap().samples, "{}", path.display());
        assert_eq!(reader.warnings(), [], "{}", path.display());
    }
}

#[test]
fn the_name_of_a_file_does_not_matter() {
    let folder = Folder::new();
    for (name, other) in [("sweep.flac", "a.mp3"), ("sweep.mp3", "b.wav"), ("sweep.ogg", "c")] {
        let path = folder.write(other, std::fs::read(fixture(name)).unwrap());
        assert!(
            read_file(path, 16_000).unwrap().samples
                == read_file(fixture(name), 16_000).unwrap().samples,
            "{name} as {other}"
        );
    }
}

#[test]
fn target_rates_are_checked() {
    for rate_hz in [0, 999, u32::MAX] {
        assert!(
            matches!(read_file(fixture("sweep.flac"), rate_hz), Err(Error::SampleRate { .. })),
            "{rate_hz}"
        );
    }
}
