"""Writes int8_cases.json: what PyTorch's quantized operators give on the x86 engine, for qpytorch.test.ts.

    python3 make_int8_cases.py int8_cases.json        (torch 2.11)

Integers are the stored values of the quantized tensors, row-major. Inputs come from a seeded generator; nothing else is random.
"""
import json
import sys

import torch
import torch.nn.functional as F

torch.backends.quantized.engine = "x86"
torch.manual_seed(20)
cases = []


def q(shape, scale, zp, dtype=torch.quint8, spread=3.0):
    return torch.quantize_per_tensor(torch.randn(shape) * spread, scale, zp, dtype)


def pack(t):
    out = {"dtype": str(t.dtype).replace("torch.", ""), "shape": list(t.shape)}
    if t.is_quantized:
        out["values"] = t.int_repr().flatten().tolist()
        if t.qscheme() == torch.per_tensor_affine:
            out.update(scale=t.q_scale(), zeroPoint=t.q_zero_point())
        else:
            out.update(scales=t.q_per_channel_scales().tolist(), zeroPoints=[int(z) for z in t.q_per_channel_zero_points()], axis=t.q_per_channel_axis())
    else:
        out["values"] = [float(v) for v in t.flatten()]
    return out


def add(op, inputs, args, result):
    cases.append({"op": op, "inputs": [None if t is None else pack(t) for t in inputs], "args": args, "result": pack(result)})


def weight(shape, per_channel):
    w = torch.randn(shape)
    if per_channel:
        scales = (w.abs().flatten(1).amax(1) / 127.5).clamp(min=1e-6)
        return torch.quantize_per_channel(w, scales, torch.zeros(shape[0], dtype=torch.int64), 0, torch.qint8)
    return torch.quantize_per_tensor(w, float(w.abs().max() / 127.5), 0, torch.qint8)


