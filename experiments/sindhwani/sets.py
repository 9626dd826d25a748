#!/usr/bin/env python3
"""Writes the manifests of the keyword experiment: sets.py FOLDER [--quick].

train.jsonl: the keywords' training set, and an hour of other speech without a text.
negatives.jsonl: speech of other sets, none of it in training, for false alarms.
test.jsonl: the keywords' test set and the negatives.
"""
import json
import os
import pathlib
import sys

DATA = pathlib.Path("../shared/data")


def read(name):
    manifest = DATA / name
    for line in open(manifest):
        row = json.loads(line)
        row["audio_filepath"] = os.path.abspath(manifest.parent / row["audio_filepath"])
        yield row


def spread(rows, seconds):
    """About so many seconds of rows, from all over them."""
    rows = list(rows)
    every = max(1, round(sum(row["duration"] for row in rows) / seconds))
    return rows[::every]


def silent(rows):
    return [{**row, "text": ""} for row in rows]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    print(f"{path}: {len(rows)} utterances, {sum(row['duration'] for row in rows) / 3600:.2f} h")


def main(folder, quick):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    keywords = list(read("keywords/train.jsonl"))
    other = []
    for name in ("librispeech-part/train.jsonl", "kathleen/train.jsonl", "games/train.jsonl"):
        other += silent(spread(read(name), 120 if quick else 1200))
    negatives = []
    for name in ("librispeech-part/dev.jsonl", "games/dev.jsonl", "speechocean762-adults/test.jsonl", "more/train.jsonl"):
        negatives += read(name)
    test = list(read("keywords/test.jsonl"))
    if quick:
        keywords, negatives, test = keywords[::4], negatives[::20], test[::4]
    write(folder / "train.jsonl", keywords + other)
    write(folder / "negatives.jsonl", negatives)
    write(folder / "test.jsonl", test + negatives)


main(sys.argv[1], "--quick" in sys.argv)
