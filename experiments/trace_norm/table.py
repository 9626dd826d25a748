#!/usr/bin/env python3
"""Prints the table of this experiment from the runs' metrics: table.py RUN_FOLDER..."""
import json
import pathlib
import sys


def row(run):
    entries = [json.loads(line) for line in open(run / "metrics.jsonl")]
    epochs = [e for e in entries if "epoch" in e]
    full = [e for e in epochs if e["stage"] == "full"]
    low = [e for e in epochs if e["stage"] == "low_rank"]
    truncated = next((e for e in entries if "truncated" in e), None)
    weights = full[-1]["weights"]
    rec = [w for w in weights if w["name"].endswith(".rec")]
    nonrec = [w for w in weights if not w["name"].endswith(".rec")]
    mean = lambda values: sum(values) / len(values)
    ranks = "/".join(str(w["rank90"]) for w in weights)
    percent = lambda e: f"{100 * e['cer']:.1f}" if e else "-"
    return [
        run.name,
        percent(full[-1]["dev"]),
        f"{mean([w['nu'] for w in nonrec]):.3f}",
        f"{mean([w['nu'] for w in rec]):.3f}",
        ranks,
        percent(truncated and truncated["truncated"]),
        percent(low[-1]["dev"] if low else None),
        str(truncated["parameters"]) if truncated else "-",
    ]


head = ["run", "CER % full", "nu nonrec", "nu rec", "90 % ranks", "CER % truncated", "CER % after stage 2", "parameters"]
print("| " + " | ".join(head) + " |")
print("|" + "---|" * len(head))
for folder in sorted(sys.argv[1:]):
    print("| " + " | ".join(row(pathlib.Path(folder))) + " |")
