#!/usr/bin/env python3
"""Trains one net on growing amounts of real speech, of synthetic speech, and of both, for equal hours heard.

    experiments/data_scale/run.py --real A.jsonl B.jsonl --synthetic C.jsonl --eval NAME=M.jsonl [NAME=M.jsonl ...]

From the root of the repository; it may be stopped at any moment and called again: finished runs are kept, the one that
was cut off goes on. table.py draws what there is. The binary is target/release/stonechat or $STONECHAT.

Each amount is a part of the next larger one, spread evenly over its manifests; "both" is half real and half synthetic.
Hours heard are --heard for every point, so that all take the same number of steps: epochs = heard / hours.
"""
import argparse
import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent


def utterances(manifests):
    """Lines of manifests with absolute paths and with durations, in an order of which any beginning is spread over all."""
    lines = []
    for manifest in manifests:
        folder = pathlib.Path(manifest).resolve().parent
        for line in open(manifest, encoding="utf-8"):
            entry = json.loads(line)
            if "duration" not in entry:
                raise SystemExit(f"{manifest}: no duration; stonechat data make measures them")
            if entry["duration"] <= 16.0:
                entry["audio_filepath"] = str((folder / entry["audio_filepath"]).resolve())
                lines.append(entry)
    golden = 0.6180339887498949
    order = sorted(range(len(lines)), key=lambda n: (n + 1) * golden % 1.0)
    return [lines[n] for n in order]


def beginning(lines, hours):
    """So many hours of them; None where there are not as many."""
    taken, seconds = [], 0.0
    for entry in lines:
        if seconds >= 3600 * hours:
            return taken
        taken.append(entry)
        seconds += entry["duration"]
    return taken if seconds >= 3600 * hours * 0.98 else None


def points(sources, amounts):
    """Name and lines of every point, the small ones first."""
    for hours in amounts:
        for kind in ("real", "synthetic"):
            yield f"{kind}-{hours:g}h", beginning(sources[kind], hours)
        halves = [beginning(sources[kind], hours / 2) for kind in ("real", "synthetic")]
        yield f"both-{hours:g}h", None if None in halves else halves[0] + halves[1]


def call(*arguments, output=None):
    with open(output, "w", encoding="utf-8") if output else open(os.devnull, "w") as out:
        subprocess.run([str(a) for a in arguments], check=True, stdin=subprocess.DEVNULL, stdout=out if output else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", nargs="+", required=True, metavar="MANIFEST")
    parser.add_argument("--synthetic", nargs="+", required=True, metavar="MANIFEST")
    parser.add_argument("--eval", nargs="+", required=True, metavar="NAME=MANIFEST")
    parser.add_argument("--hours", default="0.5,1,2,4,8,16,32,64", help="amounts, as far as there is speech")
    parser.add_argument("--heard", type=float, default=64.0, help="hours heard at every point")
    parser.add_argument("--seeds", default="1", help="such as 1,2,3")
    parser.add_argument("--drop", nargs="*", default=[], metavar="MANIFEST", help="lists of what is left out")
    parser.add_argument("--set", nargs="*", default=[], dest="changes", metavar="KEY=VALUE", help="for the recipe")
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/data_scale"))
    options = parser.parse_args()
    stonechat = os.environ.get("STONECHAT", "target/release/stonechat")
    sources = {"real": utterances(options.real), "synthetic": utterances(options.synthetic)}
    manifests = options.runs / "manifests"
    manifests.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds.split(","):
        for name, lines in points(sources, [float(hours) for hours in options.hours.split(",")]):
            if lines is None:
                continue
            run = options.runs / f"{name}-seed{seed}"
            hours = sum(entry["duration"] for entry in lines) / 3600
            manifest = manifests / f"{name}.jsonl"
            if not manifest.exists():
                # What a run began with stays, whatever is spoken meanwhile.
                manifest.write_text("".join(json.dumps(entry) + "\n" for entry in lines), encoding="utf-8")
            if not (run / "done.json").exists():
                changes = [f'data.train=[{{ manifest = "{manifest}" }}]', f"seed={seed}"]
                changes.append(f"stage.0.epochs={max(1, round(options.heard / hours))}")
                # Neither the curves nor the ranks are wanted after each of many short epochs.
                changes += ["diagnose_every=0", f"data.drop={json.dumps(options.drop)}", *options.changes]
                settings = [part for change in changes for part in ("--set", change)]
                resume = ["--resume"] if (run / "checkpoints/last.safetensors").exists() else []
                call(stonechat, "train", HERE / "recipe.toml", "--run", run, *settings, *resume)
                (run / "done.json").write_text(json.dumps({"hours": hours, "heard": options.heard}))
            for pair in options.eval:
                label, data = pair.split("=", 1)
                result = run / f"{label}.json"
                if not result.exists():
                    beside = run / f"{label}.tmp"
                    package = run / "net.stonechat"
                    call(stonechat, "eval", "--greedy", "--json", "--model", package, "--manifest", data, output=beside)
                    beside.rename(result)


if __name__ == "__main__":
    main()
