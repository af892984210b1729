"""Writes sum_order_cases.json: the bits of PyTorch's float convolutions, linear layers and what stands between them, for host.test.ts.

    python3 make_sum_order_cases.py sum_order_cases.json      (an Intel processor with AVX-512: MKL takes other ways elsewhere)

Sixteen threads, as the fixtures were made: MKL splits sums by their number.

Inputs are hashFill(1..3, shape, -1, 1) for input, weight and bias (a batch norm's parameters are 2..5); of the result only the SHA-256 of its float32 bytes is kept.
"""
import hashlib
import json
import math
import sys

import numpy as np
import torch

torch.set_num_threads(16)


def hash_fill(seed, shape):
    i = np.arange(math.prod(shape), dtype=np.uint32)
    with np.errstate(over="ignore"):
        h = i * np.uint32(0x9E3779B1) + np.uint32(seed)
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
    return torch.from_numpy((-1 + ((h >> np.uint32(8)).astype(np.float64) / 16777216) * 2).astype(np.float32).reshape(shape))


# Input, weight, stride, padding, groups.
CONVS = [
    ((2, 3, 16, 16), (32, 3, 3, 3), 1, 1, 1), ((2, 1, 14, 14), (8, 1, 3, 3), 1, 1, 1), ((2, 8, 14, 14), (10, 8, 3, 3), 1, 1, 1), ((2, 3, 32, 32), (24, 3, 4, 4), 4, 0, 1),
    ((2, 48, 9, 9), (32, 48, 3, 3), 1, 1, 1), ((2, 64, 8, 8), (16, 64, 3, 3), 2, 1, 1), ((2, 20, 9, 9), (24, 20, 5, 5), 1, 2, 1),
    ((2, 32, 8, 8), (32, 4, 3, 3), 1, 1, 8), ((2, 48, 8, 8), (48, 16, 3, 3), 1, 1, 3), ((2, 16, 8, 8), (32, 1, 3, 3), 1, 1, 16),
    ((2, 32, 8, 8), (32, 1, 3, 3), 1, 1, 32), ((2, 30, 9, 9), (30, 1, 5, 5), 2, 2, 30), ((2, 24, 16, 16), (24, 1, 7, 7), 1, 3, 24),
    ((2, 64, 16, 16), (32, 64, 1, 1), 1, 0, 1), ((2, 256, 12, 12), (16, 256, 1, 1), 1, 0, 1), ((2, 640, 6, 6), (24, 640, 1, 1), 1, 0, 1),
    ((2, 640, 12, 12), (272, 640, 1, 1), 1, 0, 1), ((2, 288, 8, 8), (32, 288, 1, 1), 2, 0, 1), ((2, 24, 8, 8), (58, 24, 1, 1), 1, 0, 1),
    ((2, 192, 56, 56), (16, 192, 1, 1), 1, 0, 1), ((2, 64, 8, 8), (32, 64, 1, 1), 1, 1, 1), ((1, 16, 14, 14), (32, 16, 3, 3), 1, 1, 1),
]
# Among them: parts of k for each group of threads, sums in two, lanes along k, a vector, chains of 384 and what is left.
LINEARS = [((8, 16), (32, 16)), ((32, 256), (64, 256)), ((16, 384), (24, 384)), ((48, 96), (288, 96)), ((32, 768), (40, 768)), ((100, 768), (128, 768)),
           ((50, 768), (1056, 768)), ((100, 1024), (100, 1024)), ((100, 3072), (100, 3072)), ((136, 1100), (16, 1100)), ((8, 768), (20, 768)), ((2, 300), (10, 300)),
           ((1, 70), (8, 70)), ((1, 256), (64, 256)), ((150, 1536), (128, 1536))]
MATMULS = [((6, 49, 32), (6, 32, 49)), ((2, 50, 70), (2, 70, 24)), ((40, 400), (400, 20))]
NORMS = [("layer_norm", (5, 15)), ("layer_norm", (5, 96)), ("layer_norm", (9, 768)), ("layer_norm", (3, 1000)), ("group_norm", (2, 12, 6, 8)), ("group_norm", (1, 8, 16, 16))]
# Query and the number of keys.
ATTENTIONS = [((2, 3, 50, 64), 50, False), ((1, 2, 40, 32), 40, True), ((1, 2, 20, 16), 700, False), ((1, 1, 7, 8), 20, False)]
SOFTMAXES = [(9, 7), (5, 16), (6, 49), (3, 197), (2, 1000)]

