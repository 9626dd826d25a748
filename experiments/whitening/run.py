"""Plain against whitened truncation at equal budgets, and compress auto: a table for each model.

    python3 experiments/whitening/run.py MODEL.stonechat...

Needs a release build and ../shared/data. Calibrates on training audio, measures on the first utterances of the
development set, greedy, before any retraining. SECONDS_OF_AUDIO (for calibration audio, 300), UTTERANCES (100), SHARES (of
the parameters) and TARGETS (of compress auto) are taken from the environment.
"""
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = os.environ.get("STONECHAT", "target/release/stonechat")
TRAIN = "../shared/data/librispeech-part/train.jsonl"
DEV = "../shared/data/librispeech-part/dev.jsonl"
CALIBRATE = ["--calibrate", TRAIN, "--calibrate-seconds", os.environ.get("SECONDS_OF_AUDIO", "300")]
UTTERANCES = os.environ.get("UTTERANCES", "100")
SHARES = [float(share) for share in os.environ.get("SHARES", "0.9 0.75 0.6 0.5 0.4 0.3").split()]
TARGETS = os.environ.get("TARGETS", "1.5MB 1MB").split()


def stonechat(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments), "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout)


def cer(model):
    return 100 * stonechat("eval", "--model", model, "--manifest", DEV, "--limit", UTTERANCES)["cer"]


def main(models, shares, targets):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.stonechat"
        for model in models:
            parameters = stonechat("inspect", "--model", model)["parameters"]
            print(f"\n{model}: {parameters:,} parameters, CER {cer(model):.2f} %\n")
            print("| parameters | plain CER % | whitened CER % | mean output lost, plain | whitened |")
            print("|---|---|---|---|---|")
            for share in shares:
                budget = int(share * parameters)
                row = []
                for white in [[], ["--whiten"]]:
                    change = stonechat(
                        "compress", "--budget", budget, *CALIBRATE, *white, "--model", model, "--output", out
                    )
                    lost = [d["output_error"] for d in change["damage"] if d["weight_error"] > 0]
                    row.append((cer(out), 100 * sum(lost) / max(len(lost), 1)))
                (plain, plain_lost), (white, white_lost) = row
                print(f"| {budget:,} | {plain:.2f} | {white:.2f} | {plain_lost:.1f} % | {white_lost:.1f} % |", flush=True)
            print("\n| auto target | bits | by | package bytes | CER % | nats a frame | chosen |")
            print("|---|---|---|---|---|---|---|")
            for target, bits, by in itertools.product(targets, (8, 4), ("output-error", "divergence")):
                choice = ["--target", target, "--bits", bits, "--sensitivity", by]
                auto = stonechat("compress", "auto", *choice, *CALIBRATE, "--model", model, "--output", out)
                forms = ", ".join(f"{m['name']} {m['form']['storage']} {m['form'].get('rank', 'dense')}" for m in auto["maps"])
                size = auto["after"]["model_bytes"]
                print(f"| {target} | {bits} | {by} | {size:,} | {cer(out):.2f} | {auto['divergence']:.4f} | {forms} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:], SHARES, TARGETS)
