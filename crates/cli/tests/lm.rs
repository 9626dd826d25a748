//! `lm`: from text to a packed model that answers, every verb on the way.
#![cfg(feature = "full")]

mod common;

use common::*;
use serde_json::json;

/// Sentences with a few habits.
fn text(sentences: usize, seed: u64) -> String {
    let mut random = Random(seed);
    let mut text = String::new();
    for _ in 0..sentences {
        let mut last = 0usize;
        for _ in 0..3 + (4.0 * random.value().abs()) as usize {
            let free = (40.0 * random.value().abs().powi(2)) as usize;
            last = if random.value() > 0.0 { (last * 3 + 1) % 40 } else { free };
            text += &format!("w{last} ");
        }
        text += "\n";
    }
    text
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("train.txt", text(800, 1));
    folder.write("test.txt", text(100, 2));
    folder
}

#[test]
fn from_text_to_answers() {
    let folder = folder();
    let built = run_json(&mut folder.command("lm build --order 3 --output a.lm train.txt"), 0);
    assert_eq!(built["sentences"], 800);
    assert_eq!(built["ngrams"], built["estimated_ngrams"]);
    assert_eq!(built["bytes"], folder.path("a.lm").metadata().unwrap().len());
    assert_eq!(built["discounts"].as_array().unwrap().len(), 3);

    let info = run_json(&mut folder.command("lm info a.lm"), 0);
    assert_eq!(info["ngrams"], built["ngrams"]);
    let parts = info["sections"].as_array().unwrap();
    let sum: u64 =
        parts.iter().map(|part| part["bytes"].as_u64().unwrap().next_multiple_of(8)).sum();
    assert_eq!(info["bytes"], sum);

    // The same from ARPA, compressed or not, but for the bins.
    run(&mut folder.command("lm build --order 3 --output a.arpa.gz train.txt"), 0);
    run(
        &mut folder.command("lm quantize a.arpa.gz --prob-bits 32 --backoff-bits 32 --output b.lm"),
        0,
    );
    run(&mut folder.command("lm quantize b.lm --output b.arpa"), 0);
    let perplexity = |model: &str| {
        let value = run_json(&mut folder.command(&format!("lm perplexity {model} test.txt")), 0);
        assert_eq!(value["oov_rate"], 0.0);
        value["perplexity"].as_f64().unwrap()
    };
    let exact = perplexity("a.arpa.gz");
    assert!((perplexity("b.lm") - exact).abs() < 1e-6);
    assert!((perplexity("b.arpa") - exact).abs() < 1e-6);
    assert!((perplexity("a.lm") / exact - 1.0).abs() < 0.02);

    let query = run_json(folder.command("lm query b.lm").arg("w1 w4 unheard"), 0);
    let words = query["sentences"][0]["words"].as_array().unwrap();
    assert_eq!(words.len(), 4);
    assert_eq!(words[2]["oov"], true);
    assert_eq!(words[3]["word"], "</s>");
    let sum: f64 = words.iter().map(|word| word["log10_prob"].as_f64().unwrap()).sum();
    assert!((sum - query["sentences"][0]["log10_prob"].as_f64().unwrap()).abs() < 1e-4);
    let (lines, _) = run(folder.command("lm query b.lm").write_stdin("w1\nw2\n"), 0);
    assert_eq!(lines.matches("</s>").count(), 2);
}

#[test]
fn smaller_models() {
    let folder = folder();
    let full = run_json(&mut folder.command("lm build --output full.lm train.txt"), 0);
    let words = full["ngrams"][0].as_u64().unwrap();
    let full = full["bytes"].as_u64().unwrap();
    let target = full * 2 / 3;
    let size = target.to_string();
    let build =
        format!("lm build --target-size {size} --max-words 100 --output small.lm train.txt");
    let small = run_json(&mut folder.command(&build), 0);
    assert!(small["bytes"].as_u64().unwrap() <= target, "{small}");
    assert!(small["bytes"].as_u64().unwrap() * 10 > target * 8, "{small}");
    run(&mut folder.command("lm build --output full.arpa train.txt"), 0);
    for (from, how) in [("full.lm", "--target-size"), ("full.arpa", "--target-size")] {
        let prune = format!("lm prune {from} {how} {size} --output pruned.lm");
        assert!(run_json(&mut folder.command(&prune), 0)["bytes"].as_u64().unwrap() <= target);
    }
    let pruned = run_json(&mut folder.command("lm prune full.lm --threshold 1e9 --output p.lm"), 0);
    assert_eq!(pruned["ngrams"].as_array().unwrap()[1..], [json!(0), json!(0)]);
    let narrow = "lm quantize full.lm --prob-bits 4 --backoff-bits 4 --output narrow.lm";
    assert!(run_json(&mut folder.command(narrow), 0)["bytes"].as_u64().unwrap() < full);

    folder.write("other.txt", "quite other words\nother words\n");
    run(&mut folder.command("lm build --output other.lm other.txt"), 0);
    let mixed =
        run_json(&mut folder.command("lm mix full.lm other.lm --weight 0.8 --output m.lm"), 0);
    assert_eq!(mixed["ngrams"][0], words + 3);
}

