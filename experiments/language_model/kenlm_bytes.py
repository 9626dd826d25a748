#!/usr/bin/env python3
"""Bytes of KenLM's `build_binary -q 8 -b 8 -a 22 trie` for these numbers of n-grams, by its own layout:

    python3 experiments/language_model/kenlm_bytes.py 60003 1200000 1500000 [--letters 540000]

Unigrams take 16 bytes (probability, back-off weight, pointer) and one more entry; the vocabulary 8 bytes a word (hash) and
the letters of the words with a zero each; middle n-grams the word, 8 + 8 bits and the pointer (array-compressed: inline bits
and a table of 8 bytes an entry, the cheapest split with at most 22 bits in the table); the longest the word and 8 bits; bins
are 4 bytes each. `--letters` is the sum of the lengths of the words in bytes.
"""

import argparse


def bits(largest):
    return max(largest, 1).bit_length()


def pointer_bits(entries, largest):
    """Bits of all pointers of one order: the best of the splits that Bhiksha allows."""
    width = bits(largest)
    return min(
        entries * (width - chop) + 64 * ((largest >> (width - chop)) + 1)
        for chop in range(0, min(22, width) + 1)
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("counts", type=int, nargs="+")
    parser.add_argument("--letters", type=int, default=None)
    args = parser.parse_args()
    counts = args.counts
    words = counts[0]
    letters = args.letters if args.letters is not None else 8 * words
    parts = {"unigrams": 16 * (words + 2), "hashes": 8 * words + 8, "spelling": letters + words}
    word = bits(words)
    for n, count in enumerate(counts[1:], start=2):
        if n < len(counts):
            record = word + 8 + 8
            parts[f"{n}-grams"] = ((count + 1) * record + pointer_bits(count + 1, counts[n])) / 8
        else:
            parts[f"{n}-grams"] = (count + 1) * (word + 8) / 8
    parts["bins"] = 4 * 256 * (2 * (len(counts) - 2) + 1)
    total = sum(parts.values())
    for name, size in parts.items():
        print(f"{name:10} {size:12.0f}")
    print(f"{'all':10} {total:12.0f}  {total / sum(counts):.3f} bytes an n-gram")


if __name__ == "__main__":
    main()
