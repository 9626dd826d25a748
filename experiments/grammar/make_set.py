#!/usr/bin/env python3
"""A closed grammar and what to try it on, out of any manifest: make_set.py MANIFEST OUT SEED [PHRASES]

Of the utterances of 2 to 7 words, no text twice, PHRASES (30) become the grammar (OUT/phrases.txt) and the first part of
OUT/manifest.jsonl; as many and once more of the others follow, which are outside of it."""
import json, pathlib, random, sys

manifest, out, seed = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
count = int(sys.argv[4]) if len(sys.argv) > 4 else 30
out.mkdir(parents=True, exist_ok=True)
by_text = {}
for line in open(manifest):
    entry = json.loads(line)
    entry["audio_filepath"] = str((manifest.parent / entry["audio_filepath"]).resolve())
    if 2 <= len(entry["text"].split()) <= 7:
        by_text.setdefault(entry["text"], entry)
entries = list(by_text.values())
random.Random(seed).shuffle(entries)
inside, outside = entries[:count], entries[count : 3 * count]
(out / "phrases.txt").write_text("".join(entry["text"] + "\n" for entry in inside))
(out / "manifest.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in inside + outside))
