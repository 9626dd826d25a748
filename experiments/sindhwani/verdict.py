#!/usr/bin/env python3
"""Says of the claims of Sindhwani et al. 2015 whether they hold by the tables of a folder: verdict.py RESULTS."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "common"))
from rows import groups, load, mean, say, spread, values  # noqa: E402


def below(claim, by_family, better, worse, key, text):
    a, b = (values(by_family.get(family, []), key) for family in (better, worse))
    if not a or not b:
        return say(claim, None, text)
    holds = True if max(a) < min(b) else False if min(a) > max(b) else "no difference within the spread"
    say(claim, holds, f"{text}: {spread(a)} % against {spread(b)} %")


def judge(rows, key, what):
    named = [{**row, "family": row["item"].rsplit("-seed", 1)[0]} for row in rows]
    by_family = {family: found for (family,), found in groups(named, "family").items()}
    pairs = [
        ("S rank 1", "toeplitz_like-640", "low_rank-10240", "Toeplitz-like of rank 1 against low rank with 16 times the parameters"),
        ("S rank 10", "toeplitz_like-6400", "low_rank-20480", "Toeplitz-like of rank 10 against low rank 32"),
        ("S circulant", "toeplitz_like-640", "circulant", "Toeplitz-like of rank 1 against circulant"),
        ("S Fastfood", "circulant", "fastfood", "circulant against Fastfood"),
    ]
    for claim, better, worse, text in pairs:
        below(claim, by_family, better, worse, key, f"{what}, {text}")
    for family, found in sorted(by_family.items(), key=lambda pair: mean(pair[1], key) or 0):
        layer = mean(found, "net.parameters.rnn.0.nonrec")
        print(f"    {family}: layer {layer:.0f}, net {mean(found, 'net.parameters'):.0f} parameters, {spread(values(found, key))} %")


def main(folder):
    quick = load(folder, "families_quick")
    judge(quick or load(folder, "families"), "missed", "keywords missed at one false alarm an hour")
    if not quick:
        judge(load(folder, "families_digits"), "net.wer", "wrong digits")


main(sys.argv[1])
