"""Small-batch products of ours and of other libraries, on one core, in turns.

    python compare.py BIN --shape MxK [--rounds N] [--batches N,N] [--only NAME,NAME] [--core N] [--save FILE]

BIN is the folder with the contestants that run.sh builds. All of them live through the whole run and take turns, so
that a disturbance of the machine meets all. With --save a shape's results are added to those that FILE already has.

A contestant is a program that prints `ready VERSION` and then answers line by line:
    load ROWS COLS COUNT FILE   `ok`: packs COUNT copies of row-major int8 weights
    input BATCH FILE OUT        `ok`: takes float32 vectors, multiplies once, writes float32 results
    hot SECONDS                 `ok S [E]`: seconds a call of the first copy over and over, each of four parts of at
                                least SECONDS, the best; and of a call that has next to nothing to compute, where the
                                cost of a call from Python is not that of the library
    cold                        `ok S`: seconds a call, every copy once; together they do not fit any cache
"""
import argparse
import datetime
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ONE_THREAD = {n: "1" for n in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
# Bytes of int8 weights of all copies of a contestant: twice the largest third cache of today's processors, of one core's kind.
COLD_BYTES = 64 << 20
# The largest error of a result, as a share of the largest result.
EXACT, ROUNDED, FLOAT, FOUR_BITS = 0.0, 0.01, 1e-5, 0.15

# Name, command after BIN (or a script for this Python), the error allowed.
CONTESTANTS = [
    ("read", ["peers-rust", "read"], None),
    ("ours", ["peers-rust", "int8"], FLOAT),
    ("ours (s8 to s32)", ["peers-rust", "int8_i32"], EXACT),
    ("ours (AVX2)", ["peers-rust", "int8", "avx2"], FLOAT),
    ("ours (int4)", ["peers-rust", "int4"], FOUR_BITS),
    ("oneDNN 2", ["onednn2"], EXACT),
    ("oneDNN 3", ["onednn3"], EXACT),
    ("ONNX Runtime MatMulInteger", ["peer_onnxruntime.py", "integers"], EXACT),
    ("ONNX Runtime DynamicQuantizeMatMul", ["peer_onnxruntime.py", "floats"], ROUNDED),
    ("torch (oneDNN)", ["peer_torch.py", "onednn"], ROUNDED),
    ("torch (FBGEMM)", ["peer_torch.py", "fbgemm"], ROUNDED),
    ("rten-gemm", ["peers-rust", "rten"], EXACT),
    ("XNNPACK", ["xnnpack"], ROUNDED),
    ("gemmlowp", ["gemmlowp"], EXACT),
    ("f32: ours", ["peers-rust", "f32"], FLOAT),
    ("f32: gemm", ["peers-rust", "gemm"], FLOAT),
    ("f32: rten-gemm", ["peers-rust", "rten_f32"], FLOAT),
    ("f32: torch", ["peer_torch.py", "f32"], FLOAT),
    # What integer sums that saturate look like: the same library held to AVX2.
    ("oneDNN 2 (AVX2)", ["onednn2", {"ONEDNN_MAX_CPU_ISA": "AVX2"}], EXACT),
]


class Contestant:
    def __init__(self, name, command, allowed, bin, core):
        self.name, self.allowed = name, allowed
        program, *words = command
        extra = words.pop() if words and isinstance(words[-1], dict) else {}
        command = [sys.executable, HERE / program] if program.endswith(".py") else [bin / program]
        command += words
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}), env={**os.environ, **ONE_THREAD, **extra},
        )
        self.version = " ".join(self.read("ready"))

    def read(self, start="ok"):
        words = self.process.stdout.readline().split()
        if words[:1] != [start]:
            raise SystemExit(f"{self.name}: expected {start!r}, got {words}")
        return words[1:]

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        return self.read()


def random_numbers(rng, *shape):
    numbers = rng.integers(-127, 128, shape)
    # Every vector reaches both ends, so that whoever quantises it meets the whole numbers themselves.
    numbers[:, 0], numbers[:, -1] = 127, -127
    return numbers


def extremes(rng, *shape):
    numbers = 127 * rng.choice([-1, 1], shape)
    numbers[0] = 127
    return numbers


