#!/usr/bin/env python3
"""Says of L1 to L4 (Lu et al. 2016) whether they hold by the tables of a folder: verdict.py RESULTS."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
from rows import groups, load, mean, say, spread, values  # noqa: E402


def forms(rows):
    """Rows by form and share: `low_rank-25-seed1` is low_rank at 25."""
    named = [{**row, "form": row["item"].rsplit("-seed", 1)[0]} for row in rows]
    return {form: found for (form,), found in groups(named, "form").items()}


def order(claim, by_form, better, worse, share, text):
    """Is every seed of one form below every seed of the other?"""
    pairs = [by_form.get(f"{form}-{share}", []) for form in (better, worse)]
    if not all(pairs):
        return say(claim, None, text)
    a, b = (values(rows, "net.cer") for rows in pairs)
    holds = True if max(a) < min(b) else False if min(a) > max(b) else "no difference within the spread"
    say(claim, holds, f"{text} at {share} %: {better} {spread(a)} CER %, {worse} {spread(b)}")


def main(folder):
    if rows := load(folder, "quick"):
        for row in rows:
            print(f"{row['item']}: {row['net.parameters']:.0f} parameters, loss {row['net.loss']:.2f}")
        return say("L1 to L4", "not told by --quick", "the forms train; nets as short as these have learnt nothing")
    by_form = forms(load(folder, "sizes"))
    for share in (50, 25, 12):
        order("L1", by_form, "hybrid_bottom", "shared", share, "hybrid against shared projection")
        order("L1", by_form, "shared", "low_rank", share, "shared projection against low rank")
        order("L2", by_form, "hybrid_bottom", "hybrid_top", share, "structure below against structure above")
        order("L4", by_form, "low_rank", "per_gate", share, "gates with one right factor against a factorisation each")
    if "dense" not in by_form:
        return say("L3", None, "the price of 75 % fewer parameters")
    whole = by_form["dense"]
    parts = []
    for form, rows in by_form.items():
        if form.endswith("-25"):
            less = 1 - mean(rows, "net.parameters") / mean(whole, "net.parameters")
            parts.append(f"{form[:-3]} -{100 * less:.0f} %: {100 * (mean(rows, 'net.cer') - mean(whole, 'net.cer')):+.1f}")
    say("L3", "measured", f"dense {spread(values(whole, 'net.cer'))} CER %, points more: " + ", ".join(parts))


main(sys.argv[1])
