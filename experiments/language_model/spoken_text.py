#!/usr/bin/env python3
"""Collects text of spoken English, a sentence or a paragraph a line: spoken_text.py DATA PACKAGES OUT [SENTENCES]

DATA is the folder of corpora; PACKAGES holds what `spoken.sh` unpacks there; OUT gets a text a source. Only transcripts of train
splits are read, and no line that is in the file SENTENCES, so that a test set may be spoken from the same sources."""
import json, pathlib, re, sys

data, packages, out = map(pathlib.Path, sys.argv[1:4])
out.mkdir(parents=True, exist_ok=True)
held_out = set(pathlib.Path(sys.argv[4]).read_text().splitlines()) if len(sys.argv) > 4 else set()

def write(name, lines):
    lines = [line for line in lines if line.strip() and line not in held_out]
    (out / f"{name}.txt").write_text("\n".join(lines) + "\n")
    print(name, len(lines), "lines", sum(len(line.split()) for line in lines), "words")

def texts(manifest):
    return [json.loads(line)["text"] for line in open(manifest)]

write("commands", (data / "text/slurp-commands.txt").read_text().splitlines())
write("games", texts(data / "games/train.jsonl"))
write("prompts", [t for n in ("speechocean762-adults", "kathleen", "more") for t in texts(data / n / "train.jsonl")])

# Fortunes: sayings between lines with a percent sign; those with tabs are tables, code or pictures.
SKIP = {"art", "ascii-art", "perl", "linux", "linuxcookie", "debian", "knghtbrd", "pratchett", "translate-me", "tao", "zippy"}
sayings = []
for path in sorted((packages / "debian/usr/share/games/fortunes").iterdir()):
    if path.suffix or path.name in SKIP or not path.is_file():
        continue
    for saying in re.split(r"(?m)^%.*\n", path.read_text(errors="replace")):
        saying = re.sub(r"(?ms)^\s*--.*", "", saying)  # who said it
        lines = [line for line in saying.splitlines() if line.strip()]
        letters = sum(c.isalpha() or c.isspace() for c in saying)
        if lines and letters > 0.9 * len(saying):
            sayings.append(re.sub(r"\s+", " ", " ".join(lines)))
write("fortunes", sayings)

# Conversations: every string of the lists of lists.
talk = []
for path in sorted((packages / "chatterbot_corpus/data/english").glob("*.yml")):
    for line in path.read_text().splitlines():
        found = re.match(r"^\s*-(?:\s+-)?\s+(.*)$", line)
        if found:
            talk.append(found[1].strip("'\" "))
write("talk", talk)

# Given names, each a line as often as it is had (US census of 1990), at least twice: once is unknown.
shares = {}
for sex in ("female", "male"):
    for line in open(packages / f"names/dist.{sex}.first"):
        name, share = line.split()[:2]
        shares[name.lower()] = max(shares.get(name.lower(), 0.0), float(share))
write("names", [name for name, share in sorted(shares.items()) for _ in range(max(2, round(20 * share)))])
