"""Golden values of the trainer's layers from PyTorch. Needs torch, numpy and safetensors; writes beside itself.

    python make.py

Of every case C named in the metadata entry "cases" (JSON: name -> sizes), pytorch.safetensors holds

    C.in.NAME    inputs: weights, and activations of batch x steps rows with noise on the padding
    C.out        the output, zero on the padding
    C.weight     G of the differentiated sum of G * output
    C.grad.NAME  gradients of that sum with respect to the inputs
    C.NAME       other results: losses, statistics

PyTorch works in double precision and on one sequence at a time: no padding, no masks.
"""
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

RNG = np.random.default_rng(1)
CASES, TENSORS = {}, {}


def normal(*shape, scale=1.0, mean=0.0):
    return (mean + scale * RNG.standard_normal(shape)).astype(np.float32)


def sequences(x, lengths):
    steps = x.shape[0] // len(lengths)
    return [x[b * steps : b * steps + n] for b, n in enumerate(lengths)]


def padded(parts, steps):
    return torch.cat([F.pad(part, (0, 0, 0, steps - part.shape[0])) for part in parts])


def keep(name, values):
    values = values.detach().numpy() if isinstance(values, torch.Tensor) else values
    TENSORS[name] = np.ascontiguousarray(values, dtype=np.float32)


def record(case, sizes, inputs, function):
    """Runs `function` on the named inputs and keeps all that the test compares."""
    leaves = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in inputs.items()}
    y = function(**leaves)
    weight = normal(*y.shape)
    (y * torch.tensor(weight, dtype=torch.float64)).sum().backward()
    CASES[case] = sizes
    keep(f"{case}.out", y)
    keep(f"{case}.weight", weight)
    for name, leaf in leaves.items():
        keep(f"{case}.in.{name}", inputs[name])
        keep(f"{case}.grad.{name}", leaf.grad)


# The layers, each over a list of sequences `frames x width`.