#[test]
fn written_text_and_unknown_words() {
    let folder = folder();
    folder.write("book.txt", "Mr. Smith paid $5. He left!\n");
    let built =
        run_json(&mut folder.command("lm build --normalize english --output b.arpa book.txt"), 0);
    assert_eq!(built["sentences"], 2);
    let arpa = std::fs::read_to_string(folder.path("b.arpa")).unwrap();
    for ngram in ["\tmister smith\n", "\tmister smith paid\n", "\tfive dollars </s>\n"] {
        assert!(arpa.contains(ngram.trim_end()), "{ngram} in {arpa}");
    }
    folder.write("c.txt", "mister jones paid\n");
    let value = run_json(&mut folder.command("lm perplexity b.arpa c.txt"), 0);
    assert_eq!(value["oov"], 1);
    assert!(value["perplexity_with_oov"].as_f64() > value["perplexity"].as_f64());
}

#[test]
fn failures_are_told() {
    let folder = folder();
    folder.write("bad.arpa", "\\data\\\nngram 1=x\n");
    folder.write("empty.txt", "\n");
    for (command, part) in [
        ("lm build --output a.lm missing.txt", "missing.txt"),
        ("lm build --output a.lm empty.txt", "no word"),
        ("lm build --output no/such/a.lm train.txt", "no/such"),
        ("lm build --target-size 300 --output a.lm train.txt", "target size"),
        ("lm info bad.arpa", "line 2"),
        ("lm info train.txt", "not an ARPA file"),
        ("lm info tiny.stonechat", "Stonechat package"),
        ("lm perplexity bad.arpa train.txt", "bad.arpa"),
    ] {
        let (stdout, stderr) = run(&mut folder.command(command), 1);
        assert!(stdout.is_empty() && stderr.contains(part), "{command}: {stderr}");
    }
    assert!(!folder.path("a.lm").exists());
    for command in [
        "lm",
        "lm build train.txt",
        "lm build --order 6 --output a.lm train.txt",
        "lm build --order 2 --cutoffs 0,1 --output a.lm train.txt",
        "lm build --target-size 1MB --output a.arpa train.txt",
        "lm build --target-size lots --output a.lm train.txt",
        "lm prune bad.arpa --output a.lm",
        "lm prune bad.arpa --threshold -1 --output a.lm",
        "lm mix a b --weight 1 --output c",
    ] {
        let (_, stderr) = run(&mut folder.command(command), 2);
        assert!(!stderr.is_empty(), "{command}");
    }
}

#[test]
fn counted_parts_are_merged_to_the_same_file() {
    let folder = folder();
    folder.write("other.txt", text(500, 3));
    let options = "--order 3 --max-words 30 --cutoffs 0,1";
    run(
        &mut folder.command(&format!("lm build {options} --output whole.lm train.txt other.txt")),
        0,
    );
    for part in ["train", "other"] {
        let counted =
            format!("lm count --order 3 --memory 100kB --output {part}.counts {part}.txt");
        let counted = run_json(&mut folder.command(&counted), 0);
        assert_eq!(
            counted["bytes"],
            folder.path(&format!("{part}.counts")).metadata().unwrap().len()
        );
    }
    run(&mut folder.command("lm merge other.counts train.counts --output all.counts"), 0);
    for counts in ["other.counts train.counts", "all.counts"] {
        let merge = format!("lm merge {counts} --max-words 30 --cutoffs 0,1 --output merged.lm");
        let merged = run_json(&mut folder.command(&merge), 0);
        assert_eq!(merged["sentences"], 1300);
        let read = |name: &str| std::fs::read(folder.path(name)).unwrap();
        assert!(read("merged.lm") == read("whole.lm"), "{counts}");
    }
    let (_, stderr) = run(&mut folder.command("lm merge train.txt --output x.lm"), 1);
    assert!(stderr.contains("train.txt") && stderr.contains("lm count"), "{stderr}");
    run(&mut folder.command("lm merge --output x.lm"), 2);
}
