//! Counting in parts gives the model of the whole.

#![cfg(feature = "estimate")]

use std::path::{Path, PathBuf};

use stonechat_lm::Bits;
use stonechat_lm::estimate::{Counts, EstimateOptions, estimate, estimate_counts, order_of};

/// A text of some thousand sentences over a few hundred words, frequent and rare ones.
fn text() -> Vec<String> {
    let mut random = 7u64;
    let mut draw = |n: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % n
    };
    (0..3000)
        .map(|_| {
            let words = draw(12);
            let word = |_| {
                let frequent = draw(20) + 1;
                format!("w{}", draw(400) / frequent)
            };
            (0..words).map(word).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

fn count(lines: &[String], order: usize, memory: usize, path: &Path) {
    let text = lines.join("\n");
    let disk = (std::env::temp_dir(), memory);
    let mut counts = Counts::of(&mut text.as_str(), order, (&disk.0, disk.1), &mut |_| {}).unwrap();
    counts.write(&mut std::fs::File::create(path).unwrap()).unwrap();
}

#[test]
fn parts_give_the_model_of_the_whole() {
    let lines = text();
    let folder = tempfile::tempdir().unwrap();
    let file = |n: usize| folder.path().join(format!("{n}.counts"));
    for (order, options) in [
        (1, EstimateOptions::new(1)),
        (3, EstimateOptions::new(3)),
        (4, EstimateOptions { max_words: 100, ..EstimateOptions::new(4) }),
        (
            3,
            EstimateOptions {
                min_word_count: 4,
                cutoffs: [0, 1, 1, 1, 1],
                ..EstimateOptions::new(3)
            },
        ),
    ] {
        let whole = lines.join("\n");
        let whole = estimate(&mut whole.as_str(), &options, &mut |_| {}).unwrap();
        let size = whole.text();
        let whole = whole.into_model().unwrap().pack(Bits::UNQUANTIZED).unwrap();
        for (cuts, memory) in [(vec![0, 3000], 1 << 20), (vec![0, 10, 1100, 3000], 0)] {
            let mut files: Vec<PathBuf> = Vec::new();
            for (n, cut) in cuts.windows(2).enumerate() {
                count(&lines[cut[0]..cut[1]], order, memory, &file(n));
                files.push(file(n));
            }
            files.reverse();
            assert_eq!(order_of(&files[0]).unwrap(), order);
            // At once, and two of them first.
            let mut some = Counts::merge(&files[..files.len() - 1], (folder.path(), memory));
            if let Ok(some) = &mut some {
                some.write(&mut std::fs::File::create(file(9)).unwrap()).unwrap();
            }
            let tree = vec![files[files.len() - 1].clone(), file(9)];
            for files in std::iter::once(&files).chain(some.is_ok().then_some(&tree)) {
                let merged = estimate_counts(files, &options, &mut |_| {}).unwrap();
                assert_eq!(merged.text(), size, "{order} {cuts:?}");
                let merged = merged.into_model().unwrap().pack(Bits::UNQUANTIZED).unwrap();
                assert!(merged == whole, "{order} {cuts:?} {files:?}");
            }
        }
    }
}

#[test]
fn damaged_files_are_errors() {
    let lines = text();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.counts");
    count(&lines[..200], 3, 1 << 20, &path);
    let good = std::fs::read(&path).unwrap();
    let options = EstimateOptions::new(3);
    let estimate = || estimate_counts(std::slice::from_ref(&path), &options, &mut |_| {});
    estimate().unwrap();
    let mut random = 3usize;
    for _ in 0..300 {
        random = random.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
        let mut bad = good.clone();
        let place = (random >> 20) % bad.len();
        match random >> 62 {
            0 => bad.truncate(place),
            _ => bad[place] ^= 1 << (random >> 17 & 7),
        }
        std::fs::write(&path, &bad).unwrap();
        let error = estimate().err().unwrap_or_else(|| panic!("byte {place} plays no part"));
        assert!(
            error.to_string().contains("x.counts") || error.to_string().contains("order"),
            "{error}"
        );
    }
    std::fs::write(&path, &good).unwrap();
    let other = EstimateOptions::new(2);
    let error = estimate_counts(&[path], &other, &mut |_| {}).err().unwrap().to_string();
    assert!(error.contains("the counts have 3"), "{error}");
}

#[global_allocator]
static ALLOCATOR: stonechat_testing::Counting = stonechat_testing::Counting;

/// A word is as long as there are bytes of it, whatever the file says.
#[test]
fn what_a_file_says_of_its_words_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lie.counts");
    let mut bytes = b"STCOUNT1".to_vec();
    bytes.extend(1u32.to_le_bytes());
    bytes.extend([1u64, 1].map(u64::to_le_bytes).concat());
    bytes.extend(1u32.to_le_bytes());
    bytes.extend(1u64.to_le_bytes());
    bytes.extend((1u32 << 24).to_le_bytes());
    bytes.extend(b"word");
    std::fs::write(&path, bytes).unwrap();
    let options = EstimateOptions { memory: 1 << 16, ..EstimateOptions::new(1) };
    let (result, peak) =
        stonechat_testing::peak_bytes(|| estimate_counts(&[path], &options, &mut |_| {}).err());
    let error = result.unwrap().to_string();
    assert!(error.contains("ends too early"), "{error}");
    assert!(peak < 1 << 20, "{peak} bytes");
}
