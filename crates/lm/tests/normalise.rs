//! English text to words.

use stonechat_lm::Normaliser;
use stonechat_testing::Random;

#[test]
fn words() {
    let normaliser = Normaliser::english();
    let cases = [
        ("Hello, World!", "hello world"),
        ("It's the “boys’ own” book—isn’t it?", "it's the boys own book isn't it"),
        ("'Tis well-known", "tis well known"),
        ("Café, naïve, Cæsar", "cafe naive caesar"),
        ("Mr. and Mrs. Smith, etc.", "mister and missus smith et cetera"),
        ("Dr. Jekyll & Mr. Hyde", "doctor jekyll and mister hyde"),
        ("at 5 p.m.", "at five p m"),
        ("0 1 7 10 13 20 21 99", "zero one seven ten thirteen twenty twenty one ninety nine"),
        ("100 342 1,000", "one hundred three hundred forty two one thousand"),
        (
            "12,345,678",
            "twelve million three hundred forty five thousand six hundred seventy eight",
        ),
        ("2001 and 1984", "two thousand one and nineteen eighty four"),
        ("1905, 1900.", "nineteen oh five nineteen hundred"),
        ("the 1840s", "the eighteen forties"),
        ("1st 2nd 3rd 12th 21st 100th", "first second third twelfth twenty first one hundredth"),
        ("3.14", "three point one four"),
        ("007", "zero zero seven"),
        ("$5, £1, $2.50", "five dollars one pound two point five zero dollars"),
        ("50% at 3:30, 4:05, 6:00", "fifty percent at three thirty four oh five six"),
        ("1/2 of 2½", "one half of two one half"),
        (
            "3/4 on 3/4/2020 or 1/3/4",
            "three quarters on three four two thousand twenty or one three four",
        ),
        (
            "a ﬁne eﬀect of Łódź, hy\u{ad}phens and cafe\u{301}s",
            "a fine effect of lodz hyphens and cafes",
        ),
        (
            "12345678901234567890",
            "one two three four five six seven eight nine zero one two three four five six seven eight nine zero",
        ),
        ("B2B x2", "b two b x two"),
        ("--- * * *", ""),
        ("日本 ok", "ok"),
        ("", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(normaliser.line(text), expected, "{text:?}");
    }
}

#[test]
fn sentences() {
    let normaliser = Normaliser::english();
    let cases: [(&str, &[&str]); 6] = [
        ("He came. “She went!” I stayed?", &["he came", "she went", "i stayed"]),
        ("Mr. J. Smith came. So did I.", &["mister j smith came", "so did i"]),
        ("“Stop!” he said.", &["stop he said"]),
        ("It cost $3.50 vs. four.", &["it cost three point five zero dollars versus four"]),
        ("... !? One", &["one"]),
        ("", &[]),
    ];
    for (text, expected) in cases {
        let mut found = Vec::new();
        normaliser
            .sentences(text, &mut |sentence| {
                found.push(sentence.to_string());
                Ok(())
            })
            .unwrap();
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn rules_are_checked() {
    let rules = "[letters]\nab\n[replace]\né\te\n";
    assert_eq!(Normaliser::from_rules(rules).unwrap().line("abba cé"), "abba");
    for (rules, part) in [
        ("[letters]\na\tb", "line 2"),
        ("[replace]\nxy\tz", "line 2"),
        ("[numbers]\nx\ty\tz", "line 2"),
        ("[other]\na\tb", "[other]"),
        ("a", "line 1"),
    ] {
        let error = Normaliser::from_rules(rules).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn any_text_becomes_words_of_the_alphabet() {
    let normaliser = Normaliser::english();
    let pieces =
        ["$", "1", "9", ",", ".", "'", "st", "é", " ", "-", "½", "/", "2", ":", "%", "x", "“"];
    let mut random = Random(1);
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..12 {
            text += pieces[random.below(pieces.len())];
        }
        let line = normaliser.line(&text);
        assert!(
            line.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'\'' | b' ')),
            "{text:?}: {line:?}"
        );
        assert_eq!(line.split(' ').collect::<Vec<_>>().join(" "), line);
        assert!(!line.contains("  ") && line.trim() == line, "{text:?}: {line:?}");
    }
}

/// Tables that lack most numbers, or have only some that lead nowhere.
#[test]
fn tables_without_most_numbers_end() {
    for numbers in [
        "0\tzero\tzeroth",
        "1\tone\tfirst",
        "100\thundred\thundredth",
        "0\tzero\tzeroth\n10\tten\ttenth",
    ] {
        let rules = format!("[letters]\nabcdefghijklmnopqrstuvwxyz\n[numbers]\n{numbers}\n");
        let normaliser = Normaliser::from_rules(&rules).unwrap();
        for text in ["5", "999999999999999", "1984", "12th", "3.75", "1/2"] {
            let words = normaliser.line(text);
            assert!(words.len() < 1_000, "{numbers} {text}: {words}");
        }
    }
}
