//! The targets of the fuzzer (`fuzz/`), run with random bytes without a fuzzer; also proves that
//! they compile.

mod common;
#[path = "../fuzz/drive.rs"]
mod drive;

use common::Random;

#[test]
fn random_searches_find_nothing() {
    let mut random = Random(1);
    for round in 0..1500 {
        let length = random.below([60, 600, 3000][round % 3]);
        let data: Vec<u8> = (0..length).map(|_| random.bits() as u8).collect();
        drive::search(&data);
    }
}

#[test]
fn random_grammars_find_nothing() {
    const PIECES: [&str; 24] = [
        "public ",
        "<a>",
        "<b>",
        "<c>",
        " = ",
        ";",
        ";\n",
        "(",
        ")",
        "[",
        "]",
        "*",
        "+",
        " | ",
        "one ",
        "two ",
        "three ",
        "/2/",
        "{tag}",
        "// no\n",
        "<NULL>",
        "<VOID>",
        "\"four five\"",
        "grammar x;",
    ];
    const WHOLE: &str = "#JSGF V1.0;\npublic <a> = one [<b>] (two | <c>+) \"four five\"*;\n<b> = /1/ x | y {t};\n<c> = three;\n";
    let mut random = Random(2);
    drive::grammar(WHOLE.as_bytes());
    for round in 0..4000 {
        if round % 2 == 0 {
            let count = random.below(40);
            let piece = |_| PIECES[random.below(PIECES.len())];
            let text: String = (0..count).map(piece).collect();
            drive::grammar(format!("public <a> = {text};").as_bytes());
            drive::grammar(text.as_bytes());
        } else {
            let mut bytes = WHOLE.as_bytes().to_vec();
            for _ in 0..1 + random.below(4) {
                let at = random.below(bytes.len());
                bytes[at] = b"\0\xff;<>()|[]+*{}/ \"ax"[random.below(19)];
            }
            drive::grammar(&bytes);
        }
    }
}

/// Texts that would take forever, or all of the stack, if they were trusted.
#[test]
fn grammars_that_explode_are_refused() {
    let doubling: String =
        (0..60).map(|n| format!("<r{n}> = <r{m}> | <r{m}>;\n", m = n + 1)).collect();
    let chain: String = (0..100_000).map(|n| format!("<r{n}> = <r{m}>;\n", m = n + 1)).collect();
    let subsets = format!("public <p> = (a | b)* a{};", " (a | b)".repeat(40));
    for text in [
        format!("public <p> = <r0>;\n{doubling}<r60> = a;"),
        format!("public <p> = <r0>;\n{chain}<r100000> = a;"),
        subsets,
        format!("public <p> = {}a{};", "(".repeat(100_000), ")".repeat(100_000)),
    ] {
        assert!(stonechat_decode::Grammar::from_jsgf(&text).is_err(), "{}", &text[..60]);
        drive::grammar(text.as_bytes());
    }
    // Repetitions of repetitions count as one.
    let repeated = format!("public <p> = a{};", "+*".repeat(100_000));
    let error = stonechat_decode::Grammar::from_jsgf(&repeated).unwrap_err().to_string();
    assert!(error.contains("empty"), "{error}");
    let repeated = format!("public <p> = a{};", "+".repeat(100_000));
    let grammar = stonechat_decode::Grammar::from_jsgf(&repeated).unwrap();
    assert_eq!(grammar.accepted(["a", "a", "b"]), [true, true, false]);
}
