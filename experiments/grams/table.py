#!/usr/bin/env python3
"""Prints the table of this experiment: table.py STONECHAT MANIFEST RUN_FOLDER... (evaluates each run's package)."""
import json
import pathlib
import subprocess
import sys

stonechat, manifest = sys.argv[1:3]


def evaluate(package, *search):
    command = [stonechat, "eval", "--model", package, "--manifest", manifest, "--json", *search]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def row(run):
    package = str(run / "net.stonechat")
    epochs = [e for e in map(json.loads, open(run / "metrics.jsonl")) if "epoch" in e]
    greedy, beam = evaluate(package, "--greedy"), evaluate(package, "--beam", "32")
    percent = lambda share: f"{100 * share:.1f}"
    return [
        run.name,
        str(epochs[-1]["parameters"]),
        percent(greedy["cer"]),
        percent(greedy["wer"]),
        percent(beam["cer"]),
        percent(beam["wer"]),
        f"{greedy['rtf']:.4f}",
    ]


head = ["run", "parameters", "CER % greedy", "WER %", "CER % beam", "WER %", "RTF greedy"]
print("| " + " | ".join(head) + " |")
print("|" + "---|" * len(head))
for folder in sorted(sys.argv[3:]):
    print("| " + " | ".join(row(pathlib.Path(folder))) + " |")
