#!/usr/bin/env python3
"""How fast the kernels are on AArch64, estimated without the hardware.

    tools/arm_estimate/estimate.py [--isa NAME] [--kind KIND] [--batch N] [--processor NAME] [--blocks] [--write]

Counts the basic blocks that a product executes under qemu-user, then asks llvm-mca for the cycles of each block as the body of a loop, on LLVM's scheduling model of
each processor. What a run with three products executes more than one with a single product is two products: packing and start-up drop out.
The counts are taken for two small numbers of rows and carried on to the real one, for work grows by the panel. Instructions are exact.
Blocks are taken one by one, so that what overlaps at the edges of a panel counts in full: the inner loop by itself is given as well. Cycles know no caches and no branch predictor and are as good as the model.

Without options everything is estimated, which takes a few minutes; --blocks prints the blocks that take most of the time; --write stores
the table as results/DATE.md and results/DATE.json beside this script. Needs what tools/test_aarch64.sh needs, and llvm-mc-19 and
llvm-mca-19 (Debian: apt-get install llvm-19).
"""
import argparse
import collections
import datetime
import functools
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = "aarch64-unknown-linux-gnu"
FEATURES = "-mattr=+neon,+dotprod,+i8mm,+fullfp16,+aes,+sha2,+lse"
ROWS, COLS = 6144, 320  # the shape of Fig. 6 of arXiv 1710.09026
BATCHES = [1, 2, 3, 4, 8]
TRACED_ROWS = (32, 64)  # multiples of a panel's 32
ITERATIONS = 100
# The processors for each instruction set: those that have it. (LLVM's model of the Apple M1 is its model of Cyclone.)
PROCESSORS = {
    "portable": ["cortex-a53"],
    "neon": ["cortex-a53", "cortex-a72", "neoverse-n1", "neoverse-n2", "apple-m1"],
    "dotprod": ["cortex-a55", "neoverse-n1", "neoverse-n2", "apple-m1"],
    "i8mm": ["cortex-a510", "neoverse-n2", "neoverse-v2", "apple-m2"],
}
# Published for 6144 x 320 at batch 1 to 4, in GOP/s, two operations a MAC: the table that came with farm, the kernels of arXiv 1710.09026,
# and, for gemmlowp, farm's charts, from which they are read off. All of 2017; the nominal clock turns them into MACs a cycle.
PUBLISHED = [
    ("farm", "Raspberry Pi 3", "Cortex-A53", 1.2, [1.58, 2.72, 3.53, 3.82]),
    ("gemmlowp", "Raspberry Pi 3", "Cortex-A53", 1.2, [0.42, 0.83, 1.24, 1.66]),
    ("farm", "iPhone 6", "Apple A8", 1.4, [6.55, 9.42, 12.86, 14.54]),
    ("farm", "iPhone 7", "Apple A10", 2.34, [21.59, 28.07, 29.59, 31.29]),
    ("gemmlowp", "iPhone 7", "Apple A10", 2.34, [3.1, 6.1, 9.1, 12.2]),
]
# The goals of the project, MACs a cycle at batch 1 to 4: multiples of what this way of estimating gives for farm (0.83, 1.19, 1.20, 1.30),
# and shares of the 32 that two `sdot` a cycle make.
GOALS = {
    ("neon", "cortex-a53"): [2.5, 2.7, 3.6, 3.9],
    ("dotprod", "neoverse-n1"): [28.8, 30.4, 30.4, 30.4],
}


def find_rustc():
    """The first compiler that has the target's standard library."""
    for candidate in ["rustc", "/usr/bin/rustc"]:
        found = subprocess.run([candidate, "--print", "target-libdir", "--target", TARGET], capture_output=True, text=True, check=False)
        if found.returncode == 0 and list(pathlib.Path(found.stdout.strip()).glob("libstd-*.rlib")):
            return candidate
    sys.exit(f"no rustc with the standard library of {TARGET}: see the head of tools/test_aarch64.sh")


def build():
    """Compiles the crate and the program beside this script as a release of the crate is compiled."""
    out = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "arm-estimate"
    out.mkdir(parents=True, exist_ok=True)
    command = [find_rustc(), "--edition", "2024", "--target", TARGET, "-C", "opt-level=3", "-C", "linker=aarch64-linux-gnu-gcc"]
    command += ["-C", "target-feature=+crt-static", "--out-dir", str(out)]
    library = ["--crate-name", "stonechat_kernels", "--crate-type", "rlib", "--cfg", 'feature="std"']
    subprocess.run(command + library + [str(ROOT / "crates/kernels/src/lib.rs")], check=True)
    product = ["--crate-name", "product", "--extern", f"stonechat_kernels={out}/libstonechat_kernels.rlib"]
    subprocess.run(command + product + [str(HERE / "product.rs")], check=True)
    return out / "product"


