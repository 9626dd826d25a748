//! Hours of audio in constant memory.
#![cfg(feature = "files")]

mod common;

use common::{Folder, Wav};
use stonechat_audio::{AudioReader, FeatureConfig, FeatureExtractor};
use stonechat_testing::{Counting, peak_bytes};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn silence_is_streamed_in_flat_memory() {
    // 5 minutes at 48 kHz stereo and 20 at 16 kHz mono, of zeros the file system need not store.
    for (rate_hz, channels, seconds) in [(48_000, 2, 300_u32), (16_000, 1, 1_200)] {
        let folder = Folder::new();
        let bytes = seconds * rate_hz * u32::from(channels) * 2;
        let header =
            Wav { data_bytes: Some(bytes), ..Wav::empty(1, 16, rate_hz, channels) }.bytes();
        let path = folder.write("silence.wav", &header);
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(header.len() as u64 + u64::from(bytes)).unwrap();

        let ((count, all), peak) = peak_bytes(|| {
            let mut reader = AudioReader::open(&path, 16_000).unwrap();
            let mut extractor = FeatureExtractor::new(&FeatureConfig::default()).unwrap();
            let (mut samples, mut frames, mut all) = (Vec::new(), Vec::new(), 0);
            let mut count = 0;
            while reader.next_chunk(&mut samples).unwrap() {
                count += samples.len();
                all += extractor.push(&samples, &mut frames);
                samples.clear();
                frames.clear();
            }
            (count, all)
        });
        assert_eq!(count, seconds as usize * 16_000);
        assert_eq!(all, seconds as usize * 100 - 1);
        // One packet, one block, filters and FFT tables; the samples themselves would be 19 and 77
        // MB.
        assert!(peak < 2 << 20, "{rate_hz} Hz: {peak} bytes at the peak");
    }
}
