"""ONNX Runtime: MatMulInteger (u8 by s8 into s32) or DynamicQuantizeMatMul (floats in and out), one node a session."""
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from contestant import serve


def session(node, weights, inputs, outputs, initializers):
    rows, cols = weights.shape
    graph = helper.make_graph(
        [node], "product",
        [helper.make_tensor_value_info(inputs[0], inputs[1], ["batch", cols])],
        [helper.make_tensor_value_info("y", outputs, ["batch", rows])],
        [numpy_helper.from_array(value, name) for name, value in initializers.items()],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def bind(run, x, rows, kind):
    """The vectors and the result are given to the session once; `multiply` runs it."""
    binding = run.io_binding()
    x = onnxruntime.OrtValue.ortvalue_from_numpy(x)
    y = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros((x.shape()[0], rows), kind))
    binding.bind_ortvalue_input("x", x)
    binding.bind_ortvalue_output("y", y)
    return (lambda: run.run_with_iobinding(binding)), y


def integers(weights):
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"])
    run = session(node, weights, ("x", TensorProto.UINT8), TensorProto.INT32, {"w": np.ascontiguousarray(weights.T)})
    offsets = 128 * weights.astype(np.int32).sum(axis=1)

    def matrix(x):
        multiply, y = bind(run, (x + 128).astype(np.uint8), len(weights), np.int32)
        return multiply, lambda: y.numpy() - offsets

    return matrix


def floats(weights):
    node = helper.make_node("DynamicQuantizeMatMul", ["x", "w", "scale"], ["y"], domain="com.microsoft")
    run = session(
        node, weights, ("x", TensorProto.FLOAT), TensorProto.FLOAT,
        {"w": np.ascontiguousarray(weights.T), "scale": np.ones(1, np.float32)},
    )

    def matrix(x):
        multiply, y = bind(run, x, len(weights), np.float32)
        return multiply, y.numpy

    return matrix


serve(onnxruntime.__version__, {"integers": integers, "floats": floats}[sys.argv[1]])
