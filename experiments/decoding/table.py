"""Prints the tables of the README from the results folder."""

import json
import pathlib
import sys

results = pathlib.Path(sys.argv[1])


def load(name):
    path = results / name
    return json.loads(path.read_text()) if path.exists() else None


print("| search | WER % | CER % | RTF | network's share of the time | LM, MB | alpha, beta |\n|---|---|---|---|---|---|---|")
names = ["greedy.json", "beam.json"] + sorted(path.name for path in results.glob("test-*.json"))
for name in names:
    r = load(name)
    if r:
        label = name.removesuffix(".json").removeprefix("test-")
        weights = "" if r["alpha"] is None or not r["lm_bytes"] else f"{r['alpha']:.2f}, {r['beta']:.2f}"
        print(
            f"| {label} | {100 * r['wer']:.1f} | {100 * r['cer']:.1f} | {r['rtf']:.4f} | {100 * r['am_share']:.0f} % "
            f"| {r['lm_bytes'] / 1e6:.1f} | {weights} |"
        )
for path in sorted(results.glob("tune-*.json")):
    r = json.loads(path.read_text())
    print(f"\n{path.stem}: calibration error {r['ece']:.3f}, fitted {r['calibration']['ece']:.3f}, "
          f"weights {r['calibration']['weights']['weights']}")
for name in ("hotwords.json", "keywords.json"):
    if load(name):
        print(f"\n{name}: {json.dumps(load(name))}")
