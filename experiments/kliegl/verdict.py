#!/usr/bin/env python3
"""Says of each claim of Kliegl et al. 2017 whether it holds by the tables of a folder: verdict.py RESULTS."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
from rows import groups, load, mean, say, spread, values  # noqa: E402

REC, NONREC = "stage.0.lambda_rec", "stage.0.lambda_nonrec"
NU = "net.nu.gru.2.rec", "net.nu.gru.2.nonrec"
RANK = "net.rank90.gru.2.rec", "net.rank90.gru.2.nonrec"


def trained(rows, arm):
    return [row for row in rows if row["arm"] == arm]


def k1(rows):
    if not rows:
        return say("K1", None, "Figure 1, CER over both strengths")
    parts = []
    for arm in ("trace", "l2"):
        cells = {key: mean(found, "net.cer") for key, found in groups(trained(rows, arm), REC, NONREC).items()}
        free = min(cells, key=cells.get)
        tied = min((key for key in cells if key[0] == key[1]), key=cells.get)
        parts.append(f"{arm}: best tied {tied[0]:g}: {100 * cells[tied]:.1f} %, best of all rec {free[0]:g}, nonrec {free[1]:g}: {100 * cells[free]:.1f} %")
    say("K1", "measured", "; ".join(parts))


def k2(rows, alone=True):
    """nu of the third GRU by strength, the other strength being zero, or both the same."""
    lower, parts = [], []
    for strength, other, nu in ((REC, NONREC, NU[0]), (NONREC, REC, NU[1])):
        used = [row for row in rows if row[strength] and row[other] == (0 if alone else row[strength])]
        for (value,), same in groups(used, strength).items():
            trace, l2 = values(trained(same, "trace"), nu), values(trained(same, "l2"), nu)
            if trace and l2:
                lower.append(max(trace) < min(l2))
                parts.append(f"{nu.rsplit('.', 1)[1]} {value:g}: {spread(trace, 1, 2)} against {spread(l2, 1, 2)}")
    say("K2", all(lower) if lower else None, "nu of the third GRU, trace norm against l2: " + "; ".join(parts))


def k3(rows):
    """The lowest 90 % rank among the nets within two points of the best CER."""
    if not rows:
        return say("K3", None, "90 % rank against CER")
    limit = min(values(rows, "net.cer")) + 0.02
    parts, lower = [], []
    for rank in RANK:
        least = {}
        for arm in ("trace", "l2"):
            good = [row for row in trained(rows, arm) if row["net.cer"] <= limit]
            least[arm] = min(values(good, rank), default=None)
        parts.append(f"{rank.rsplit('.', 1)[1]}: {least['trace']} with the trace norm, {least['l2']} with l2")
        if None not in least.values():
            lower.append(least["trace"] < least["l2"])
    say("K3", all(lower) if lower else None, f"lowest 90 % ranks of nets under {100 * limit:.1f} % CER: " + "; ".join(parts))


def k4(rows):
    """The best CER of nets of at most a size."""
    sizes = sorted(values(rows, "net.parameters"))
    if not sizes:
        return say("K4", None, "stage 2 by the penalty of stage 1")
    parts = []
    for limit in (sizes[len(sizes) // 4], sizes[len(sizes) // 2]):
        best = {}
        for (arm, seed), found in groups(rows, "arm", "seed").items():
            small = [row for row in found if row["net.parameters"] <= limit]
            if small:
                best.setdefault(arm, []).append(min(values(small, "net.cer")))
        parts.append(f"up to {limit:.0f} parameters: " + ", ".join(f"{arm} {spread(cers)}" for arm, cers in best.items()))
    say("K4", "measured", "best CER in % after stage 2, " + "; ".join(parts))


def k5_k6_k7(rows):
    if not rows:
        for claim in ("K5", "K6", "K7"):
            say(claim, None, "transition from stage 1 to stage 2")
        return
    ends, jumps = [], {}
    for (arm, epochs), found in groups(rows, "arm", "full.epochs").items():
        ends.append(f"{arm} at {epochs:.0f}: {spread(values(found, 'low_rank.cer'))}")
        jumps.setdefault(arm, []).extend(row["low_rank.truncated_cer"] - row["full.last_cer"] for row in found)
    say("K5", "measured", "CER in % by the epoch of transition, " + ", ".join(ends))
    text = ", ".join(f"{arm} {spread(found)}" for arm, found in jumps.items())
    both = {"trace", "l2"} <= set(jumps)
    say("K6", max(jumps["trace"]) < min(jumps["l2"]) if both else None, f"points of CER lost by the cut: {text}")
    ratio = {arm: mean(found, "full.epoch_s") / mean(found, "low_rank.epoch_s") for (arm,), found in groups(rows, "arm").items()}
    say("K7", "measured", "an epoch of stage 1 takes as many of stage 2: " + ", ".join(f"{arm} {value:.2f}" for arm, value in ratio.items()))


def table(claim, rows, size, cer, what):
    if not rows:
        return say(claim, None, what)
    found = groups([{**row, "variant": row["item"].rsplit("-seed", 1)[0]} for row in rows], "variant")
    parts = [f"{variant} ({mean(same, size):.0f}) {spread(values(same, cer))}" for (variant,), same in found.items()]
    say(claim, "measured", f"{what}, CER in %: " + ", ".join(parts))


def quick(folder):
    rows = load(folder, "quick")
    k2(rows, alone=False)
    lost = {row["item"]: row["net.truncated_loss"] for row in load(folder, "quick_stage2")}
    before = {row["item"]: row["net.dev_loss"] for row in rows}
    start = {"none": "l2-0", "l2": "l2-0.3", "trace": "trace-0.3"}
    rise = {arm: lost[arm] - before[item] for arm, item in start.items() if arm in lost and item in before}
    if len(rise) == 3:
        text = ", ".join(f"{arm} {value:+.2f}" for arm, value in rise.items())
        say("K6", rise["trace"] < min(rise["l2"], rise["none"]), f"what the cut adds to the loss on development data: {text}")


def main(folder):
    if (pathlib.Path(folder) / "quick.csv").exists():
        return quick(folder)
    stage1 = load(folder, "stage1")
    k1(stage1)
    k2(stage1)
    k3(stage1)
    k4(load(folder, "stage2"))
    k5_k6_k7(load(folder, "transition"))
    table("K11", load(folder, "gates"), "net.parameters", "net.cer", "split, stacked and joint gates")
    table("K12", load(folder, "shapes"), "low_rank.nonzero", "low_rank.cer", "low rank, smaller dense, sparse (weights that are not zero)")
    table("K13", load(folder, "features"), "net.parameters", "net.cer", "161 linear bins against 80 mel bins")


main(sys.argv[1])
