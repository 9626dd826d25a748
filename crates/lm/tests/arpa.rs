//! ARPA files: what is read, what is rejected, and that nothing changes on the way.

mod common;

use common::*;
use stonechat_lm::arpa;

const SMALL: &str = "\
written by hand

\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-1.5\t<unk>
-99\t<s>\t-0.25
-1\t</s>
-0.75\tthe\t-0.125
-0.5 cat 0

\\2-grams:
-0.5\t<s> the
-0.25\tthe cat
-1.25\tcat </s>

\\end\\
";

#[test]
fn a_small_file() {
    let model = arpa::read(SMALL.as_bytes()).unwrap();
    assert_eq!(model.counts(), [5, 3]);
    let model = table(&model);
    let gram = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
        model.grams[&words]
    };
    assert_eq!(gram(&["<s>"]), (-99.0, -0.25));
    assert_eq!(gram(&["the"]), (-0.75, -0.125));
    assert_eq!(gram(&["the", "cat"]), (-0.25, 0.0));
    // A word that is followed by another is a context, so its weight of 0 is a weight.
    let mut text = Vec::new();
    arpa::write(&arpa::read(SMALL.as_bytes()).unwrap(), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("-0.5\tcat\t0\n"), "{text}");
    assert!(text.contains("-1\t</s>\n"), "{text}");
}

#[test]
fn writing_and_reading_change_nothing() {
    for (order, seed) in [(1, 1), (2, 2), (3, 3), (5, 5)] {
        let model = naive_kneser_ney(&made_text(60, 25, seed), order, None, &[0; 5]).build();
        let mut text = Vec::new();
        arpa::write(&model, &mut text).unwrap();
        let read = arpa::read(text.as_slice()).unwrap();
        assert_eq!(read, model, "order {order}");
    }
}

#[test]
fn what_other_programs_write() {
    // Windows line endings, spaces, a capital <UNK>, -inf, no <unk> at all.
    let windows = SMALL.replace('\n', "\r\n").replace('\t', " ").replace("<unk>", "<UNK>");
    assert_eq!(
        table(&arpa::read(windows.as_bytes()).unwrap()).grams,
        table(&arpa::read(SMALL.as_bytes()).unwrap()).grams
    );
    let infinite = SMALL.replace("-99", "-inf");
    let model = table(&arpa::read(infinite.as_bytes()).unwrap());
    assert_eq!(model.grams[&vec!["<s>".to_string()]].0, -100.0);
    let without = SMALL.replace("-1.5\t<unk>\n", "").replace("1=5", "1=4");
    let model = table(&arpa::read(without.as_bytes()).unwrap());
    assert_eq!(model.grams[&vec!["<unk>".to_string()]].0, -100.0);
}

#[test]
fn what_is_refused() {
    let cases = [
        ("\\data\\", "\\daten\\", 20, "not an ARPA file"),
        ("ngram 1=5", "ngram 1=4", 12, "header"),
        ("ngram 1=5", "ngram 1=6", 14, "header says 6"),
        ("ngram 2=3", "ngram 3=3", 5, "ngram 2=COUNT"),
        ("ngram 2=3", "ngram 2=99999999999", 5, "ngram 2=COUNT"),
        ("ngram 2=3", "ngram 2=2", 17, "more 2-grams"),
        ("ngram 2=3", "ngram 2=4", 19, "after 3 2-grams"),
        ("\\2-grams:", "\\3-grams:", 14, "\\2-grams:"),
        ("-0.25\tthe cat", "x\tthe cat", 16, "probability"),
        ("-0.25\tthe cat", "nan\tthe cat", 16, "probability"),
        ("-0.25\tthe cat", "0.25\tthe cat", 16, "positive"),
        ("-0.25\tthe cat", "-0.25\tthe", 16, "1 words"),
        ("-0.25\tthe cat", "-0.25\tthe dog", 16, "\"dog\" is not among"),
        ("-0.25\tthe cat", "-0.25\tthe cat\t-1", 16, "highest order"),
        ("-0.25\tthe cat", "-0.25\tthe cat 0 0", 16, "after the end"),
        ("-0.125", "inf", 11, "finite"),
        ("-0.125", "weight", 11, "back-off"),
        ("-0.5 cat 0", "-0.5 the 0", 12, "twice"),
        ("-1\t</s>", "-1\t</S>", 12, "</s> is missing"),
        ("\\end\\", "", 20, "\\end\\ is missing"),
    ];
    for (from, to, line, part) in cases {
        assert!(SMALL.contains(from), "{from}");
        let error = arpa::read(SMALL.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{from:?} -> {to:?}: {error}");
        assert!(error.contains(&format!("line {line}:")), "{from:?} -> {to:?}: {error}");
    }
    let twice = SMALL.replace("-0.5\t<s> the", "-0.5\tthe cat");
    assert!(arpa::read(twice.as_bytes()).unwrap_err().to_string().contains("twice"));
    let long = SMALL.replace("cat", &"x".repeat(5000));
    assert!(arpa::read(long.as_bytes()).unwrap_err().to_string().contains("more than"));
    let mut bytes = SMALL.as_bytes().to_vec();
    let at = SMALL.find("cat").unwrap();
    bytes[at] = 0xff;
    assert!(arpa::read(bytes.as_slice()).unwrap_err().to_string().contains("UTF-8"));
}

#[test]
fn every_cut_is_noticed() {
    for end in 0..SMALL.trim_end().len() {
        assert!(arpa::read(&SMALL.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}