CONVS = [
    # n, cin, h, w, cout, k, stride, padding, dilation, groups
    (2, 3, 9, 8, 5, (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (1, 8, 7, 7, 8, (3, 3), (2, 2), (1, 1), (1, 1), 8),
    (1, 8, 6, 5, 12, (1, 1), (1, 1), (0, 0), (1, 1), 4),
    (1, 6, 9, 9, 4, (3, 2), (2, 1), (2, 0), (2, 1), 2),
    (2, 1, 10, 10, 16, (5, 5), (1, 1), (2, 2), (1, 1), 1),
    (1, 16, 4, 4, 10, (1, 1), (2, 2), (0, 0), (1, 1), 1),
]
for i, (n, cin, h, w_, cout, k, s, p, d, g) in enumerate(CONVS):
    for relu in (False, True):
        x = q((n, cin, h, w_), 0.043, 17 + 30 * i)
        w = weight((cout, cin // g) + k, per_channel=(i % 2 == 1))
        b = torch.randn(cout) if i != 2 else None
        packed = torch.ops.quantized.conv2d_prepack(w, b, list(s), list(p), list(d), g)
        op = "conv2d_relu" if relu else "conv2d"
        scale, zp = 0.21, 0 if relu else 121
        add(op, [x, w, b], {"stride": s, "padding": p, "dilation": d, "groups": g, "scale": scale, "zeroPoint": zp},
            getattr(torch.ops.quantized, op)(x, packed, scale, zp))

for i, (rows, k, n) in enumerate([((4,), 16, 10), ((2, 3), 33, 7), ((1,), 128, 64), ((5,), 3, 1)]):
    for relu in (False, True):
        x = q(rows + (k,), 0.05, 128 if i == 0 else 60 + 20 * i)
        w = weight((n, k), per_channel=(i % 2 == 0))
        b = torch.randn(n) if i != 3 else None
        op = "linear_relu" if relu else "linear"
        scale, zp = 0.31, 3 if relu else 117
        add(op, [x, w, b], {"scale": scale, "zeroPoint": zp}, getattr(torch.ops.quantized, op)(x, torch.ops.quantized.linear_prepack(w, b), scale, zp))

for op in ("add", "add_relu", "mul", "mul_relu"):
    for shapes in (((2, 5, 4, 3), (2, 5, 4, 3)), ((1, 6, 4, 4), (1, 6, 1, 1)), ((3, 7), (3, 7))):
        a, b = q(shapes[0], 0.031, 120), q(shapes[1], 0.047, 90)
        add(op, [a, b], {"scale": 0.07, "zeroPoint": 55}, getattr(torch.ops.quantized, op)(a, b, 0.07, 55))
for op in ("add_scalar", "add_scalar_relu", "mul_scalar", "mul_scalar_relu"):
    for value in (0.5, -1.75, 0.0, 30.0):
        a = q((2, 3, 5), 0.033, 100)
        add(op, [a], {"scalar": value}, getattr(torch.ops.quantized, op)(a, value))
        add(op, [a, torch.tensor(value)], {}, getattr(torch.ops.quantized, op).Tensor(a, torch.tensor(value)))

x4 = q((2, 6, 9, 8), 0.05, 77)
POOLS = [
    ("max_pool2d", {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "dilation": [1, 1], "ceil": False}),
    ("max_pool2d", {"kernel": [2, 2], "stride": [2, 2], "padding": [0, 0], "dilation": [1, 1], "ceil": True}),
    ("avg_pool2d", {"kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceil": False, "countIncludePad": True}),
    ("avg_pool2d", {"kernel": [2, 3], "stride": [1, 2], "padding": [0, 1], "ceil": True, "countIncludePad": False}),
]
for op, a in POOLS:
    if op == "max_pool2d":
        y = F.max_pool2d(x4, a["kernel"], a["stride"], a["padding"], a["dilation"], a["ceil"])
    else:
        y = F.avg_pool2d(x4, a["kernel"], a["stride"], a["padding"], a["ceil"], a["countIncludePad"])
    add(op, [x4], a, y)
for size in ([1, 1], [3, 2], [9, 8], [4, 4]):
    add("adaptive_avg_pool2d", [x4], {"size": size}, F.adaptive_avg_pool2d(x4, size))
add("mean", [x4], {"dims": [2, 3], "keepdim": False}, x4.mean([2, 3]))
add("upsample_nearest2d", [x4], {"size": [13, 16]}, F.interpolate(x4, size=[13, 16], mode="nearest"))
add("upsample_bilinear2d", [x4], {"size": [13, 16], "alignCorners": False}, F.interpolate(x4, size=[13, 16], mode="bilinear", align_corners=False))
add("upsample_bilinear2d", [x4], {"size": [13, 16], "alignCorners": True}, F.interpolate(x4, size=[13, 16], mode="bilinear", align_corners=True))

every = torch.quantize_per_tensor((torch.arange(256).float() - 101) * 0.052, 0.052, 101, torch.quint8)
add("relu", [every], {}, torch.relu(every))
add("relu6", [every], {}, torch.ops.quantized.relu6(every))
add("hardtanh", [every], {"min": -1.0, "max": 2.5}, F.hardtanh(every, -1.0, 2.5))
add("clamp", [every], {"min": -0.7, "max": 3.1}, torch.clamp(every, -0.7, 3.1))
add("sigmoid", [every], {}, torch.sigmoid(every))
add("hardsigmoid", [every], {}, F.hardsigmoid(every))
add("tanh", [every], {}, torch.tanh(every))
add("hardswish", [every], {"scale": 0.04, "zeroPoint": 12}, torch.ops.quantized.hardswish(every, 0.04, 12))
add("elu", [every], {"scale": 0.045, "zeroPoint": 30, "alpha": 1.0}, torch.ops.quantized.elu(every, 0.045, 30, 1.0, 1.0, 1.0))
add("leaky_relu", [every], {"scale": 0.05, "zeroPoint": 40, "slope": 0.1}, torch.ops.quantized.leaky_relu(every, 0.1, False, 0.05, 40))
add("leaky_relu_keep", [every], {"slope": 0.2}, F.leaky_relu(every, 0.2))
add("gelu", [every], {}, F.gelu(every))

xl = q((2, 5, 16), 0.05, 120)
g, b = torch.randn(16), torch.randn(16)
add("layer_norm", [xl, g, b], {"eps": 1e-5, "scale": 0.03, "zeroPoint": 130}, torch.ops.quantized.layer_norm(xl, [16], g, b, 1e-5, 0.03, 130))
g6, b6, m6, v6 = torch.randn(6), torch.randn(6), torch.randn(6), torch.rand(6) + 0.5
add("group_norm", [x4, g6, b6], {"groups": 3, "eps": 1e-5, "scale": 0.03, "zeroPoint": 130}, torch.ops.quantized.group_norm(x4, 3, g6, b6, 1e-5, 0.03, 130))
add("instance_norm", [x4, g6, b6], {"eps": 1e-5, "scale": 0.03, "zeroPoint": 130}, torch.ops.quantized.instance_norm(x4, g6, b6, 1e-5, 0.03, 130))
add("batch_norm2d", [x4, g6, b6, m6, v6], {"eps": 1e-5, "scale": 0.06, "zeroPoint": 110}, torch.ops.quantized.batch_norm2d(x4, g6, b6, m6, v6, 1e-5, 0.06, 110))
a, c = q((1, 3, 4, 4), 0.05, 100), q((1, 5, 4, 4), 0.08, 90)
add("cat", [a, c], {"dim": 1, "scale": 0.07, "zeroPoint": 80}, torch.ops.quantized.cat([a, c], 1, 0.07, 80))

f = torch.randn(4, 9) * 5
add("quantize", [f], {"scale": 0.037, "zeroPoint": 90, "dtype": "quint8"}, torch.quantize_per_tensor(f, 0.037, 90, torch.quint8))
add("quantize", [f], {"scale": 0.061, "zeroPoint": -3, "dtype": "qint8"}, torch.quantize_per_tensor(f, 0.061, -3, torch.qint8))
half = (torch.arange(41).float() - 20) * 0.025
add("quantize", [half], {"scale": 0.05, "zeroPoint": 7, "dtype": "quint8"}, torch.quantize_per_tensor(half, 0.05, 7, torch.quint8))
add("dequantize", [every], {}, every.dequantize())

json.dump({"torch": torch.__version__, "cases": cases}, open(sys.argv[1], "w"), separators=(",", ":"))
print(len(cases), "cases")
