"""Made text of any size: words by Zipf's law, half of them such as often follow the one before. Requires numpy.

    python benches/scaling/text.py --words 100000000 --seed 1 > text.txt
"""

import argparse
import sys

import numpy

VOCABULARY = 200_000
SENTENCES = 20_000


def names():
    """A name for each word, the shortest for the most frequent."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    found = []
    for rank in range(VOCABULARY):
        name, left = "", rank + 3
        while left:
            left, letter = divmod(left, 26)
            name += letters[letter] + "aeiou"[(rank + left) % 5]
        found.append(name)
    return numpy.array(found, dtype=object)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = numpy.random.default_rng(options.seed)
    weights = 1.0 / numpy.arange(1, VOCABULARY + 1)
    ladder = numpy.cumsum(weights / weights.sum())
    words = names()
    made = 0
    while made < options.words:
        # Sentences side by side, a word of each at a time.
        lengths = random.integers(4, 28, SENTENCES)
        last = numpy.zeros(SENTENCES, numpy.int64)
        columns = []
        for _ in range(lengths.max()):
            free = numpy.searchsorted(ladder, random.random(SENTENCES)).clip(0, VOCABULARY - 1)
            # Each word has followers, of which the first are the likeliest.
            follower = (random.geometric(0.3, SENTENCES) * 7919 + last * 104_729) % 20_011
            last = numpy.where(random.random(SENTENCES) < 0.5, follower, free)
            columns.append(words[last])
        lines = zip(*columns)
        text = "".join(" ".join(line[:length]) + "\n" for line, length in zip(lines, lengths))
        sys.stdout.write(text)
        made += int(lengths.sum())


if __name__ == "__main__":
    main()
