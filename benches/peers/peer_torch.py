"""torch: the dynamically quantised linear layer (floats in and out) on one of its engines, or the float one."""
import sys
import warnings

import torch

from contestant import serve

warnings.simplefilter("ignore")  # quantised tensors are deprecated
torch.set_num_threads(1)
torch.set_grad_enabled(False)


def quantised(weights):
    scales = torch.ones(len(weights), dtype=torch.float64)
    w = torch._make_per_channel_quantized_tensor(
        torch.from_numpy(weights.copy()), scales, torch.zeros(len(weights), dtype=torch.int64), 0
    )
    packed = torch.ops.quantized.linear_prepack(w, None)
    # Full range: `reduce_range` would trade a bit of the vectors for instructions that saturate.
    return lambda x: call(lambda x: torch.ops.quantized.linear_dynamic(x, packed, False), x)


def floats(weights):
    w = torch.from_numpy(weights).float()
    return lambda x: call(lambda x: torch.nn.functional.linear(x, w), x)


def call(function, x):
    x = torch.from_numpy(x)
    result = []

    def multiply():
        result[:] = [function(x)]

    return multiply, lambda: result[0].numpy()


engine = sys.argv[1]
if engine != "f32":
    torch.backends.quantized.engine = engine
serve(torch.__version__, floats if engine == "f32" else quantised)
