//! Real recordings, if the checkout has them: the decoded length must be that in the manifest.
#![cfg(feature = "files")]

use std::path::Path;

use stonechat_audio::read_file;

#[test]
fn lengths_agree_with_the_manifests() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let Ok(sets) = std::fs::read_dir(&data) else {
        eprintln!("skipped: no corpora beside the checkout");
        return;
    };
    for folder in sets.map(|set| set.unwrap().path()) {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        let manifests = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
        for manifest in manifests {
            let lines = std::fs::read_to_string(&manifest).unwrap();
            // A few from all over the manifest.
            for line in lines.lines().step_by(1 + lines.lines().count() / 4) {
                let entry: serde_json::Value = serde_json::from_str(line).unwrap();
                let (Some(name), Some(seconds)) =
                    (entry["audio_filepath"].as_str(), entry["duration"].as_f64())
                else {
                    continue;
                };
                if !entry["offset"].is_null() {
                    continue;
                }
                let samples = read_file(folder.join(name), 16_000).unwrap().samples;
                let found = samples.len() as f64 / 16_000.0;
                assert!(
                    (found - seconds).abs() < 0.06,
                    "{name}: {found} s, the manifest says {seconds} s"
                );
                let power =
                    samples.iter().map(|x| f64::from(x * x)).sum::<f64>() / samples.len() as f64;
                assert!(power > 1e-8 && power < 1.0, "{name}: mean power {power}");
            }
        }
    }
}
