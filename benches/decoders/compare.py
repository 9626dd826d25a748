"""The same logits, language model, beam and weights through pyctcdecode, flashlight-text and this project.

    pip install numpy pyctcdecode flashlight-text kenlm
    stonechat eval --manifest MANIFEST --logits LOGITS
    cargo build --release -p stonechat-decode --example decode_logits
    python compare.py LOGITS --arpa MODEL.arpa --lm MODEL.lm --ours target/release/examples/decode_logits

Prints one JSON object. Texts are compared by the score that all decoders claim to maximise,
ln p_ctc + alpha ln p_lm + beta words, computed here for every text in the same way (CTC forward over all
alignments, KenLM). What each decoder takes off for words that the model does not know is its own and not in it.
flashlight-text is used with a lexicon, so that no other words come out; this project runs both ways.

Each decoder runs in a process of its own. `memory_mb` is the peak of its resident memory; `decoder_mb` is how much that is above the
process with the frames read and nothing else (for this project: above a run of the same frames without a language model).
"""

import argparse
import datetime
import json
import math
import platform
import subprocess
import sys
import time
from pathlib import Path

import kenlm
import numpy as np


def log_softmax(logits):
    top = logits - logits.max(axis=1, keepdims=True)
    return top - np.log(np.exp(top).sum(axis=1, keepdims=True))


def ctc(log_probs, labels):
    """ln p of all alignments with labels, blank 0."""
    states = [0]
    for label in labels:
        states += [label, 0]
    alpha = np.full(len(states), -np.inf)
    alpha[0] = log_probs[0, 0]
    if len(states) > 1:
        alpha[1] = log_probs[0, states[1]]
    skip = np.array([i > 1 and states[i] != 0 and states[i] != states[i - 2] for i in range(len(states))])
    for frame in log_probs[1:]:
        one = np.concatenate([[-np.inf], alpha[:-1]])
        two = np.where(skip, np.concatenate([[-np.inf, -np.inf], alpha[:-2]])[: len(states)], -np.inf)
        alpha = np.logaddexp(np.logaddexp(alpha, one), two) + frame[states]
    return np.logaddexp(alpha[-1], alpha[-2]) if len(states) > 1 else alpha[-1]