# Input and reduced dimensions; the functions take the same shapes' first.
MEANS = [((2, 48, 7, 7), [2, 3]), ((2, 64, 2, 2), [2, 3]), ((2, 8, 40, 40), [2, 3]), ((2, 300, 40), [1]), ((4, 1000), [1]), ((2, 17, 20), [1])]
FUNCTIONS = {"sigmoid": torch.sigmoid, "silu": torch.nn.functional.silu, "hardswish": torch.nn.functional.hardswish, "hardsigmoid": torch.nn.functional.hardsigmoid,
             "gelu": torch.nn.functional.gelu}

cases = []
for op, x, w, s, p, g in [("conv2d", *c) for c in CONVS] + [("linear", *c, 1, 0, 1) for c in LINEARS]:
    a, b, c = hash_fill(1, x), hash_fill(2, w), hash_fill(3, w[:1])
    y = torch.conv2d(a, b, c, s, p, 1, g) if op == "conv2d" else torch.nn.functional.linear(a, b, c)
    cases.append({"op": op, "x": x, "weight": w, "stride": s, "padding": p, "groups": g, "sha256": hashlib.sha256(y.numpy().tobytes()).hexdigest()})
for x, dims in MEANS:
    cases.append({"op": "mean", "x": x, "dims": dims, "sha256": hashlib.sha256(hash_fill(1, x).mean(dims).numpy().tobytes()).hexdigest()})
for op, function in FUNCTIONS.items():
    cases.append({"op": op, "x": (2, 64, 8, 8), "sha256": hashlib.sha256(function(hash_fill(1, (2, 64, 8, 8)) * 8).numpy().tobytes()).hexdigest()})
for x, w in MATMULS:
    cases.append({"op": "matmul", "x": x, "weight": w, "sha256": hashlib.sha256((hash_fill(1, x) @ hash_fill(2, w)).numpy().tobytes()).hexdigest()})
for op, x in NORMS:
    a = hash_fill(1, x) * 3
    y = torch.layer_norm(a, x[-1:], hash_fill(2, x[-1:]), hash_fill(3, x[-1:])) if op == "layer_norm" else torch.group_norm(a, 4, hash_fill(2, x[1:2]), hash_fill(3, x[1:2]))
    cases.append({"op": op, "x": x, "sha256": hashlib.sha256(y.numpy().tobytes()).hexdigest()})
for x, keys, causal in ATTENTIONS:
    k = (*x[:2], keys, x[3])
    y = torch.nn.functional.scaled_dot_product_attention(hash_fill(1, x) * 3, hash_fill(2, k) * 3, hash_fill(3, k), is_causal=causal).contiguous()
    cases.append({"op": "attention", "x": x, "weight": k, "causal": causal, "sha256": hashlib.sha256(y.numpy().tobytes()).hexdigest()})
for x in SOFTMAXES:
    cases.append({"op": "softmax", "x": x, "sha256": hashlib.sha256((hash_fill(1, x) * 4).softmax(-1).numpy().tobytes()).hexdigest()})
x = (2, 24, 5, 5)
y = torch.batch_norm(hash_fill(1, x), *(hash_fill(i, x[1:2]) for i in (2, 3, 4)), hash_fill(5, x[1:2]) + 2, False, 0.1, 1e-5, False)
cases.append({"op": "batch_norm", "x": x, "sha256": hashlib.sha256(y.numpy().tobytes()).hexdigest()})
y = torch.nn.functional.avg_pool2d(hash_fill(1, x), 3, 2, 1)
cases.append({"op": "avg_pool2d", "x": x, "sha256": hashlib.sha256(y.numpy().tobytes()).hexdigest()})
json.dump({"torch": torch.__version__, "cpu": torch.backends.cpu.get_cpu_capability(), "cases": cases}, open(sys.argv[1], "w"), indent=1)
print(len(cases), "cases")
