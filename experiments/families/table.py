#!/usr/bin/env python3
"""Prints the table of this experiment (Markdown) and draws CER against bytes (families.svg beside this file).

table.py RUNS     RUNS: the folder with one folder NAME-seedN for each run.
"""
import json
import pathlib
import re
import statistics
import sys
from collections import defaultdict

COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb", "#000000", "#997700", "#332288", "#882255", "#44aa99", "#ddaa77", "#666666"]


def load(run):
    metrics = [json.loads(line) for line in open(run / "metrics.jsonl")]
    start = next((m["truncated"] for m in metrics if "truncated" in m), None)
    parameters = [m["parameters"] for m in metrics if "epoch" in m]
    forms = {form: run / f"{form}.json" for form in ("family", "int8", "int4")}
    forms = {form: json.load(open(path)) for form, path in forms.items() if path.exists()}
    if "_bits" in run.name:
        # Trained for integers: what training left is the integers.
        forms = {"int4": forms["family"]}
    return {"start": start and 100 * start["cer"], "parameters": parameters[-1], **forms}


def spread(values):
    mean = statistics.mean(values)
    return f"{mean:.1f}" if len(values) == 1 else f"{mean:.1f} ± {statistics.stdev(values):.1f}"


def main(folder):
    groups = defaultdict(list)
    for run in sorted(pathlib.Path(folder).iterdir()):
        match = re.fullmatch(r"(.+)-seed(\d+)", run.name)
        if match and (run / "family.json").exists():
            groups[match[1]].append(load(run))
    small = lambda runs: "int8" if "int8" in runs[0] else "int4"
    cer = lambda runs, form: [100 * r[form]["cer"] for r in runs if form in r]
    rows = sorted(groups.items(), key=lambda item: statistics.mean(cer(item[1], small(item[1]))))
    head = ["family and size", "parameters", "CER % fitted", "float", "int8", "int4", "int8 kB", "int4 kB", "RTF", "seeds"]
    print("| " + " | ".join(head) + " |")
    print("|---|" + "---:|" * (len(head) - 1))
    points = []
    for name, runs in rows:
        family, _, size = name.partition("-")
        fitted = [r["start"] for r in runs if r["start"] is not None]
        kilobytes = {form: runs[0][form]["model_bytes"] / 1000 for form in ("int8", "int4") if form in runs[0]}
        for form, size_kb in kilobytes.items():
            label = family if form == "int8" else f"{family} int4"
            points.append((f"{label}-{size}", size_kb, statistics.mean(cer(runs, form))))
        cells = [
            name.replace("_", " "),
            f"{runs[0]['parameters'] / 1e6:.2f} M",
            spread(fitted) if fitted else "",
            *(spread(cer(runs, form)) if cer(runs, form) else "" for form in ("family", "int8", "int4")),
            *(f"{kilobytes[form]:.0f}" if form in kilobytes else "" for form in ("int8", "int4")),
            f"{statistics.median(r[small(runs)]['rtf'] for r in runs):.4f}",
            str(len(runs)),
        ]
        print("| " + " | ".join(cells) + " |")
    draw(points, pathlib.Path(__file__).with_name("families.svg"))


def draw(points, path):
    """CER against kilobytes of the package; sizes of one family are joined. What has not recovered is left out."""
    points = [p for p in points if p[2] < 80]
    width, height, left, bottom = 760, 460, 60, 50
    top_cer, low_cer = max(p[2] for p in points) + 2, min(p[2] for p in points) - 2
    top_kb = max(p[1] for p in points) * 1.05
    x = lambda kb: left + (width - left - 190) * kb / top_kb
    y = lambda cer: (height - bottom) - (height - bottom - 20) * (cer - low_cer) / (top_cer - low_cer)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">']
    out.append(f'<rect width="{width}" height="{height}" fill="white"/>')
    for cer in range(int(low_cer) + 1, int(top_cer) + 1, 5):
        out.append(f'<path d="M{left} {y(cer):.1f}H{width - 190}" stroke="#dddddd"/><text x="{left - 8}" y="{y(cer) + 4:.1f}" text-anchor="end">{cer}</text>')
    for kb in range(0, int(top_kb) + 1, 500):
        out.append(f'<text x="{x(kb):.1f}" y="{height - bottom + 18}" text-anchor="middle">{kb}</text>')
    out.append(f'<text x="{(left + width - 190) / 2}" y="{height - 10}" text-anchor="middle">package, kB</text>')
    out.append(f'<text x="16" y="{height / 2}" transform="rotate(-90 16 {height / 2})" text-anchor="middle">greedy CER, %</text>')
    families = defaultdict(list)
    for name, kilobytes, cer in points:
        families[name.rsplit("-", 1)[0]].append((kilobytes, cer))
    for i, (family, sizes) in enumerate(sorted(families.items(), key=lambda item: min(c for _, c in item[1]))):
        colour = COLOURS[i % len(COLOURS)]
        again = i >= len(COLOURS)
        fill, dash = ("white", ' stroke-dasharray="5 3"') if again else (colour, "")
        path_data = "L".join(f"{x(kb):.1f} {y(cer):.1f}" for kb, cer in sorted(sizes))
        out.append(f'<path d="M{path_data}" fill="none" stroke="{colour}"{dash}/>')
        out += [f'<circle cx="{x(kb):.1f}" cy="{y(cer):.1f}" r="4" fill="{fill}" stroke="{colour}"/>' for kb, cer in sizes]
        out.append(f'<circle cx="{width - 175}" cy="{30 + 18 * i}" r="4" fill="{fill}" stroke="{colour}"/><text x="{width - 165}" y="{34 + 18 * i}">{family.replace("_", " ")}</text>')
    out.append("</svg>")
    path.write_text("\n".join(out) + "\n")


main(sys.argv[1])
