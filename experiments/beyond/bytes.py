#!/usr/bin/env python3
"""Makes packages of 8 and 4 bits of a sweep's nets and measures them: bytes.py STONECHAT TABLE RUNS CALIBRATION DEV OUTPUT.

A row a package: item, arm, seed, form (what the item does), bits, bytes, cer, wer. What was trained for integers keeps them.
"""
import csv
import json
import pathlib
import subprocess
import sys


def call(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def packages(stonechat, run, trained_for_integers, calibration):
    whole = run / "net.stonechat"
    if trained_for_integers:
        yield 4, whole
        return
    for bits in (8, 4):
        package = run / f"int{bits}.stonechat"
        if not package.exists():
            feedback = ["--bits", "4", "--calibrate", calibration] if bits == 4 else []
            call(stonechat, "quantize", *feedback, "--model", whole, "--output", package)
        yield bits, package


def main(stonechat, table, runs, calibration, dev, output):
    made = []
    with open(table, newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == "done"]
    for row in rows:
        run = pathlib.Path(runs) / row["item"]
        form = row["item"].rsplit("-seed", 1)[0].removeprefix(row["arm"] + "-")
        for bits, package in packages(stonechat, run, "int4" in form, calibration):
            kept = package.with_suffix(".json")
            if not kept.exists():
                kept.write_text(call(stonechat, "eval", "--greedy", "--model", package, "--manifest", dev, "--json"))
            result = json.loads(kept.read_text())
            head = {key: row.get(key, "") for key in ("item", "arm", "seed")}
            made.append({**head, "form": form, "bits": bits, "bytes": result["model_bytes"], "cer": result["cer"], "wer": result["wer"]})
    with open(output, "w", newline="") as file:
        writer = csv.DictWriter(file, ["item", "arm", "seed", "form", "bits", "bytes", "cer", "wer"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(made)


main(*sys.argv[1:])
