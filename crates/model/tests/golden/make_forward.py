"""Golden values of a whole network from PyTorch, independent of this crate's code.

    python make_forward.py > forward.json        (numpy, torch)

Convolutions by torch's conv2d over explicitly padded input, GRUs by torch.nn.GRU (whose update gate is one
minus ours), the row convolution by a grouped conv1d. Weights are written in the package's order.
"""

import json

import numpy as np
import torch
import torch.nn.functional as F

torch.manual_seed(7)
CLIP = 1.5  # low enough to be reached


def clipped(x):
    return x.clamp(0, CLIP)


def conv_layer(x, conv, weights, name, l):
    """x: channels x bins x frames."""
    (kf, kt), (sf, st) = conv["kernel"], conv["stride"]
    w = torch.randn(conv["channels"], x.shape[0], kf, kt) * 0.4
    b = torch.randn(conv["channels"]) * 0.3
    # [out][time][frequency][in], oldest frame first
    weights[f"conv.{l}.weight"] = w.permute(0, 3, 2, 1).reshape(-1).tolist()
    weights[f"conv.{l}.bias"] = b.tolist()
    pad = (kf - 1) // 2
    left, right = kt - 1 - conv["lookahead"], conv["lookahead"]
    x = F.pad(x, (left, right, pad, pad))
    return clipped(F.conv2d(x[None], w, b, stride=(sf, st))[0])


def gru_layer(x, hidden, weights, l):
    """x: frames x n_in."""
    gru = torch.nn.GRU(x.shape[1], hidden)
    for p in gru.parameters():
        torch.nn.init.normal_(p, std=0.5)
    torch.nn.init.zeros_(gru.bias_hh_l0)
    y, _ = gru(x[:, None])

    def ours(p):  # torch: reset, update, new; ours: update (negated), reset, candidate
        r, z, n = p.chunk(3)
        return torch.cat([-z, r, n]).reshape(-1).tolist()

    weights[f"gru.{l}.nonrec.weight"] = ours(gru.weight_ih_l0)
    weights[f"gru.{l}.nonrec.bias"] = ours(gru.bias_ih_l0)
    weights[f"gru.{l}.rec.weight"] = ours(gru.weight_hh_l0)
    return y[:, 0]


def case(config, frames, symbols):
    weights = {}
    features = torch.randn(frames, config["input"])
    x = features.T[None]
    for l, conv in enumerate(config["conv"]):
        x = conv_layer(x, conv, weights, "conv", l)
    x = x.permute(2, 1, 0).reshape(x.shape[2], -1)  # frames x (bins x channels)
    for l, hidden in enumerate(config["gru"]):
        x = gru_layer(x, hidden, weights, l)
    if config["row_conv"]:
        ahead = config["row_conv"]["lookahead"]
        w = torch.randn(ahead + 1, x.shape[1])
        weights["row_conv.weight"] = w.reshape(-1).tolist()
        padded = F.pad(x.T, (0, ahead))
        x = clipped(F.conv1d(padded[None], w.T[:, None], groups=x.shape[1])[0].T)
    for name, rows in (("fc", config["fc"]), ("output", symbols)):
        if rows is None:
            continue
        w, b = torch.randn(rows, x.shape[1]) * 0.5, torch.randn(rows) * 0.5
        weights[f"{name}.weight"], weights[f"{name}.bias"] = w.reshape(-1).tolist(), b.tolist()
        x = x @ w.T + b
        if name == "fc":
            x = clipped(x)
    return {
        "config": config,
        "symbols": symbols,
        "frames": frames,
        "features": rounded(features.reshape(-1).tolist()),
        "weights": {k: rounded(v) for k, v in weights.items()},
        "logits": rounded(x.reshape(-1).tolist()),
    }


def rounded(values):
    return [float(np.float32(v)) for v in values]


def config(input, conv, gru, row_conv, fc):
    conv = [dict(zip(("channels", "kernel", "stride", "lookahead"), c)) for c in conv]
    row_conv = None if row_conv is None else {"lookahead": row_conv}
    return {"input": input, "conv": conv, "clip": CLIP, "gru": gru, "candidate": "tanh", "row_conv": row_conv, "fc": fc}


with torch.no_grad():
    cases = [
        case(config(9, [(3, [5, 3], [2, 2], 1), (2, [3, 4], [2, 1], 0)], [5, 4], 2, 6), 13, 5),
        case(config(8, [(2, [4, 3], [1, 3], 2)], [3], None, None), 11, 3),
        case(config(4, [], [3], 0, None), 6, 3),
    ]
print(json.dumps(cases))
