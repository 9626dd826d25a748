"""The model of one training over machines: what a step takes with N processes, from measured steps. Nothing here was run on N machines.

    python benches/scaling/mpi.py benches/train_step/2026-11-22.json

A step of N processes takes  t(N) = t(1) / N + log2(N) (4 P / bandwidth + m latency):  the pieces of a batch are shared out, and then gradients of P
parameters (f32) and m small messages (two for each batch norm, and four) are swapped with a partner, once for each doubling.
The program cuts a batch into 8 pieces, so that more than 8 processes cannot share one; the rows beyond say what more pieces would bring.
"""

import argparse
import json
import math
import statistics


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", help="of benches/train_step")
    parser.add_argument("--measured-batch", type=int, default=8, help="utterances of a measured step")
    parser.add_argument("--batch", type=int, default=512, help="utterances of a modelled step")
    parser.add_argument("--norms", type=int, default=4, help="batch norms of the network")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 16], help="of each process, each as fast as one alone")
    parser.add_argument("--gbit", type=float, default=10.0)
    parser.add_argument("--latency-us", type=float, default=50.0)
    options = parser.parse_args()
    with open(options.steps) as file:
        results = json.load(file)["results"]
    columns = []
    for name in ["dense", "rank 64"]:
        one = statistics.median(results[name]["cpu_ms"]) / 1e3 * options.batch / options.measured_batch
        parameters = results[name]["parameters"]
        swap = 4 * parameters / (options.gbit * 1e9 / 8) + (2 * options.norms + 4) * options.latency_us / 1e6
        columns += [(name, parameters, cores, one / cores, swap) for cores in options.cores]
    heads = [f"{name}, {parameters / 1e6:.2f} M, {cores} core{'s' * (cores > 1)}" for name, parameters, cores, _, _ in columns]
    print("| processes | MB sent by each (dense) | " + " | ".join(heads) + " |")
    print("|---" * (2 + len(heads)) + "|")
    for doublings in range(7):
        count = 2**doublings
        cells = []
        for _, _, _, one, swap in columns:
            time = one / count + doublings * swap
            cells.append(f"{time:.3f} s, {100 * one / count / time:.0f} %")
        sent = doublings * 4 * columns[0][1] / 1e6
        print(f"| {count} | {sent:.1f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
