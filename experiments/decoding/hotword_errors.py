"""Errors on hotwords and on all other words, before and after: LIST BEFORE.jsonl AFTER.jsonl (`eval --details`)."""

import json
import sys


def alignment(reference, hypothesis):
    """Reference words with the hypothesis word in their place (or none), and what was inserted."""
    rows = [[0] * (len(hypothesis) + 1) for _ in range(len(reference) + 1)]
    for i in range(len(reference) + 1):
        for j in range(len(hypothesis) + 1):
            if i == 0 or j == 0:
                rows[i][j] = i + j
            else:
                wrong = reference[i - 1] != hypothesis[j - 1]
                rows[i][j] = min(rows[i - 1][j - 1] + wrong, rows[i - 1][j] + 1, rows[i][j - 1] + 1)
    i, j, pairs, inserted = len(reference), len(hypothesis), [], []
    while i or j:
        if i and j and rows[i][j] == rows[i - 1][j - 1] + (reference[i - 1] != hypothesis[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((reference[i], hypothesis[j]))
        elif i and rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
            pairs.append((reference[i], None))
        else:
            j -= 1
            inserted.append(hypothesis[j])
    return pairs, inserted


def count(path, hot):
    result = {"hot_words": 0, "hot_errors": 0, "other_words": 0, "other_errors": 0, "false_hotwords": 0}
    for line in open(path):
        detail = json.loads(line)
        pairs, inserted = alignment(detail["ref"].split(), detail["hyp"].split())
        for said, heard in pairs:
            kind = "hot" if said in hot else "other"
            result[f"{kind}_words"] += 1
            result[f"{kind}_errors"] += said != heard
            result["false_hotwords"] += said != heard and heard in hot
        result["other_errors"] += len(inserted)
        result["false_hotwords"] += sum(word in hot for word in inserted)
    return result


hot = set(open(sys.argv[1]).read().split())
before, after = (count(path, hot) for path in sys.argv[2:4])
print(
    json.dumps(
        {
            "list": len(hot),
            "before": before,
            "after": after,
            "recovered": 1 - after["hot_errors"] / max(1, before["hot_errors"]),
            "rest_wer_change": (after["other_errors"] - before["other_errors"]) / max(1, before["other_words"]),
        },
        indent=1,
    )
)
