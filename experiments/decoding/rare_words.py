"""Words of a manifest's texts that a large text has at most 20 times: what a user would give as hotwords.

The text comes on stdin, the manifest is the argument. Short words are left out: no one would boost them.
"""

import collections
import json
import re
import sys

seen = collections.Counter(word for line in sys.stdin for word in re.findall(r"[a-z']+", line.lower()))
said = {word for line in open(sys.argv[1]) for word in json.loads(line)["text"].split()}
for word in sorted(said):
    if len(word) >= 5 and seen[word] <= 20:
        print(word)
