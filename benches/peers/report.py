"""Tables and a chart of what compare.py saved.

    python report.py DATE.json

Writes DATE.svg beside it and the tables into README.md, between the two marks that stand there.
"""
import json
import statistics
import sys
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
FIGURE_SHAPE = "6144x320"
FLOATS = "f32: "
# Peers whose int8 products take and give floats.
FLOAT_PEERS = ("ONNX Runtime DynamicQuantizeMatMul", "torch (oneDNN)", "torch (FBGEMM)")
# Ours and those that an integer product competes with, in the order of the chart's legend, with their colours.
LINES = {
    "ours": "#c1121f",
    "ours (s8 to s32)": "#e56b6f",
    "ours (int4)": "#f77f00",
    "oneDNN 3": "#003049",
    "oneDNN 2": "#4a6fa5",
    "ONNX Runtime MatMulInteger": "#2a9d8f",
    "ONNX Runtime DynamicQuantizeMatMul": "#8ac6bd",
    "torch (FBGEMM)": "#7b2cbf",
    "torch (oneDNN)": "#c8a2e8",
    "rten-gemm": "#8a5a00",
    "XNNPACK": "#588157",
    "gemmlowp": "#888888",
}
# Batches that there are targets for.
BATCHES = ("1", "2", "3", "4", "8")


class Results:
    """One shape at one batch: GOP/s, the best over the rounds."""

    def __init__(self, shape, record, batch):
        rows, cols = map(int, shape.split("x"))
        self.record, self.entries = record, record["batches"][batch]
        self.ops, self.bytes, self.batch = 2e-3 * rows * cols * int(batch), rows * cols, int(batch)

    def names(self):
        return [n for n in self.entries if n != "read"]

    def wrong(self, name):
        return name in self.record["wrong"]

    def us(self, name, where):
        # A call from Python has a cost that is not the library's: taken off, where it was measured.
        return min(self.entries[name][where + "_us"]) - self.entries[name].get("call_us", 0.0)

    def gops(self, name, where):
        return self.ops / self.us(name, where)

    def spread(self, name, where):
        """Median over best: 1 on a quiet machine."""
        times = self.entries[name][where + "_us"]
        return statistics.median(times) / min(times)

    def roofline(self, where):
        gbs = 1e-3 * self.bytes / min(self.entries["read"][where + "_us"])
        return min(self.record["machine"]["peak_gops"], 2 * self.batch * gbs)

    def best_peer(self, where):
        """The fastest integer product that is not ours and is right."""
        peers = [n for n in self.names() if not n.startswith(("ours", FLOATS)) and not self.wrong(n)]
        return max(peers, key=lambda n: self.gops(n, where))


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(header, rows):
    return [row(header), "|" + "---|" * len(header), *map(row, rows), ""]


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def speeds(shape, record, where):
    batches = {b: Results(shape, record, b) for b in record["batches"]}
    any_batch = next(iter(batches.values()))

    def line(name):
        label = f"**{name}**" if name.startswith("ours") else name
        return [label + (" (wrong sums)" if any_batch.wrong(name) else "")] + [number(r.gops(name, where)) for r in batches.values()]

    integers = [n for n in any_batch.names() if not n.startswith(FLOATS)]
    floats = [n for n in any_batch.names() if n.startswith(FLOATS)]
    roof = ["*roofline of int8*"] + [number(r.roofline(where)) for r in batches.values()]
    return table([f"{shape}, {where}", *batches], [roof, *map(line, integers), *map(line, floats)])


def targets(shape, record):
    """The project's targets, and what was measured below each; compared to two decimals, as printed."""
    ours, raw = "ours", "ours (s8 to s32)"
    share = lambda name: lambda r: r.gops(name, "hot") / r.roofline("hot")
    ratio = lambda name, peer, where: lambda r: r.gops(name, where) / r.gops(peer(r), where)
    best = lambda where: lambda r: r.best_peer(where)
    fixed = lambda name: lambda r: name
    best_float = lambda r: max((n for n in FLOAT_PEERS if n in r.entries), key=lambda n: r.gops(n, "hot"))
    cold = (1.1, 1.1, 1.05, 1.1, 1.2)
    plan = [
        ("hot, share of the roofline", (0.95, 0.93, 0.95, 0.96, 0.95), [(raw, share(raw)), (ours, share(ours))]),
        ("hot, against the best peer", (1.2, 1.2, 1.07, 1.04, 1.0), [(raw, ratio(raw, best("hot"), "hot")), (ours, ratio(ours, best("hot"), "hot"))]),
        ("hot, floats in and out, against the best peer of that kind", (), [(ours, ratio(ours, best_float, "hot"))]),
        ("cold, against oneDNN 3", cold, [(raw, ratio(raw, fixed("oneDNN 3"), "cold")), (ours, ratio(ours, fixed("oneDNN 3"), "cold"))]),
        ("cold, against oneDNN 2", cold, [(raw, ratio(raw, fixed("oneDNN 2"), "cold")), (ours, ratio(ours, fixed("oneDNN 2"), "cold"))]),
        ("hot, against gemmlowp", (20, 20, 16, 12, 9), [(ours, ratio(ours, fixed("gemmlowp"), "hot"))]),
        ("int4 against int8, hot", (1.5,), [("ours (int4)", ratio("ours (int4)", fixed(ours), "hot"))]),
        ("int4 against int8, cold", (1.8,), [("ours (int4)", ratio("ours (int4)", fixed(ours), "cold"))]),
    ]
    lines = []
    for what, goals, measured in plan:
        goals = dict(zip(BATCHES, goals))
        show = lambda value: f"{100 * value:.0f} %" if "share" in what else number(value)
        goal = "*target*" if goals else ""
        lines.append([what, goal, *(f"*{show(goals[b])}*" if b in goals else "" for b in BATCHES)])
        for name, figure in measured:
            values = {b: figure(Results(shape, record, b)) for b in BATCHES if b in record["batches"]}
            cells = [show(values[b]) + (" (missed)" if values[b] < goals.get(b, 0) - 0.005 else "") if b in values else "" for b in BATCHES]
            lines.append(["", name, *cells])
    return table([shape, "", *BATCHES], lines)


