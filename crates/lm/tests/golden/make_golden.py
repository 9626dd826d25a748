"""Makes text.txt, lmplz.arpa and scores.tsv.

Needs KenLM's `lmplz` (github.com/kpu/kenlm) and the PyPI package kenlm (0.3.0 was used):

    python3 -m venv venv && venv/bin/pip install kenlm
    venv/bin/python make_golden.py PATH/TO/lmplz
"""

import pathlib
import random
import subprocess
import sys

import kenlm

HERE = pathlib.Path(__file__).parent


def text():
    """Sentences of a small made language: frequent and rare words, some of them bound to others."""
    rng = random.Random(5)
    words = ["the", "a", "of", "and", "it's"] + [f"word{i}" for i in range(60)]
    lines = []
    for _ in range(260):
        sentence = []
        for _ in range(rng.randint(1, 9)):
            if sentence and rng.random() < 0.45:
                last = words.index(sentence[-1])
                sentence.append(words[(last * 11 + rng.randint(0, 2)) % len(words)])
            else:
                sentence.append(words[min(int(rng.expovariate(0.12)), len(words) - 1)])
        lines.append(" ".join(sentence))
    return "\n".join(lines) + "\n"


def main():
    (HERE / "text.txt").write_text(text())
    command = [sys.argv[1], "-o", "3", "-S", "64M", "-T", "/tmp"]
    with open(HERE / "text.txt") as source, open(HERE / "lmplz.arpa", "w") as target:
        subprocess.run(command, stdin=source, stdout=target, check=True, stderr=subprocess.DEVNULL)
    model = kenlm.Model(str(HERE / "lmplz.arpa"))
    rng = random.Random(6)
    known = sorted(set(text().split()))
    lines = text().splitlines()
    sentences = [lines[rng.randrange(len(lines))] for _ in range(15)]
    for _ in range(25):
        length = rng.randint(0, 8)
        sentences.append(" ".join(rng.choice(known + ["unheard"]) for _ in range(length)))
    with open(HERE / "scores.tsv", "w") as target:
        # Sentence, log10 p in all, and for each word and the end: log10 p, length of the n-gram.
        for sentence in sentences:
            total = model.score(sentence)
            each = [f"{p:.7f}:{n}" for p, n, _ in model.full_scores(sentence)]
            target.write("\t".join([sentence, f"{total:.6f}", " ".join(each)]) + "\n")


if __name__ == "__main__":
    main()
