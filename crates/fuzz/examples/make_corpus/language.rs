//! Language models, counts of n-grams, rules for written text.

use stonechat_lm::estimate::{Counts, EstimateOptions, estimate};
use stonechat_lm::{Bits, NgramModel, arpa};
use stonechat_testing::{Folder, Random};

use crate::input;

const RULES: &str = "# a table\n[letters]\nabcdefghijklmnopqrstuvwxyz'\n[replace]\n\u{2019}\t'\n[symbols]\n&\tand\n%\tpercent\n\
[currency]\n$\tdollar\tdollars\n[abbreviations]\ndr.\tdoctor\n[fractions]\n1/2\tone half\n[numbers]\n1\tone\tfirst\n2\ttwo\tsecond\n\
10\tten\ttenth\n20\ttwenty\ttwentieth\n100\thundred\thundredth\n1000\tthousand\tthousandth\n";

pub fn inputs() -> Vec<(String, Vec<u8>)> {
    let mut inputs = vec![
        input("rules/table", RULES),
        input(
            "rules/text",
            "On May 3rd, 1984, Dr. Smith paid $1,234.50 for 2 1/2 lbs. of tea & 99.9% sugar: \u{201c}Why?\u{201d}\n",
        ),
        input(
            "rules/numbers",
            "007 1,000,000 3.14159 1e9 1st 22nd 1999 2001 5'10\" 12:30 \u{a3}5 99999999999999999999 -4 1/0\n",
        ),
    ];
    for order in [1, 2, 4] {
        let model = model(order);
        let mut text = Vec::new();
        arpa::write(&model, &mut text).expect("memory takes everything");
        inputs.push(input(&format!("arpa/order{order}.arpa"), text));
        for bits in [Bits::default(), Bits { prob: 5, backoff: 32 }] {
            let bytes = model.pack(bits).expect("a model that can be packed");
            inputs.push(input(&format!("packed/order{order}_bits{}", bits.prob), bytes));
        }
        inputs.push(input(&format!("counts/order{order}"), counts(order)));
    }
    inputs.push(input("arpa/numbers.arpa", "\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n-1 <unk>\n-1 <s> -0.5\n-1 </s>\n-1 a\n\n\\2-grams:\n-1 <s> a\n\n\\end\\\n"));
    inputs
}

/// The file of a small model.
pub fn packed() -> Vec<u8> {
    model(2).pack(Bits::default()).expect("a model that can be packed")
}

/// Sentences of made words with a few habits.
fn text() -> String {
    const SYLLABLES: [&str; 8] = ["ka", "lo", "mi", "nu", "re", "si", "ta", "ve"];
    let mut random = Random(12);
    let (mut text, mut last) = (String::new(), 0);
    for _ in 0..60 {
        for _ in 0..1 + random.below(7) {
            last = if random.below(3) == 0 { (last * 7 + 1) % 40 } else { random.below(40) };
            text += &format!("{}{} ", SYLLABLES[last / 5], SYLLABLES[last % 8]);
        }
        text += "\n";
    }
    text
}

fn model(order: usize) -> NgramModel {
    let text = text();
    let estimated = estimate(&mut &text[..], &EstimateOptions::new(order), &mut |_| {});
    estimated.and_then(|estimated| estimated.into_model()).expect("a text with words")
}

fn counts(order: usize) -> Vec<u8> {
    let (text, folder) = (text(), Folder::new());
    let mut bytes = Vec::new();
    Counts::of(&mut &text[..], order, (folder.root(), 1 << 20), &mut |_| {})
        .and_then(|mut counts| counts.write(&mut bytes))
        .expect("a text with words");
    bytes
}