class Task:
    """Weights, vectors and what comes of them, in files that all contestants read."""

    def __init__(self, make, rows, cols, batch, folder):
        rng = np.random.default_rng(rows * cols)
        w, x = make(rng, rows, cols), make(rng, batch, cols)
        self.rows, self.cols = rows, cols
        self.expected = x @ w.T
        self.weights, self.vectors, self.results = (folder / name for name in ("weights", "vectors", "results"))
        w.astype(np.int8).tofile(self.weights)
        x.astype(np.float32).tofile(self.vectors)

    def load(self, contestant, copies):
        contestant.ask("load", self.rows, self.cols, copies, self.weights)

    def error(self, contestant, batch):
        """Hands over the vectors; the largest error as a share of the largest result."""
        contestant.ask("input", batch, self.vectors, self.results)
        if contestant.allowed is None:
            return 0.0
        expected = self.expected[:batch]
        found = np.fromfile(self.results, np.float32).reshape(expected.shape)
        return float(np.abs(found - expected).max() / np.abs(expected).max())


def cpu_name():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def microseconds(times):
    return [float(f"{1e6 * t:.5g}") for t in times]


def compact(text):
    """Lists of numbers on one line each."""
    return re.sub(r"\[[^\[\]{}\"]*\]", lambda m: " ".join(m.group().split()), text)


def measure(contestants, task, batches, rounds):
    copies = max(2, -(-COLD_BYTES // (task.rows * task.cols)))
    for c in contestants:
        task.load(c, 2 * copies if c.allowed == FOUR_BITS else copies)
    results = {}
    for batch in batches:
        errors = {c.name: task.error(c, batch) for c in contestants}
        for c in contestants:
            c.ask("cold")
        hot, cold, calls = ({c.name: [] for c in contestants} for _ in range(3))
        for _ in range(rounds):
            for c in contestants:
                seconds, *call = map(float, c.ask("hot", 1e-3))
                hot[c.name].append(seconds)
                calls[c.name] += call
            for c in contestants:
                cold[c.name].append(float(c.ask("cold")[0]))
        results[batch] = {
            c.name: {
                "hot_us": microseconds(hot[c.name]),
                "cold_us": microseconds(cold[c.name]),
                **({"call_us": microseconds([min(calls[c.name])])[0]} if calls[c.name] else {}),
                "error": float(f"{errors[c.name]:.2g}"),
            }
            for c in contestants
        }
        print(f"{task.rows}x{task.cols} batch {batch}", file=sys.stderr)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--shape", required=True)
    parser.add_argument("--batches", default="1,2,3,4,8")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", help="names, with commas between")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--save", type=Path, help="raw results as JSON")
    args = parser.parse_args()
    rows, cols = map(int, args.shape.split("x"))
    batches = [int(batch) for batch in args.batches.split(",")]

    os.sched_setaffinity(0, {args.core})
    machine = json.loads(subprocess.run([args.bin / "peers-rust", "machine"], capture_output=True, check=True).stdout)
    chosen = [c for c in CONTESTANTS if not args.only or c[0] in args.only.split(",")]
    contestants = [Contestant(*c, args.bin, args.core) for c in chosen]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # What is wrong with the largest weights and vectors is wrong: the sums of instructions that saturate.
        largest = Task(extremes, 96, 320, max(batches), folder)
        for c in contestants:
            largest.load(c, 1)
        wrong = [c.name for c in contestants if max(largest.error(c, b) for b in batches) > (c.allowed or 0)]
        results = measure(contestants, Task(random_numbers, rows, cols, max(batches), folder), batches, args.rounds)
    wrong += [c.name for c in contestants if max(results[b][c.name]["error"] for b in batches) > (c.allowed or 0)]

    record = json.loads(args.save.read_text()) if args.save and args.save.exists() else {"shapes": {}}
    record["shapes"][args.shape] = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpu_name(),
        "load": os.getloadavg(),
        "rounds": args.rounds,
        "machine": machine,
        "versions": {c.name: c.version for c in contestants},
        "wrong": sorted(set(wrong)),
        "batches": results,
    }
    if args.save:
        args.save.write_text(compact(json.dumps(record, indent=1)) + "\n")
    else:
        for batch, entries in results.items():
            for name, entry in entries.items():
                gops = 2e-3 * rows * cols * batch
                hot, cold = gops / min(entry["hot_us"]), gops / min(entry["cold_us"])
                print(f"{batch:3} {name:36} {hot:8.1f} {cold:8.1f}  {entry['error']:.1e} {'WRONG' if name in wrong else ''}")


if __name__ == "__main__":
    main()