def convolve(parts, w, bins, channels, filters, kernel, stride, lookahead):
    """w: filters x (frequency taps x time taps x channels)."""
    w = w.reshape(filters, *kernel, channels).permute(0, 3, 1, 2)
    side = (kernel[0] - 1) // 2
    out = []
    for x in parts:
        x = x.reshape(1, -1, bins, channels).permute(0, 3, 2, 1)
        y = F.conv2d(F.pad(x, (kernel[1] - 1 - lookahead, lookahead, side, side)), w, stride=stride)
        assert y.shape[3] == -(-x.shape[3] // stride[1])
        out.append(y.permute(0, 3, 2, 1).reshape(y.shape[3], -1))
    return out


def normalise(parts, gamma, beta, clip):
    """Returns the parts, and mean and biased variance."""
    channels = gamma.shape[1]
    real = torch.cat(parts).reshape(-1, channels)
    y = F.batch_norm(real, None, None, gamma[0], beta[0], training=True, eps=1e-5)
    y = y if clip is None else y.clamp(0, clip)
    y = y.reshape(-1, parts[0].shape[1]).split([len(part) for part in parts])
    return list(y), real.mean(0, keepdim=True), real.var(0, unbiased=False, keepdim=True)


def gru(parts, u):
    """Eq. (10) by the function beneath torch.nn.GRU; the parts are input products [update reset candidate].

    PyTorch orders [reset update candidate] and has h' = (1 - z) c + z h: its update gate is one minus
    ours, and 1 - sigmoid(a) = sigmoid(-a). Its b_hn stays zero.
    """
    h = u.shape[1]
    one, none = torch.eye(h, dtype=u.dtype), torch.zeros(h, h, dtype=u.dtype)
    pick = torch.cat([torch.cat(row, 1) for row in ([none, one, none], [-one, none, none], [none, none, one])])
    u = torch.cat([u[h : 2 * h], -u[:h], u[2 * h :]])
    bias, start = torch.zeros(3 * h, dtype=u.dtype), torch.zeros(1, 1, h, dtype=u.dtype)
    run = lambda x: torch.gru(x[None], start, [pick, u, bias, bias], True, 1, 0.0, False, False, True)
    return [run(x)[0][0] for x in parts]


def gru_loop(parts, u, f):
    """Eq. (10) spelled out, for the candidates that torch.nn.GRU does not have."""
    out = []
    for x in parts:
        h, states = torch.zeros(u.shape[1], dtype=u.dtype), []
        for row in x:
            (xz, xr, xc), (az, ar, ac) = row.chunk(3), (u @ h).chunk(3)
            z, r = torch.sigmoid(xz + az), torch.sigmoid(xr + ar)
            h = (1 - z) * h + z * f(xc + r * ac)
            states.append(h)
        out.append(torch.stack(states))
    return out


def look_ahead(parts, w):
    taps, width = w.shape
    kernel = w.t().reshape(width, 1, taps)
    run = lambda x: F.conv1d(F.pad(x.t()[None], (0, taps - 1)), kernel, groups=width)[0].t()
    return [run(x) for x in parts]


def ctc(parts, labels, **options):
    """Loss of each sequence."""
    longest = max(len(part) for part in parts)
    x = torch.stack([F.pad(part, (0, 0, 0, longest - len(part))) for part in parts], 1).log_softmax(2)
    flat = torch.tensor([label for line in labels for label in line], dtype=torch.long)
    sizes = ([len(part) for part in parts], [len(line) for line in labels])
    return F.ctc_loss(x, flat, *map(torch.tensor, sizes), blank=0, reduction="none", **options)


# The cases.


def make_convolutions():
    for name, lengths, bins, channels, filters, kernel, stride, lookahead in [
        ("conv.causal", [6, 4], 5, 1, 2, [3, 3], [1, 1], 0),
        ("conv.strides", [7, 4], 8, 1, 3, [5, 5], [2, 3], 2),
        ("conv.all_look_ahead", [5, 9, 2], 6, 3, 4, [4, 5], [2, 1], 4),
        ("conv.wide", [11, 12], 16, 2, 8, [11, 7], [2, 2], 3),
        ("conv.point", [10], 7, 2, 2, [1, 1], [1, 2], 0),
    ]:
        steps = max(lengths)
        sizes = dict(bins=bins, channels=channels, filters=filters, kernel=kernel, stride=stride, lookahead=lookahead)
        inputs = {
            "x": normal(len(lengths) * steps, bins * channels),
            "w": normal(filters, kernel[0] * kernel[1] * channels, scale=0.5),
        }
        run = lambda x, w: padded(convolve(sequences(x, lengths), w, **sizes), -(-steps // stride[1]))
        record(name, dict(op="conv", lengths=lengths, **sizes), inputs, run)


def make_norms():
    for name, lengths, group, channels, clip in [
        ("batch_norm.plain", [6, 3], 1, 4, None),
        ("batch_norm.clipped", [6, 3, 8], 1, 5, 1.0),
        ("batch_norm.bins", [5, 5, 2], 3, 2, 20.0),
    ]:
        steps = max(lengths)
        inputs = {
            "x": normal(len(lengths) * steps, group * channels, scale=2.0, mean=0.7),
            "gamma": normal(1, channels),
            "beta": normal(1, channels),
        }

        def run(x, gamma, beta):
            y, mean, variance = normalise(sequences(x, lengths), gamma, beta, clip)
            keep(f"{name}.mean", mean)
            keep(f"{name}.variance", variance)
            return padded(y, steps)

        record(name, dict(op="batch_norm", lengths=lengths, clip=clip), inputs, run)


def make_recurrences():
    for name, lengths, hidden, rank, clip in [
        ("gru.dense", [4, 7, 1], 6, None, None),
        ("gru.many_sequences", [9, 3, 5, 8, 2, 9, 7, 1, 6, 4], 5, None, None),
        ("gru.wide", [5, 4], 35, None, None),
        ("gru.low_rank", [6, 3, 8], 7, 2, None),
        ("gru.clipped", [6, 9, 2], 6, None, 0.8),
    ]:
        steps = max(lengths)
        inputs = {"x": normal(len(lengths) * steps, 3 * hidden)}
        if rank is None:
            inputs["u"] = normal(3 * hidden, hidden, scale=hidden**-0.5)
        else:
            inputs["a"] = normal(3 * hidden, rank, scale=0.5)
            inputs["b"] = normal(rank, hidden, scale=0.5)

        def run(x, u=None, a=None, b=None):
            u, parts = a @ b if u is None else u, sequences(x, lengths)
            y = gru(parts, u) if clip is None else gru_loop(parts, u, lambda c: c.clamp(0, clip))
            return padded(y, steps)

        record(name, dict(op="gru", lengths=lengths, clip=clip), inputs, run)
    x, u = torch.tensor(normal(8, 9)).double(), torch.tensor(normal(9, 3)).double()
    assert torch.allclose(gru([x], u)[0], gru_loop([x], u, torch.tanh)[0], atol=1e-12)


def make_row_convolutions():
    for name, lengths, width, taps in [("row_conv.short", [6, 2, 4], 5, 3), ("row_conv.one_tap", [3, 5], 4, 1)]:
        steps = max(lengths)
        inputs = {"x": normal(len(lengths) * steps, width), "w": normal(taps, width)}
        run = lambda x, w: padded(look_ahead(sequences(x, lengths), w), steps)
        record(name, dict(op="row_conv", lengths=lengths), inputs, run)


def make_ctc():
    for name, lengths, symbols, labels, scale in [
        ("ctc.mixed", [12, 7, 9, 4], 6, [[1, 2, 3], [4, 4], [5], []], 1.5),
        ("ctc.repeats", [11, 8, 6], 5, [[1, 1, 1, 2, 2], [3, 3, 3], [4, 1, 4, 1]], 1.0),
        ("ctc.just_fits", [3, 5, 1], 4, [[1, 2, 3], [2, 2, 2], [1]], 2.0),
        ("ctc.does_not_fit", [3, 6], 4, [[1, 1, 1], [2, 1]], 1.0),
        ("ctc.long", [60, 45], 29, [list(range(1, 25)), [7, 7, 3, 28, 28, 28, 1]], 2.0),
    ]:
        steps = max(lengths)
        inputs = {"x": normal(len(lengths) * steps, symbols, scale=scale)}

        def run(x):
            keep(f"{name}.losses", ctc(sequences(x, lengths), labels))
            return ctc(sequences(x, lengths), labels, zero_infinity=True).sum().reshape(1, 1)

        record(name, dict(op="ctc", lengths=lengths, labels=labels), inputs, run)


def make_net():
    """Two convolutions, a full-rank factored, a low-rank and a dense GRU, row convolution, fc, CTC."""
    conv = [
        dict(channels=2, kernel=[5, 3], stride=[2, 1], lookahead=1),
        dict(channels=3, kernel=[3, 5], stride=[1, 2], lookahead=2),
    ]
    config = dict(input=12, conv=conv, clip=1.5, gru=[6, 7, 5], candidate="tanh", row_conv=dict(lookahead=2), fc=8)
    lengths, symbols, labels = [23, 16, 20], 5, [[1, 2, 2], [3], [4, 1, 4]]
    steps = max(lengths)
    inputs, width, channels, bins = {}, 12, 1, 12

    def norm(layer, rows):
        inputs[f"{layer}.norm.gamma"] = normal(1, rows, scale=0.2, mean=1.0)
        inputs[f"{layer}.norm.beta"] = normal(1, rows, scale=0.3)

    def factors(name, rows, cols, rank):
        inputs[f"{name}.u"] = normal(rows, rank, scale=rank**-0.5)
        inputs[f"{name}.v"] = normal(rank, cols, scale=cols**-0.5)

    for l, c in enumerate(conv):
        inputs[f"conv.{l}.weight"] = normal(c["channels"], c["kernel"][0] * c["kernel"][1] * channels, scale=0.4)
        norm(f"conv.{l}", c["channels"])
        side = (c["kernel"][0] - 1) // 2
        bins, channels = (bins + 2 * side - c["kernel"][0]) // c["stride"][0] + 1, c["channels"]
        width = bins * channels
    for l, h in enumerate(config["gru"]):
        norm(f"gru.{l}", 3 * h)
        for name, cols in [(f"gru.{l}.nonrec", width), (f"gru.{l}.rec", h)]:
            if l == 2:
                inputs[f"{name}.weight"] = normal(3 * h, cols, scale=cols**-0.5)
            else:
                factors(name, 3 * h, cols, min(3 * h, cols) if l == 0 else 2)
        width = h
    inputs["row_conv.weight"] = normal(3, width, scale=0.5)
    inputs["fc.weight"] = normal(8, width, scale=0.5)
    norm("fc", 8)
    inputs["output.weight"] = normal(symbols, 8, scale=0.5)
    inputs["output.bias"] = normal(1, symbols)

    features = normal(len(lengths) * steps, 12)
    p = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in inputs.items()}
    map_of = lambda name: p[f"{name}.weight"] if f"{name}.weight" in p else p[f"{name}.u"] @ p[f"{name}.v"]
    apply = lambda parts, name: [x @ map_of(name).t() for x in parts]

    def batch_norm(parts, layer, clip):
        y, mean, variance = normalise(parts, p[f"{layer}.norm.gamma"], p[f"{layer}.norm.beta"], clip)
        keep(f"net.mean.{layer}", mean)
        keep(f"net.variance.{layer}", variance)
        return y

    parts, bins, channels = sequences(torch.tensor(features, dtype=torch.float64), lengths), 12, 1
    for l, c in enumerate(conv):
        sizes = dict(kernel=c["kernel"], stride=c["stride"], lookahead=c["lookahead"])
        parts = convolve(parts, p[f"conv.{l}.weight"], bins, channels, c["channels"], **sizes)
        parts, channels = batch_norm(parts, f"conv.{l}", config["clip"]), c["channels"]
        bins = parts[0].shape[1] // channels
    for l in range(3):
        parts = batch_norm(apply(parts, f"gru.{l}.nonrec"), f"gru.{l}", None)
        parts = gru(parts, map_of(f"gru.{l}.rec"))
    parts = [x.clamp(0, config["clip"]) for x in look_ahead(parts, p["row_conv.weight"])]
    parts = batch_norm(apply(parts, "fc"), "fc", config["clip"])
    logits = [x + p["output.bias"] for x in apply(parts, "output")]
    losses = ctc(logits, labels)
    (losses.sum() / len(labels)).backward()

    CASES["net"] = dict(op="net", lengths=lengths, symbols=symbols, labels=labels, config=config)
    keep("net.features", features)
    keep("net.logits", padded(logits, -(-steps // 2)))
    keep("net.losses", losses)
    for name, leaf in p.items():
        keep(f"net.in.{name}", inputs[name])
        keep(f"net.grad.{name}", leaf.grad)


if __name__ == "__main__":
    make_convolutions()
    make_norms()
    make_recurrences()
    make_row_convolutions()
    make_ctc()
    make_net()
    metadata = {"cases": json.dumps(CASES), "torch": torch.__version__}
    save_file(TENSORS, Path(__file__).with_name("pytorch.safetensors"), metadata=metadata)
