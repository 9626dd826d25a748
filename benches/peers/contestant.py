"""The line protocol of compare.py for contestants written in Python.

A library is a function `pack(weights)` from an int8 array `rows x cols` to a matrix; `matrix(x)` takes float32 vectors
`batch x cols` of whole numbers within -127..127 and returns (multiply, output): `multiply()` is timed, `output()` gives
what it computed as floats `batch x rows`.
"""
import sys
from time import perf_counter

import numpy as np

# Rows and columns of a matrix whose product costs next to nothing: what remains is the cost of a call from Python.
FEW = 16


def seconds(calls, multiply):
    start = perf_counter()
    for _ in range(calls):
        multiply()
    return (perf_counter() - start) / calls


def best(multiply, part):
    calls = 1
    while seconds(calls, multiply) * calls < part:
        calls *= 2
    return min(seconds(calls, multiply) for _ in range(4))


def serve(version, pack):
    print("ready", version, flush=True)
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "load":
            rows, cols, count = map(int, words[:3])
            weights = np.fromfile(words[3], np.int8).reshape(rows, cols)
            copies = [pack(weights) for _ in range(count)]
            few = pack(np.ascontiguousarray(weights[:FEW, :FEW]))
            print("ok", flush=True)
        elif verb == "input":
            batch = int(words[0])
            x = np.fromfile(words[1], np.float32, batch * cols).reshape(batch, cols)
            calls = [copy(x) for copy in copies]
            multiplies = [multiply for multiply, _ in calls]
            empty = few(np.ascontiguousarray(x[:, :FEW]))[0]
            multiplies[0]()
            calls[0][1]().astype(np.float32).tofile(words[2])
            print("ok", flush=True)
        elif verb == "hot":
            # The cost of a call stands behind the time.
            print("ok", best(multiplies[0], float(words[0])), best(empty, float(words[0])), flush=True)
        elif verb == "cold":
            start = perf_counter()
            for multiply in multiplies:
                multiply()
            print("ok", (perf_counter() - start) / len(multiplies), flush=True)
        else:
            raise SystemExit(f"no verb {verb}")
