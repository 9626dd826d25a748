#!/usr/bin/env python3
"""Prints the table of this experiment (Markdown) and draws errors over hours (data_scale.svg beside this file).

    table.py RUNS        RUNS: the folder that run.py wrote

The fitted line is error = a hours^-b, least squares in the logarithms: b is the share by which the error falls for each
fold of e in hours, and the table's last rows say what the line makes of 30 and of 100 hours.
"""
import json
import math
import pathlib
import re
import statistics
import sys

KINDS = {"real": "#4477aa", "synthetic": "#ee6677", "both": "#228833"}
SKIPPED = {"done"}


def load(folder):
    """errors[(eval, kind)][hours] = [CER % of each seed]"""
    errors = {}
    for run in sorted(folder.iterdir()):
        match = re.fullmatch(r"(real|synthetic|both)-([\d.]+)h-seed(\d+)", run.name)
        if not match or not (run / "done.json").exists():
            continue
        for result in sorted(run.glob("*.json")):
            if result.stem not in SKIPPED:
                points = errors.setdefault((result.stem, match[1]), {})
                points.setdefault(float(match[2]), []).append(100 * json.loads(result.read_text())["cer"])
    return errors


def fit(points):
    """(a, b) of a hours^-b, or None of fewer than two amounts."""
    if len(points) < 2:
        return None
    xs = [math.log(hours) for hours in points]
    ys = [math.log(statistics.mean(values)) for values in points.values()]
    mean_x, mean_y = statistics.mean(xs), statistics.mean(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / sum((x - mean_x) ** 2 for x in xs)
    return math.exp(mean_y - slope * mean_x), -slope


def spread(values):
    mean = statistics.mean(values)
    return f"{mean:.1f}" if len(values) == 1 else f"{mean:.1f} ± {statistics.stdev(values):.1f}"


def table(label, errors):
    kinds = [kind for kind in KINDS if (label, kind) in errors]
    amounts = sorted({hours for kind in kinds for hours in errors[label, kind]})
    lines = [f"## {label}, greedy CER %", "", "| hours | " + " | ".join(kinds) + " |", "|---:|" + "---:|" * len(kinds)]
    for hours in amounts:
        cells = [spread(errors[label, kind][hours]) if hours in errors[label, kind] else "" for kind in kinds]
        lines.append(f"| {hours:g} | " + " | ".join(cells) + " |")
    fits = [fit(errors[label, kind]) for kind in kinds]
    lines.append("| line | " + " | ".join(f"{f[0]:.1f} h^-{f[1]:.3f}" if f else "" for f in fits) + " |")
    for hours in (30, 100):
        lines.append(f"| {hours}, by the line | " + " | ".join(f"{f[0] * hours ** -f[1]:.1f}" if f else "" for f in fits) + " |")
    return "\n".join(lines)


def panel(label, errors, left):
    """One plot, 420 x 300, of errors over hours, both logarithmic."""
    kinds = [kind for kind in KINDS if (label, kind) in errors]
    values = [value for kind in kinds for seeds in errors[label, kind].values() for value in seeds]
    amounts = [hours for kind in kinds for hours in errors[label, kind]]
    low, high = math.log(min(values) * 0.7), math.log(max(values) * 1.1)
    first, last = math.log(min(amounts) / 1.3), math.log(130)
    x = lambda hours: left + 50 + 340 * (math.log(hours) - first) / (last - first)
    y = lambda error: 260 - 220 * (math.log(error) - low) / (high - low)
    out = [f'<text x="{left + 50}" y="20" font-weight="bold">{label}: CER %, over hours of speech</text>']
    for error in (1, 2, 5, 10, 20, 30, 40, 50, 70, 100):
        if low <= math.log(error) <= high:
            out.append(f'<path d="M{left + 50} {y(error):.1f}H{left + 390}" stroke="#ddd"/>')
            out.append(f'<text x="{left + 44}" y="{y(error) + 4:.1f}" text-anchor="end">{error}</text>')
    for hours in (0.1, 0.5, 1, 2, 5, 10, 30, 100):
        if first <= math.log(hours) <= last:
            out.append(f'<text x="{x(hours):.1f}" y="278" text-anchor="middle">{hours:g}</text>')
    for n, kind in enumerate(kinds):
        points, colour = errors[label, kind], KINDS[kind]
        out += [f'<circle cx="{x(h):.1f}" cy="{y(v):.1f}" r="3" fill="{colour}"/>' for h, seeds in points.items() for v in seeds]
        line = fit(points)
        if line:
            ends = [(h, line[0] * h ** -line[1]) for h in (min(points), 100)]
            way = "L".join(f"{x(h):.1f} {max(min(y(v), 260), 30):.1f}" for h, v in ends)
            out.append(f'<path d="M{way}" stroke="{colour}" stroke-dasharray="5 3" fill="none"/>')
        out.append(f'<text x="{left + 320}" y="{44 + 14 * n}" fill="{colour}">{kind}</text>')
    return "\n".join(out)


def main(folder):
    errors = load(pathlib.Path(folder))
    labels = sorted({label for label, _ in errors})
    if not labels:
        raise SystemExit(f"{folder}: no finished run")
    print("\n\n".join(table(label, errors) for label in labels))
    width = 420 * len(labels)
    drawing = "\n".join(panel(label, errors, 420 * n) for n, label in enumerate(labels))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 290" font-family="sans-serif" font-size="12">\n<rect width="{width}" height="290" fill="white"/>\n{drawing}\n</svg>\n'
    (pathlib.Path(__file__).parent / "data_scale.svg").write_text(svg)


if __name__ == "__main__":
    main(*sys.argv[1:])
