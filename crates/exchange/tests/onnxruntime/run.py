"""Runs ONNX models with onnxruntime, for the test beside it.

    python3 run.py FOLDER        (numpy, onnxruntime)

FOLDER/cases.json is a list of {"model": FILE, "inputs": {NAME: [SHAPE, FILE]}, "outputs": {NAME: FILE}}; the files of
inputs and outputs hold little-endian 32-bit floats. The shapes of the outputs go to FOLDER/shapes.json.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime

folder = pathlib.Path(sys.argv[1])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
sessions, shapes = {}, []
for case in json.loads((folder / "cases.json").read_text()):
    model = case["model"]
    if model not in sessions:
        sessions[model] = onnxruntime.InferenceSession(
            folder / model, options, providers=["CPUExecutionProvider"]
        )
    inputs = {
        name: numpy.fromfile(folder / file, "<f4").reshape(shape)
        for name, (shape, file) in case["inputs"].items()
    }
    outputs = sessions[model].run(list(case["outputs"]), inputs)
    for file, values in zip(case["outputs"].values(), outputs):
        values.astype("<f4").tofile(folder / file)
    shapes.append([list(values.shape) for values in outputs])
(folder / "shapes.json").write_text(json.dumps(shapes))