def trace(program, arguments):
    """How often each block of a run was executed, and its instructions as 32-bit words, by address."""
    emulator = ["qemu-aarch64-static", "-cpu", "max", "-d", "in_asm,exec,nochain", "-D", "/dev/stderr"]
    process = subprocess.Popen(
        emulator + [str(program)] + arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    executed, blocks, block = collections.Counter(), {}, None
    for line in process.stderr:
        if line.startswith("Trace"):
            executed[int(line.split("/")[1], 16)] += 1
        elif line.startswith("IN:"):
            block = []
        elif line.startswith("0x") and block is not None:
            address, _, rest = line.partition(":")
            if not block:
                blocks[int(address, 16)] = block
            block.append(rest.split()[0])
        elif line.startswith("----"):
            block = None
    if process.wait() != 0:
        sys.exit(f"{' '.join(arguments)} failed under qemu")
    return executed, blocks


def product(program, arguments, batch):
    """How often each block of a single product is executed, and its instructions."""
    once, _ = trace(program, arguments + [str(COLS), str(batch), "1"])
    thrice, blocks = trace(program, arguments + [str(COLS), str(batch), "3"])
    return collections.Counter({address: (count - once[address]) / 2 for address, count in thrice.items()}), blocks


@functools.cache
def assembly(words):
    """What a block of words means, as llvm-mca takes it: all branches go to one label."""
    octets = "".join(" ".join(f"0x{word[i:i + 2]}" for i in (6, 4, 2, 0)) + "\n" for word in words)
    tool = ["llvm-mc-19", "-disassemble", "-triple=aarch64-linux-gnu", FEATURES]
    done = subprocess.run(tool, input=octets, capture_output=True, text=True, check=True)
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip() and line.strip() != ".text"]
    return tuple(re.sub(r"^(b|bl|b\.\w+|cbn?z|tbn?z)(\s.*?)#-?\d+$", r"\1\2.Lblock", line) for line in lines)


@functools.cache
def cycles(words, processor):
    """Cycles that a block takes in a loop of itself."""
    body = ".Lblock:\n" + "\n".join(assembly(words)) + "\n"
    tool = ["llvm-mca-19", "-mtriple=aarch64-linux-gnu", f"-mcpu={processor}", FEATURES, f"-iterations={ITERATIONS}"]
    done = subprocess.run(tool, input=body, capture_output=True, text=True, check=False)
    total = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    if not total:
        sys.exit(f"llvm-mca: {done.stderr}\n{body}")
    return int(total.group(1)) / ITERATIONS


def macs_of(words):
    """8-bit products that a block computes."""
    products = {"smull": 8, "smull2": 8, "smlal": 8, "smlal2": 8, "sdot": 16, "smmla": 32}
    return sum(products.get(line.split()[0], 0) for line in assembly(words))


def estimate(program, isa, kind, batch, processors, show_blocks):
    """Instructions a MAC, and MACs a cycle for each processor."""
    few, blocks = product(program, [isa, kind, str(TRACED_ROWS[0])], batch)
    more, more_blocks = product(program, [isa, kind, str(TRACED_ROWS[1])], batch)
    blocks.update(more_blocks)
    panels = (ROWS - TRACED_ROWS[0]) / (TRACED_ROWS[1] - TRACED_ROWS[0])
    times = {address: few[address] + (count - few[address]) * panels for address, count in more.items() if count > 0}
    instructions = sum(times[a] * len(blocks[a]) for a in times)
    hot = [a for a in times if times[a] * len(blocks[a]) > instructions * 0.003]
    covered = sum(times[a] * len(blocks[a]) for a in hot)
    macs = ROWS * COLS * batch
    result = {"isa": isa, "kind": kind, "batch": batch, "instructions_per_mac": instructions / macs, "macs_per_cycle": {}, "inner_loop": {}}
    inner = tuple(blocks[max(hot, key=lambda a: times[a] * len(blocks[a]))])
    for processor in processors:
        spent = {a: times[a] * cycles(tuple(blocks[a]), processor) for a in hot}
        result["macs_per_cycle"][processor] = macs / (sum(spent.values()) * instructions / covered)
        result["inner_loop"][processor] = macs_of(inner) / cycles(inner, processor)
        if show_blocks:
            for a in sorted(spent, key=lambda a: -spent[a])[:3]:
                each = cycles(tuple(blocks[a]), processor)
                print(f"\n{isa} {kind} batch {batch}, {processor}: {spent[a] / sum(spent.values()):.0%} of the cycles, {each:.1f} each")
                print("\n".join("    " + line for line in assembly(tuple(blocks[a]))))
    return result


