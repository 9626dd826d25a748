"""One training step of ours and of PyTorch, on one core, in turns.

    python compare.py BINARY [--families] [--rounds N] [--steps N] [--core N] [--save FILE]

BINARY is the example train_step; run.sh builds it. All processes live through the whole run and take turns of a few
steps, so that a disturbance of the machine meets all of them. With --families every family of linear maps is compared
with the dense form, without PyTorch. Times are CPU times of the whole process (all its
threads) from the scheduler's own count; wall times stand beside them.
"""
import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
# The matrices of the GRUs (5/6 of the weights) in each family, at equal width.
FAMILIES = {
    "low rank 64": "64",
    "toeplitz_like 1": '{"family":"toeplitz_like","rank":1}',
    "toeplitz_like 4": '{"family":"toeplitz_like","rank":4}',
    "toeplitz_like 16": '{"family":"toeplitz_like","rank":16}',
    "hankel_like 4": '{"family":"hankel_like","rank":4}',
    "vandermonde_like 4": '{"family":"vandermonde_like","rank":4}',
    "cauchy_like 4": '{"family":"cauchy_like","rank":4}',
    "circulant": '{"family":"circulant"}',
    "block_circulant 16": '{"family":"block_circulant","block":16}',
    "block_diagonal 4": '{"family":"block_diagonal","blocks":4}',
    "monarch 16": '{"family":"monarch","blocks":16}',
    "hashed 10000": '{"family":"hashed","parameters":10000}',
    "fastfood": '{"family":"fastfood"}',
    "per gate, toeplitz_like 4": '{"family":"per_gate","gates":3,"of":{"family":"toeplitz_like","rank":4}}',
}
ONE_THREAD = {n: "1" for n in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


class Contestant:
    def __init__(self, name, command, core):
        self.name = name
        pin = lambda: os.sched_setaffinity(0, {core})
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            preexec_fn=pin, env={**os.environ, **ONE_THREAD},
        )
        self.cpu, self.wall = [], []  # seconds a step, one entry a round
        self.read("idle")
        self.idle = self.memory("VmRSS")

    def read(self, start=""):
        line = self.process.stdout.readline()
        if not line.startswith(start) or not line.strip():
            raise SystemExit(f"{self.name}: expected {start or 'times'!r}, got {line!r}")
        return line.split()

    def memory(self, field):
        """Bytes."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise SystemExit(f"{self.name}: no {field}")

    def cpu_seconds(self):
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def turn(self, steps, count=True):
        before = self.cpu_seconds()
        self.process.stdin.write(f"{steps}\n")
        words = self.read()
        seconds = [float(w) for w in words[:steps]]
        self.loss, self.parameters = float(words[steps + 1]), int(words[steps + 3])
        if count:
            self.cpu.append((self.cpu_seconds() - before) / steps)
            self.wall.append(statistics.median(seconds))

    def result(self):
        return {
            "cpu_ms": [round(1e3 * s, 2) for s in self.cpu],
            "wall_ms": [round(1e3 * s, 2) for s in self.wall],
            "idle_mb": round(self.idle / 1e6, 1),
            "peak_mb": round(self.memory("VmHWM") / 1e6, 1),
            "parameters": self.parameters,
            "loss": self.loss,
        }


def cpu_name():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def torch_version(python):
    return subprocess.run([python, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--families", action="store_true", help="the families against dense, without PyTorch")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=3, help="steps a turn")
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    parser.add_argument("--save", help="raw results as JSON")
    args = parser.parse_args()

    reference = "dense" if args.families else "PyTorch"
    if args.families:
        commands = {"dense": [args.binary, "0"], **{name: [args.binary, form] for name, form in FAMILIES.items()}}
    else:
        commands = {
            "PyTorch": [sys.executable, str(HERE / "twin.py")],
            "dense": [args.binary, "0"],
            "rank 64": [args.binary, "64"],
        }
    contestants = [Contestant(name, command, args.core) for name, command in commands.items()]
    for c in contestants:
        c.turn(3, count=False)
    for _ in range(args.rounds):
        for c in contestants:
            c.turn(args.steps)

    results = {c.name: c.result() for c in contestants}
    twin = results[reference]
    middle = statistics.median
    used = lambda r: r["peak_mb"] - r["idle_mb"]
    of = f"of {reference}"
    print(f"| | parameters | CPU ms a step | {of} | range over rounds | wall ms | {of} | peak MB over idle | {of} | peak MB in all | {of} |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, r in results.items():
        ratios = [a / b for a, b in zip(r["cpu_ms"], twin["cpu_ms"])]
        print(
            f"| {name} | {r['parameters']:,} | {middle(r['cpu_ms']):.1f} | {middle(ratios):.2f} | {min(ratios):.2f}-{max(ratios):.2f} "
            f"| {middle(r['wall_ms']):.1f} | {middle(r['wall_ms']) / middle(twin['wall_ms']):.2f} "
            f"| {used(r):.0f} | {used(r) / used(twin):.2f} | {r['peak_mb']:.0f} | {r['peak_mb'] / twin['peak_mb']:.2f} |"
        )
    if args.save:
        record = {
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "cpu": cpu_name(),
            "load": os.getloadavg(),
            "torch": "" if args.families else torch_version(sys.executable),
            "rounds": args.rounds,
            "steps": args.steps,
            "results": results,
        }
        Path(args.save).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