def limits(shapes):
    keys = {"peak_gops": "peak int8, GOP/s", "peak_gflops": "peak f32", "l1_gbs": "L1, GB/s", "l2_gbs": "L2", "l3_gbs": "L3", "dram_gbs": "memory"}
    best = [max(record["machine"][key] for record in shapes.values()) for key in keys]
    spreads = [
        Results(shape, record, batch).spread(name, where)
        for shape, record in shapes.items()
        for batch in record["batches"]
        for name in record["batches"][batch]
        for where in ("hot", "cold")
    ]
    first = next(iter(shapes.values()))
    versions = ", ".join(f"{n} {v}" for n, v in first["versions"].items() if not n.startswith(("ours", "read", "f32: ours")))
    return [
        f"{first['date'][:10]}, one core of an {first['cpu']}, load {', '.join(f'{load:.1f}' for load in first['load'])}. "
        f"A round's time is {100 * (statistics.median(spreads) - 1):.0f} % over the best one in the median.",
        "",
        *table(list(keys.values()), [[number(b) for b in best]]),
        f"Versions: {versions}.",
        "",
    ]


def chart(record):
    """GOP/s over batch, weights from a cache: the style of the paper's figure 6."""
    batches = list(record["batches"])
    results = [Results(FIGURE_SHAPE, record, b) for b in batches]
    series = [("roofline", "#000000", [r.roofline("hot") for r in results])]
    series += [(n, c, [r.gops(n, "hot") for r in results]) for n, c in LINES.items() if n in results[0].entries]
    width, height, left, right, top, bottom = 930, 440, 62, 330, 34, 52
    most = 100 * -(-max(max(values) for _, _, values in series) // 100)
    last = max(map(int, batches))
    x = lambda batch: left + (width - left - right) * (int(batch) - 1) / (last - 1)
    y = lambda gops: height - bottom - (height - top - bottom) * gops / most
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{left}" y="20" font-size="14">{FIGURE_SHAPE}, 8-bit weights from the third cache, one core</text>',
    ]
    for gops in range(0, int(most) + 1, 100):
        out.append(f'<path d="M{left} {y(gops):.1f}H{width - right}" stroke="#dddddd"/>')
        out.append(f'<text x="{left - 8}" y="{y(gops) + 4:.1f}" text-anchor="end">{gops}</text>')
    for batch in batches:
        out.append(f'<text x="{x(batch):.1f}" y="{height - bottom + 18}" text-anchor="middle">{batch}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - 12}" text-anchor="middle">batch</text>')
    out.append(f'<text transform="translate(16 {(height - bottom + top) / 2}) rotate(-90)" text-anchor="middle">GOP/s</text>')
    for i, (name, colour, values) in enumerate(series):
        points = " ".join(f"{x(b):.1f},{y(v):.1f}" for b, v in zip(batches, values))
        dashes = ' stroke-dasharray="6 4"' if name == "roofline" else ""
        thick = 3 if name.startswith("ours") else 1.6
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{thick}"{dashes}/>')
        if not dashes:
            out += [f'<circle cx="{x(b):.1f}" cy="{y(v):.1f}" r="3" fill="{colour}"/>' for b, v in zip(batches, values)]
        at, line = width - right + 24, top + 12 + 22 * i
        out.append(f'<path d="M{at} {line}h26" stroke="{colour}" stroke-width="{thick}"{dashes}/>')
        out.append(f'<text x="{at + 34}" y="{line + 4}">{escape(name)}</text>')
    return "\n".join(out + ["</svg>", ""])


def main():
    saved = Path(sys.argv[1])
    shapes = json.loads(saved.read_text())["shapes"]
    svg = saved.with_suffix(".svg")
    svg.write_text(chart(shapes[FIGURE_SHAPE]))
    lines = [f"![GOP/s over batch]({svg.name})", "", f"Raw: `{saved.name}`. " + limits(shapes)[0], *limits(shapes)[1:]]
    lines += ["### Targets", "", *targets(FIGURE_SHAPE, shapes[FIGURE_SHAPE]), "### Speeds, GOP/s", ""]
    for shape, record in shapes.items():
        lines += speeds(shape, record, "hot") + speeds(shape, record, "cold")
    lines += ["### Targets at the other shapes", ""]
    for shape, record in shapes.items():
        lines += targets(shape, record) if shape != FIGURE_SHAPE else []
    readme = HERE / "README.md"
    before, rest = readme.read_text().split("<!-- figures -->\n", 1)
    after = rest.split("<!-- end of figures -->", 1)[1]
    readme.write_text(before + "<!-- figures -->\n" + "\n".join(lines) + "<!-- end of figures -->" + after)


if __name__ == "__main__":
    main()
