#!/usr/bin/env python3
"""Adds to a table of `sweep collect` what the nets miss at a false alarm an hour: spot.py STONECHAT TABLE RUNS TEST.

Writes TABLE with the columns `missed` (share of the keywords that were said, at one false alarm an hour over all keywords),
`false_alarms_per_hour`, `hours`, and `layer` (parameters of the replaced map alone).
"""
import csv
import json
import pathlib
import subprocess
import sys

KEYWORDS = ["alexa", "computer", "athena", "amelia", "heycomputer", "heychatterbox"]


def measure(stonechat, package, test):
    command = [stonechat, "spot", "--model", str(package), "--manifest", test, "--per-hour", "1", "--json"]
    for keyword in KEYWORDS:
        command += ["--keyword", keyword]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(stonechat, table, runs, test):
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.update(missed="", false_alarms_per_hour="", hours="", layer=row.get("net.parameters.rnn.0.nonrec", ""))
        package = pathlib.Path(runs) / row["item"] / "net.stonechat"
        if row["state"] != "done" or not package.exists():
            continue
        kept = package.with_suffix(".spot.json")
        if not kept.exists():
            kept.write_text(json.dumps({k: v for k, v in measure(stonechat, package, test).items() if k != "points"}))
        result = json.loads(kept.read_text())
        row.update(hours=result["hours"], **{k: result["chosen"][k] for k in ("missed", "false_alarms_per_hour")})
    with open(table, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


main(*sys.argv[1:])
