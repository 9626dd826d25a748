#!/usr/bin/env python3
"""Picks sentences for a text-to-speech voice to read: plain words only, 6 to 18 of them, shuffled.

pick_lines.py BOOKS.txt[.xz] LINES.txt [--count 8000] [--seed 20261122]
"""
import argparse
import lzma
import random
import re


def sentences(path):
    opened = lzma.open(path, "rt") if path.endswith(".xz") else open(path)
    with opened as lines:
        for line in lines:
            for part in re.split(r'[.!?;:"]+', line):
                part = part.replace("\u2019", "'").replace(",", " ").strip()
                words = part.lower().split()
                plain = re.fullmatch(r"[A-Za-z' ]+", part) and not any(
                    word.startswith("'") or word.endswith("'") for word in words
                )
                if plain and 6 <= len(words) <= 18:
                    yield " ".join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("books")
    parser.add_argument("lines")
    parser.add_argument("--count", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=20261122)
    arguments = parser.parse_args()
    picked = sorted(set(sentences(arguments.books)))
    random.Random(arguments.seed).shuffle(picked)
    with open(arguments.lines, "w") as out:
        out.write("\n".join(picked[: arguments.count]) + "\n")


main()