def table(results):
    """The results as Markdown."""
    batches = sorted({r["batch"] for r in results})
    lines = [f"MACs a cycle for {ROWS} x {COLS}, one core; instructions a MAC in the last columns.", ""]
    for kind, title in [
        ("sums", "8-bit weights and activations, 32-bit sums out"),
        ("int8", "8-bit weights, floats in and out (quantised on the way in; scales and bias on the way out)"),
        ("int4", "4-bit weights in groups of 32 columns, floats in and out"),
        ("f32", "float weights"),
    ]:
        chosen = [r for r in results if r["kind"] == kind]
        if not chosen:
            continue
        lines += [f"## {title}", "", "| | " + " | ".join(f"B={b}" for b in batches) + " | goal B=1-4 | inner loop B=1-4 | insn/MAC B=1 | B=4 |"]
        lines += ["|---" * (len(batches) + 5) + "|"]
        for isa, processors in PROCESSORS.items():
            mine = {r["batch"]: r for r in chosen if r["isa"] == isa}
            if not mine:
                continue
            for processor in processors:
                goal = GOALS.get((isa, processor), []) if kind == "sums" else []
                cells = [f"{mine[b]['macs_per_cycle'][processor]:.1f}" if b in mine else "" for b in batches]
                cells += ["/".join(map(str, goal))]
                cells += ["/".join(f"{mine[b]['inner_loop'][processor]:.1f}" if b in mine else "-" for b in BATCHES[:4]) if kind == "sums" else ""]
                cells += [f"{mine[b]['instructions_per_mac']:.3f}" if b in mine else "" for b in (1, 4)]
                lines += [f"| {isa}, {processor} | " + " | ".join(cells) + " |"]
        lines += [""]
    lines += ["## Published figures of others, on hardware, 32-bit sums out", "", "MACs a cycle = GOP/s / 2 / GHz; caches and memory included.", ""]
    lines += ["| | " + " | ".join(f"B={b}" for b in BATCHES[:4]) + " | GOP/s B=1-4 |", "|---" * 6 + "|"]
    for name, device, processor, clock, figures in PUBLISHED:
        cells = [f"{gops / 2 / clock:.2f}" for gops in figures] + [" ".join(map(str, figures))]
        lines += [f"| {name}, {device} ({processor}, {clock} GHz) | " + " | ".join(cells) + " |"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--isa", choices=PROCESSORS, action="append")
    parser.add_argument("--kind", choices=["sums", "int8", "int4", "f32"], action="append")
    parser.add_argument("--batch", type=int, action="append")
    parser.add_argument("--processor", action="append", help="as llvm-mca calls it")
    parser.add_argument("--blocks", action="store_true", help="print the blocks that take most of the time")
    parser.add_argument("--write", action="store_true", help="write results/DATE.md and results/DATE.json")
    options = parser.parse_args()
    program = build()
    results = []
    for kind in options.kind or ["sums", "int8", "int4", "f32"]:
        for isa in options.isa or (["portable", "neon"] if kind == "f32" else list(PROCESSORS)):
            for batch in options.batch or BATCHES:
                processors = options.processor or PROCESSORS[isa]
                result = estimate(program, isa, kind, batch, processors, options.blocks)
                results.append(result)
                figures = "  ".join(f"{name} {value:.2f}" for name, value in result["macs_per_cycle"].items())
                print(f"{kind} {isa} batch {batch}: {result['instructions_per_mac']:.3f} instructions a MAC; MACs a cycle: {figures}", flush=True)
    if options.write:
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        versions = {}
        for tool in [[find_rustc(), "--version"], ["llvm-mca-19", "--version"], ["qemu-aarch64-static", "--version"]]:
            said = subprocess.run(tool, capture_output=True, text=True, check=True).stdout
            versions[tool[0].rsplit("/", 1)[-1]] = re.search(r"\d+\.\d+\.\d+", said).group()
        (HERE / "results").mkdir(exist_ok=True)
        head = f"# AArch64 without the hardware, {today}\n\nMade by `tools/arm_estimate/estimate.py --write`: instructions counted under qemu-user "
        head += f"{versions['qemu-aarch64-static']}, cycles by llvm-mca {versions['llvm-mca-19']}, no cache misses; rustc {versions['rustc']}.\n\n"
        (HERE / "results" / f"{today}.md").write_text(head + table(results))
        record = {"date": today, "rows": ROWS, "cols": COLS, "tools": versions, "estimates": results, "published_gops_batch_1_to_4": [
            {"who": n, "device": d, "processor": p, "ghz": c, "gops": f} for n, d, p, c, f in PUBLISHED]}
        (HERE / "results" / f"{today}.json").write_text(json.dumps(record, indent=1) + "\n")


main()
