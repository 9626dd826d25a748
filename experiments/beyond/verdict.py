#!/usr/bin/env python3
"""The table of bytes against CER with its front, and what each step is worth: verdict.py RESULTS."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
from rows import groups, load, mean, say, spread, values  # noqa: E402


def front(rows):
    means = {key: (mean(found, "bytes"), mean(found, "cer")) for key, found in groups(rows, "arm", "form", "bits").items()}
    beaten = lambda a: any(b[0] <= a[0] and b[1] <= a[1] and b != a for b in means.values())
    print("| stage 1 | stage 2 | bits | bytes | CER % | on the front |\n|---|---|---|---|---|---|")
    for (arm, form, bits), at in sorted(means.items(), key=lambda item: item[1]):
        cers = values(groups(rows, "arm", "form", "bits")[arm, form, bits], "cer")
        print(f"| {arm} | {form} | {bits:.0f} | {at[0]:,.0f} | {spread(cers)} | {'' if beaten(at) else 'yes'} |")


def against(forms, better, worse, size, text):
    named = groups([{**row, "form": row["item"].rsplit("-seed", 1)[0]} for row in forms], "form")
    for arm in ("trace", "l2"):
        pair = [values(named.get((f"{arm}-{form}-{size}",), []), "net.cer") for form in (better, worse)]
        if all(pair):
            holds = max(pair[0]) < min(pair[1])
            say(text, holds or "no clear gain", f"after {arm}, {size}: {spread(pair[0])} against {spread(pair[1])} CER %")


def main(folder):
    if rows := load(folder, "bytes"):
        front(rows)
    else:
        say("bytes against CER", None, "")
    forms = load(folder, "forms")
    for size in ("130k", "80k"):
        against(forms, "heard", "plain", size, "cut by the data better than by the weights, after equal stage 2")
        against(forms, "taught", "plain", size, "a teacher helps")
    for name, what in (("early", "epochs of stage 1 by nu"), ("displacement", "trace norm on the displacement")):
        for (item,), found in groups([{**r, "item": r["item"].rsplit("-seed", 1)[0]} for r in load(folder, name)], "item").items():
            key = "low_rank.cer" if name == "early" else "net.cer"
            ranks = [key for key in found[0] if key.startswith("net.displacement_rank90.")]
            of_maps = [values(found, key) for key in ranks]
            more = f"{mean(found, 'full.epochs'):.1f} epochs" if name == "early" else f"displacement rank {sum(map(sum, of_maps)) / max(1, sum(map(len, of_maps))):.1f} of 24"
            print(f"{what}, {item}: {more}, {spread(values(found, key))} CER %")


main(sys.argv[1])
