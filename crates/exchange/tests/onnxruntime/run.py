"""Runs ONNX models with onnxruntime, for the test beside it.

    python3 run.py FOLDER        (numpy, onnxruntime)

FOLDER/cases.json is a list of {"model": FILE, "features": FILE, "shape": [BATCH, FRAMES, FEATURES], "pieces": [FRAMES,
...], "logits": FILE}; features and logits are little-endian 32-bit floats. Without pieces the model takes whole
utterances, else it streams. The shapes of the logits go to FOLDER/shapes.json.
"""

import json
import pathlib
import sys

import numpy
import onnxruntime


def stream(session, features, pieces):
    """One call a piece; states as the model's metadata has them."""
    shapes = json.loads(session.get_modelmeta().custom_metadata_map["stonechat.states"])
    batch = features.shape[0]
    states = {
        name: numpy.zeros([batch if n == "batch" else n for n in shape], numpy.float32)
        for name, shape in shapes.items()
    }
    logits, at = [], 0
    for piece in pieces:
        end = numpy.array([at + piece == features.shape[1]], numpy.int64)
        inputs = {"features": features[:, at : at + piece], "end": end, **states}
        outputs = session.run(["logits"] + [f"{name}.next" for name in states], inputs)
        logits.append(outputs[0])
        states = dict(zip(states, outputs[1:]))
        at += piece
    return numpy.concatenate(logits, 1)


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
    features = numpy.fromfile(folder / case["features"], "<f4").reshape(case["shape"])
    if case["pieces"]:
        logits = stream(sessions[model], features, case["pieces"])
    else:
        logits = sessions[model].run(["logits"], {"features": features})[0]
    logits.astype("<f4").tofile(folder / case["logits"])
    shapes.append(logits.shape)
(folder / "shapes.json").write_text(json.dumps(shapes))
