#!/usr/bin/env python3
"""Draws a result of the example `crossover` and prints its table: plot.py DATE.json DATE.svg"""

import json
import math
import sys

COLOURS = {
    "int8": "#000000", "f32": "#888888", "circulant": "#1b7837",
    "rank 1": "#2166ac", "rank 2": "#b2182b", "rank 10": "#e08214",
}
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 440, 60, 20, 110, 40


def drawing(sizes):
    values = [cell["least_us"] for row in sizes for cell in row.values() if isinstance(cell, dict)]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log2(sizes[0]["n"]), math.log2(sizes[-1]["n"])

    def x(n):
        return LEFT + (math.log2(n) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(us):
        return HEIGHT - BOTTOM - (math.log10(us) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for power in range(low, high + 1):
        at = y(10**power)
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10**power:g}</text>')
    for n in (2**k for k in range(int(first), int(last) + 1)):
        out.append(f'<text x="{x(n):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{n}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">n</text>')
    out.append(f'<text x="14" y="{HEIGHT / 2}" transform="rotate(-90 14 {HEIGHT / 2})" text-anchor="middle">microseconds a product, batch 1</text>')
    for name, colour in COLOURS.items():
        points = [(x(row["n"]), y(row[name]["least_us"])) for row in sizes if name in row]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{points[-1][0] + 6:.1f}" y="{points[-1][1] + 4:.1f}" fill="{colour}">{name}</text>')
    return "\n".join(out + ["</svg>", ""])


def main(source, target):
    with open(source) as file:
        sizes = json.load(file)["sizes"]
    with open(target, "w") as file:
        file.write(drawing(sizes))
    names = list(COLOURS)
    print("| n | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for row in sizes:
        print(f"| {row['n']} | " + " | ".join(f"{row[name]['least_us']:.1f}" if name in row else "" for name in names) + " |")


main(*sys.argv[1:])
