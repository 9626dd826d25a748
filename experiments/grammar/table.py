#!/usr/bin/env python3
"""Prints the tables of the README from a folder of results: table.py FOLDER"""
import json, pathlib, sys

folder = pathlib.Path(sys.argv[1])
load = lambda name: json.loads((folder / f"{name}.json").read_text())
percent = lambda share: f"{100 * share:.1f}"

print("| grammar | garbage | right % | false rejects % | wrong % | false accepts % |\n|---|---|---|---|---|---|")
for path in sorted(folder.glob("*.json")):
    name, _, garbage = path.stem.rpartition("-")
    rows = load(path.stem).get("acceptance", {}).get("rows")
    if rows:
        shares = [percent(rows[0][key]) for key in ("right", "false_rejects", "wrong", "false_accepts")]
        print(f"| {name} | {garbage} | " + " | ".join(shares) + " |")

print("\n| grammar, nearest phrase | confidence | right % | false rejects % | wrong % | false accepts % |\n|---|---|---|---|---|---|")
for path in sorted(folder.glob("*-nearest.json")):
    report = load(path.stem)
    for row in report["acceptance"]["rows"]:
        shares = [percent(row[key]) for key in ("right", "false_rejects", "wrong", "false_accepts")]
        print(f"| {path.stem.removesuffix('-nearest')} | {row['min_confidence']:.2f} | " + " | ".join(shares) + " |")

print("\n| keywords | false alarms an hour | threshold | missed % |\n|---|---|---|---|")
for path in sorted(folder.glob("keywords-*.json")):
    points = load(path.stem)["points"]
    for rate in (0.5, 1, 2, 5, 10, 20):
        point = [p for p in points if p["false_alarms_per_hour"] <= rate][-1]
        print(f"| {path.stem} | {rate} | {point['threshold']:.3f} | {percent(point['missed'])} |")
