use std::fs;
use std::path::{Path, PathBuf};

use stonechat_audio::FeatureConfig;

use super::{Corpus, RATE_HZ, features, voice, write_wav};
use crate::data::{FeatureCache, MemoryBudget, PcmCache, Utterance, read_manifest};

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_under(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn one_recording() -> (Corpus, Utterance) {
    let mut corpus = Corpus::new();
    corpus.say("a.wav", 0.5, "a");
    let utterance = read_manifest(&corpus.manifest("m.jsonl")).unwrap().remove(0);
    (corpus, utterance)
}

fn disk_only(corpus: &Corpus) -> PcmCache {
    PcmCache::new(Some(corpus.path("cache")), RATE_HZ, MemoryBudget::new(0)).unwrap()
}

#[test]
fn samples_come_back_as_they_were_recorded() {
    let (corpus, whole) = one_recording();
    let recorded = voice(0.5, "a.wav");
    let segment =
        |offset, duration_s| Utterance { offset_s: Some(offset), duration_s, ..whole.clone() };
    let cases = [
        (whole.clone(), 0..4000),
        (segment(0.0, Some(0.25)), 0..2000),
        (segment(0.25, Some(0.125)), 2000..3000),
        (segment(0.375, None), 3000..4000),
    ];
    for round in ["decoded", "from disk"] {
        for (utterance, range) in &cases {
            for cache in [
                disk_only(&corpus),
                PcmCache::new(None, RATE_HZ, MemoryBudget::new(1 << 20)).unwrap(),
            ] {
                let place = format!("{round}, {range:?}");
                assert_eq!(cache.samples(utterance).unwrap(), range.len(), "{place}");
                assert_eq!(*cache.get(utterance).unwrap(), recorded[range.clone()], "{place}");
                assert_eq!(*cache.get_once(utterance).unwrap(), recorded[range.clone()], "{place}");
            }
        }
    }
    assert_eq!(
        files_under(&corpus.path("cache")).len(),
        cases.len(),
        "one entry a segment, no temporary file left"
    );
}

#[test]
fn an_entry_is_used_until_the_audio_file_changes() {
    let (corpus, utterance) = one_recording();
    let before = disk_only(&corpus).get(&utterance).unwrap();
    let modified = fs::metadata(&utterance.audio).unwrap().modified().unwrap();

    let other = voice(0.5, "other");
    write_wav(&utterance.audio, RATE_HZ, 1, &other);
    fs::File::options().write(true).open(&utterance.audio).unwrap().set_modified(modified).unwrap();
    assert_eq!(
        disk_only(&corpus).get(&utterance).unwrap(),
        before,
        "same size and time: not decoded again"
    );

    let later = modified + std::time::Duration::from_secs(1);
    fs::File::options().write(true).open(&utterance.audio).unwrap().set_modified(later).unwrap();
    assert_eq!(*disk_only(&corpus).get(&utterance).unwrap(), other, "new time: decoded again");

    write_wav(&utterance.audio, RATE_HZ, 1, &other[..100]);
    fs::File::options().write(true).open(&utterance.audio).unwrap().set_modified(later).unwrap();
    assert_eq!(disk_only(&corpus).samples(&utterance).unwrap(), 100, "new size: decoded again");
}

#[test]
fn damaged_entries_are_remade() {
    let (corpus, utterance) = one_recording();
    let samples = disk_only(&corpus).get(&utterance).unwrap();
    let entry = files_under(&corpus.path("cache")).remove(0);
    let sound = fs::read(&entry).unwrap();
    let mut damaged: Vec<Vec<u8>> =
        vec![Vec::new(), b"not an entry".to_vec(), [sound.as_slice(), b"x"].concat()];
    damaged.extend(
        [1, 8, 27, 40, sound.len() / 2, sound.len() - 1].map(|length| sound[..length].to_vec()),
    );
    let every_part = (0..200).chain([sound.len() / 2, sound.len() - 1]);
    damaged.extend(every_part.map(|at| {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x10;
        flipped
    }));
    for (number, bytes) in damaged.iter().enumerate() {
        fs::write(&entry, bytes).unwrap();
        assert_eq!(disk_only(&corpus).get(&utterance).unwrap(), samples, "damage {number}");
        assert_eq!(fs::read(&entry).unwrap(), sound, "damage {number} is repaired");
    }
}

#[test]
fn memory_is_used_up_to_the_budget_and_not_beyond() {
    let mut corpus = Corpus::new();
    for name in ["a.wav", "b.wav", "c.wav"] {
        corpus.say(name, 0.5, "a");
    }
    let utterances = read_manifest(&corpus.manifest("m.jsonl")).unwrap();
    // Two of three recordings of 4000 samples of 2 bytes fit.
    let budget = MemoryBudget::new(20_000);
    let cache = PcmCache::new(None, RATE_HZ, budget.clone()).unwrap();
    utterances.iter().for_each(|utterance| drop(cache.get(utterance).unwrap()));
    assert_eq!(budget.left(), 4_000);
    utterances.iter().for_each(|utterance| fs::remove_file(&utterance.audio).unwrap());
    let kept = utterances.iter().map(|utterance| cache.get(utterance).is_ok());
    assert_eq!(kept.collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn features_are_those_of_the_samples() {
    let (corpus, utterance) = one_recording();
    let pcm = disk_only(&corpus);
    let samples: Vec<f32> =
        voice(0.5, "a.wav").iter().map(|&sample| f32::from(sample) / 32768.0).collect();
    let configs = [
        features(),
        FeatureConfig { mels: 12, ..features() },
        FeatureConfig { pre_emphasis: 0.0, ..features() },
    ];
    for round in ["computed", "from disk"] {
        for (number, config) in configs.iter().enumerate() {
            let cache = FeatureCache::new(Some(corpus.path("cache")), config, MemoryBudget::new(0))
                .unwrap();
            let expected = stonechat_audio::features(config, &samples).unwrap();
            assert_eq!(
                *cache.get(0, &utterance, &pcm).unwrap(),
                expected,
                "{round}, configuration {number}"
            );
        }
    }
    assert_eq!(files_under(&corpus.path("cache/features")).len(), configs.len());
    // A damaged entry is also made again here.
    for entry in files_under(&corpus.path("cache/features")) {
        let mut bytes = fs::read(&entry).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&entry, bytes).unwrap();
    }
    let cache =
        FeatureCache::new(Some(corpus.path("cache")), &features(), MemoryBudget::new(0)).unwrap();
    let expected = stonechat_audio::features(&features(), &samples).unwrap();
    assert_eq!(*cache.get(0, &utterance, &pcm).unwrap(), expected);
}

#[test]
fn an_unusable_cache_folder_is_named() {
    let (corpus, _) = one_recording();
    let message = PcmCache::new(Some(corpus.path("a.wav")), RATE_HZ, MemoryBudget::new(0))
        .unwrap_err()
        .to_string();
    assert!(message.contains("a.wav") && message.contains("another cache folder"), "{message}");
}
