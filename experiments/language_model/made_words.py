#!/usr/bin/env python3
"""Words that a text does not have, made of halves of its own, twelve a line, until both together have so many:

    python3 experiments/language_model/made_words.py train.txt 215000 > made.txt

For measuring a vocabulary that is larger than that of the text at hand.
"""

import random
import re
import sys

random.seed(1)
words = set()
for line in open(sys.argv[1]):
    words.update(re.findall(r"[a-z']+", line.lower()))
halves = sorted(word for word in words if len(word) > 3)
made = set()
while len(words) + len(made) < int(sys.argv[2]):
    first, second = random.choice(halves), random.choice(halves)
    word = first[: len(first) // 2 + 1] + second[len(second) // 2 :]
    if word not in words:
        made.add(word)
made = sorted(made)
random.shuffle(made)
for start in range(0, len(made), 12):
    print(" ".join(made[start : start + 12]))