def errors(reference, hypothesis):
    row = list(range(len(hypothesis) + 1))
    for i, r in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, h in enumerate(hypothesis, 1):
            diagonal, row[j] = row[j], min(diagonal + (r != h), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def pyctcdecode(index, frames, options):
    from pyctcdecode import build_ctcdecoder

    vocabulary = [line.split()[1] for line in unigrams(options.arpa)]
    decoder = build_ctcdecoder(
        index["symbols"], options.arpa, vocabulary, alpha=options.alpha, beta=options.beta, unk_score_offset=options.unknown
    )
    return lambda log_probs: decoder.decode(log_probs, beam_width=options.beam)


def unigrams(path):
    with open(path) as arpa:
        inside = False
        for line in arpa:
            if line.startswith("\\"):
                inside = line.startswith("\\1-grams")
            elif inside and line.strip() and line.split()[1] not in ("<s>", "</s>", "<unk>"):
                yield line


def flashlight(index, frames, options):
    """Lexicon decoder: closed vocabulary, as flashlight is used with word models."""
    from flashlight.lib.text.decoder import CriterionType, LexiconDecoder, LexiconDecoderOptions, SmearingMode, Trie
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    symbols = index["symbols"]
    number = {symbol: i for i, symbol in enumerate(symbols)}
    words = [line.split()[1] for line in unigrams(options.arpa)]
    words = [word for word in words if all(letter in number for letter in word)]
    dictionary = Dictionary()
    for word in words + ["<unk>"]:
        dictionary.add_entry(word)
    model = KenLM(options.arpa, dictionary)
    space = number[" "]
    trie = Trie(len(symbols), space)
    start = model.start(False)
    for word in words:
        usr = dictionary.get_index(word)
        _, score = model.score(start, usr)
        # Words end in the separator; a letter twice in a row is two tokens with a blank between.
        trie.insert([number[letter] for letter in word] + [space], usr, score)
    trie.smear(SmearingMode.MAX)
    decoder = LexiconDecoder(
        LexiconDecoderOptions(
            beam_size=options.beam,
            beam_size_token=len(symbols),
            beam_threshold=options.threshold,
            # KenLM's log10 inside, natural logs outside.
            lm_weight=options.alpha * math.log(10),
            word_score=options.beta,
            unk_score=-math.inf,
            sil_score=0.0,
            log_add=True,
            criterion_type=CriterionType.CTC,
        ),
        trie,
        model,
        space,
        0,
        dictionary.get_index("<unk>"),
        [],
        False,
    )

    def decode(log_probs):
        # A separator at the end lets the last word be complete.
        emissions = np.ascontiguousarray(log_probs, dtype=np.float32)
        results = decoder.decode(emissions.ctypes.data, *emissions.shape)
        return " ".join(dictionary.get_entry(w) for w in results[0].words if w >= 0) if results else ""

    return decode


def peak_mb():
    """Not by getrusage, which counts what the parent had at the fork."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def peer(index, frames, options):
    """What one of the others makes of the frames, in this process."""
    before = peak_mb()
    try:
        decode = {"pyctcdecode": pyctcdecode, "flashlight": flashlight}[options.only](index, frames, options)
    except ImportError as missing:
        return {"missing": str(missing)}
    start = time.perf_counter()
    found = [decode(log_probs) for log_probs in frames]
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "texts": found, "memory_mb": peak_mb(), "decoder_mb": peak_mb() - before}


def measured(command):
    """The JSON that a command prints."""
    command = [str(part) for part in command]
    printed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    # What a library prints on the way is not the result.
    return json.loads(printed.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("logits", type=Path)
    parser.add_argument("--arpa", required=True)
    parser.add_argument("--lm", required=True)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--beam", type=int, default=64)
    parser.add_argument("--alpha", type=float, default=0.7)
    parser.add_argument("--beta", type=float, default=0.25)
    parser.add_argument("--threshold", type=float, default=14.0)
    parser.add_argument("--unknown", type=float, default=-10.0, help="pyctcdecode's unk_score_offset (its default)")
    parser.add_argument("--peers", default="pyctcdecode,flashlight")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    index = json.loads((options.logits / "index.json").read_text())
    texts = index["texts"]
    frames = [log_softmax(np.load(options.logits / f"{n}.npy")) for n in range(len(texts))]
    if options.only:
        print(json.dumps(peer(index, frames, options)))
        return
    model = kenlm.Model(options.arpa)
    number = {symbol: i for i, symbol in enumerate(index["symbols"])}

    def score(log_probs, text):
        return (
            ctc(log_probs, [number[letter] for letter in text])
            + options.alpha * math.log(10) * model.score(text)
            + options.beta * len(text.split())
        )

    results = {}
    for name in options.peers.split(","):
        results[name] = measured([sys.executable, *sys.argv, "--only", name])
    command = [options.ours, options.logits]
    for key in ("beam", "alpha", "beta", "threshold"):
        command += [f"--{key}", getattr(options, key)]
    bare_mb = measured(command)["peak_rss_mb"]
    for name, closed in (("stonechat", "false"), ("stonechat, lexicon only", "true")):
        ours = measured(command + ["--lm", options.lm, "--repeat", 3, "--lexicon-only", closed])
        results[name] = {
            "seconds": ours["seconds"],
            "texts": [utterance["text"] for utterance in ours["utterances"]],
            "memory_mb": ours["peak_rss_mb"],
            "decoder_mb": ours["peak_rss_mb"] - bare_mb,
        }
    words = sum(len(text.split()) for text in texts)
    for result in results.values():
        if "texts" in result:
            result["unknown_words"] = sum(word not in model for text in result["texts"] for word in text.split())
            result["wer"] = sum(errors(t.split(), f.split()) for t, f in zip(texts, result["texts"])) / words
            scores = [score(p, f) for p, f in zip(frames, result["texts"])]
            result["mean_score"] = float(np.mean(scores))
            del result["texts"]
    fastest = results["stonechat"]["seconds"]
    for result in results.values():
        if "seconds" in result:
            result["times_ours"] = result["seconds"] / fastest
    print(
        json.dumps(
            {
                "date": datetime.date.today().isoformat(),
                "processor": platform.processor() or platform.machine(),
                "utterances": len(texts),
                "frames": int(sum(len(p) for p in frames)),
                "options": {k: getattr(options, k) for k in ("beam", "alpha", "beta", "threshold", "unknown")},
                "results": results,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
