"""Writes float_cases.json beside this file: small inputs, settings and what PyTorch computes from them, for every float operator.

Run where PyTorch 2.11 is installed: python make_float_cases.py. The numbers are deterministic. Input values are multiples of 1/64, so that
they are exact in JSON and in float32. kernels/ops/pytorch.test.ts runs the cases against the reference implementations.
"""
import json
import math
import os

import torch
import torch.nn.functional as F

cases = []
INF = math.inf


def fill(shape, seed, lo=-2.0, hi=2.0):
    """Multiples of 1/64 between lo and hi from a small generator (Park and Miller)."""
    state = (seed * 7919 + 12345) % 2147483647 or 1
    n = 1
    for d in shape:
        n *= d
    values = []
    for _ in range(n):
        state = state * 48271 % 2147483647
        values.append(round((lo + (hi - lo) * state / 2147483647) * 64) / 64)
    return torch.tensor(values, dtype=torch.float32).reshape(shape)


def ints(shape, seed, lo, hi, dtype=torch.int64):
    return fill(shape, seed, lo, hi + 0.98).floor().to(dtype)


def number(v):
    if isinstance(v, (bool, int)):
        return int(v)
    if math.isnan(v):
        return "nan"
    if math.isinf(v):
        return "inf" if v > 0 else "-inf"
    return float(f"{v:.9g}")


def tensor(t):
    t = t.detach()
    return {"dtype": str(t.dtype).replace("torch.", ""), "shape": list(t.shape), "values": [number(v) for v in t.reshape(-1).tolist()]}


def attribute(v):
    if isinstance(v, float):
        return number(v)
    if isinstance(v, dict):
        return {k: attribute(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [attribute(x) for x in v]
    return v


def case(op, inputs, attrs, outputs, rtol=2e-6, atol=2e-6):
    if not isinstance(outputs, (list, tuple)):
        outputs = [outputs]
    cases.append({"op": op, "inputs": [tensor(t) for t in inputs], "attrs": attribute(attrs), "outputs": [tensor(t) for t in outputs],
                  "rtol": rtol, "atol": atol})


def convolutions():
    settings = [
        # n, c, h, w, oc, kernel, stride, padding, dilation, groups
        (2, 3, 5, 6, 4, (3, 3), (1, 1), (1, 1), (1, 1), 1),
        (1, 4, 7, 5, 6, (3, 2), (2, 1), (0, 1), (1, 2), 2),
        (1, 4, 6, 6, 4, (3, 3), (1, 1), (1, 1), (1, 1), 4),
        (1, 3, 6, 6, 6, (3, 3), (2, 2), (1, 1), (1, 1), 3),
        (2, 5, 3, 3, 7, (1, 1), (1, 1), (0, 0), (1, 1), 1),
        (1, 2, 9, 9, 3, (3, 3), (3, 3), (2, 2), (2, 2), 1),
        (1, 3, 4, 4, 5, (4, 4), (1, 1), (0, 0), (1, 1), 1),
    ]
    for k, (n, c, h, w, oc, kernel, stride, padding, dilation, groups) in enumerate(settings):
        x, weight, bias = fill((n, c, h, w), k), fill((oc, c // groups, *kernel), k + 50, -1, 1), fill((oc,), k + 90)
        attrs = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
        y = F.conv2d(x, weight, None, stride, padding, dilation, groups)
        case("conv2d", [x, weight], attrs, y, atol=1e-5)
        with_bias = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
        case("conv2d", [x, weight, bias], {**attrs, "activation": {"kind": "relu", "params": []}}, F.relu(with_bias), atol=1e-5)
        residual = fill(tuple(y.shape), k + 130)
        case("conv2d", [x, weight, bias, residual], {**attrs, "add": True, "activation": {"kind": "hardswish", "params": []}},
             F.hardswish(with_bias + residual), atol=1e-5)
    x, weight = fill((1, 2, 5, 5), 7), fill((3, 2, 2, 4), 8, -1, 1)
    case("conv2d", [x, weight], dict(stride=(1, 1), padding=(0, 1, 1, 2), dilation=(1, 1), groups=1), F.conv2d(x, weight, padding="same"), atol=1e-5)
    for k, (stride, padding, output_padding, dilation, groups) in enumerate([
            ((1, 1), (0, 0), (0, 0), (1, 1), 1), ((2, 2), (1, 1), (1, 1), (1, 1), 1), ((2, 3), (1, 0), (0, 2), (1, 1), 2), ((1, 2), (1, 1), (0, 0), (2, 1), 1)]):
        x, weight, bias = fill((2, 4, 3, 4), k), fill((4, 3, 3, 2), k + 9, -1, 1), fill((3 * groups,), k + 20)
        case("conv_transpose2d", [x, weight, bias], dict(stride=stride, padding=padding, outputPadding=output_padding, dilation=dilation, groups=groups),
             F.conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation), atol=1e-5)


def products():
    for k, (shape, n) in enumerate([((3, 5), 4), ((2, 3, 8), 9), ((6,), 5), ((1, 16), 3), ((0, 4), 2)]):
        x, weight, bias = fill(shape, k), fill((n, shape[-1]), k + 10, -1, 1), fill((n,), k + 20)
        case("linear", [x, weight], {}, F.linear(x, weight), atol=1e-5)
        case("linear", [x, weight, bias], {"activation": {"kind": "gelu", "params": []}}, F.gelu(F.linear(x, weight, bias)), atol=1e-5)
        residual = fill(shape[:-1] + (n,), k + 30)
        case("linear", [x, weight, bias, residual], {"add": True}, F.linear(x, weight, bias) + residual, atol=1e-5)
    for k, (a, b) in enumerate([((3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 3, 4), (4, 2)), ((2, 1, 3, 4), (3, 4, 2)), ((2, 0), (0, 3)), ((1, 2, 2), (3, 2, 2))]):
        x, y = fill(a, k), fill(b, k + 10)
        case("matmul", [x, y], {}, torch.matmul(x, y), atol=1e-5)
    q, k, v = fill((2, 2, 4, 8), 1), fill((2, 2, 5, 8), 2), fill((2, 2, 5, 6), 3)
    case("scaled_dot_product_attention", [q, k, v], dict(isCausal=False, scale=None), F.scaled_dot_product_attention(q, k, v), atol=1e-5)
    case("scaled_dot_product_attention", [q, k, v], dict(isCausal=False, scale=0.25), F.scaled_dot_product_attention(q, k, v, scale=0.25), atol=1e-5)
    case("scaled_dot_product_attention", [q, k, v], dict(isCausal=True, scale=None), F.scaled_dot_product_attention(q, k, v, is_causal=True), atol=1e-5)
    for shape in [(4, 5), (2, 1, 4, 5), (1, 5)]:
        mask = fill(shape, 4)
        case("scaled_dot_product_attention", [q, k, v, mask], dict(isCausal=False, scale=None), F.scaled_dot_product_attention(q, k, v, attn_mask=mask), atol=1e-5)
    hidden = torch.zeros(4, 5)
    hidden[:, 3:] = -INF
    hidden[1] = -INF
    case("scaled_dot_product_attention", [q, k, v, hidden], dict(isCausal=False, scale=None), F.scaled_dot_product_attention(q, k, v, attn_mask=hidden), atol=1e-5)


def norms():
    x = fill((2, 3, 4), 1)
    mean, var, weight, bias = fill((3,), 2), fill((3,), 3, 0.25, 2), fill((3,), 4), fill((3,), 5)
    for eps in (1e-5, 1e-2):
        case("batch_norm", [x, mean, var], dict(eps=eps), F.batch_norm(x, mean, var, eps=eps), rtol=1e-5, atol=1e-5)
        case("batch_norm", [x, mean, var, weight, bias], dict(eps=eps), F.batch_norm(x, mean, var, weight, bias, eps=eps), rtol=1e-5, atol=1e-5)
    x2 = fill((4, 3), 6)
    case("batch_norm", [x2, mean, var, weight, bias], dict(eps=1e-5), F.batch_norm(x2, mean, var, weight, bias), rtol=1e-5, atol=1e-5)
    for shape in [(4,), (3, 4)]:
        w, b = fill(shape, 7), fill(shape, 8)
        case("layer_norm", [x], dict(normalizedShape=shape, eps=1e-5), F.layer_norm(x, shape), rtol=1e-5, atol=1e-5)
        case("layer_norm", [x, w], dict(normalizedShape=shape, eps=1e-6), F.layer_norm(x, shape, w, eps=1e-6), rtol=1e-5, atol=1e-5)
        case("layer_norm", [x, w, b], dict(normalizedShape=shape, eps=1e-5), F.layer_norm(x, shape, w, b), rtol=1e-5, atol=1e-5)
    y = fill((2, 6, 3, 2), 9)
    w, b = fill((6,), 10), fill((6,), 11)
    for groups in (1, 2, 3, 6):
        case("group_norm", [y, w, b], dict(numGroups=groups, eps=1e-5), F.group_norm(y, groups, w, b), rtol=1e-5, atol=1e-5)
    case("group_norm", [y], dict(numGroups=6, eps=1e-5), F.instance_norm(y), rtol=1e-5, atol=1e-5)
    z = fill((2, 3, 5), 12, -9, 9)
    for dim in (0, 1, 2, -1):
        case("softmax", [z], dict(dim=dim), F.softmax(z, dim))
        case("softmax", [z], dict(dim=dim, log=True), F.log_softmax(z, dim), atol=1e-5)
    hidden = torch.tensor([[0.0, -INF, 1.0], [-INF, -INF, -INF], [80.0, -80.0, 100.0]])
    case("softmax", [hidden], dict(dim=1), F.softmax(hidden, 1))
    case("softmax", [torch.tensor(3.0)], dict(dim=0), F.softmax(torch.tensor(3.0), 0))


def pools():
    x = fill((1, 2, 7, 8), 1)
    for k, (kernel, stride, padding, dilation, ceil_mode) in enumerate([
            ((2, 2), (2, 2), (0, 0), (1, 1), False), ((3, 3), (2, 2), (1, 1), (1, 1), False), ((3, 3), (2, 2), (1, 1), (1, 1), True),
            ((3, 2), (1, 3), (1, 0), (2, 2), True), ((2, 3), (), (0, 1), (1, 1), True), ((2, 2), (3, 3), (1, 1), (1, 1), True)]):
        attrs = dict(kernelSize=kernel, stride=stride, padding=padding, ceilMode=ceil_mode)
        case("max_pool2d", [x], {**attrs, "dilation": dilation}, F.max_pool2d(x, kernel, stride or None, padding, dilation, ceil_mode))
        for include in (True, False):
            case("avg_pool2d", [x], {**attrs, "countIncludePad": include, "divisorOverride": None},
                 F.avg_pool2d(x, kernel, stride or None, padding, ceil_mode, include))
        if k % 2 == 0:
            case("avg_pool2d", [x], {**attrs, "countIncludePad": True, "divisorOverride": 3},
                 F.avg_pool2d(x, kernel, stride or None, padding, ceil_mode, True, 3))
    case("max_pool2d", [x[0]], dict(kernelSize=(2, 2), stride=(2, 2), padding=(0, 0), ceilMode=False, dilation=(1, 1)), F.max_pool2d(x[0], 2))
    bad = x.clone()
    bad[0, 0, 2, 2] = math.nan
    bad[0, 1] = -INF
    case("max_pool2d", [bad], dict(kernelSize=(3, 3), stride=(2, 2), padding=(1, 1), ceilMode=False, dilation=(1, 1)), F.max_pool2d(bad, 3, 2, 1))
    for size in [(1, 1), (3, 3), (7, 8), (2, 5), (9, 10)]:
        case("adaptive_avg_pool2d", [x], dict(outputSize=size), F.adaptive_avg_pool2d(x, size))
        case("adaptive_max_pool2d", [x], dict(outputSize=size), F.adaptive_max_pool2d(x, size))


def unaries():
    x = torch.cat([fill((24,), 3, -8, 8), torch.tensor([0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 6.0, 0.5, 1.5, 2.5, -0.5, -2.5, 20.0, -20.0, 90.0, -90.0, INF, -INF, math.nan])])
    tame = fill((24,), 4, -4, 4)
    positive = torch.cat([fill((24,), 5, 0.0625, 9), torch.tensor([0.0, -1.0, INF, math.nan])])
    everywhere = {
        "relu": F.relu, "relu6": F.relu6, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": F.silu, "mish": F.mish, "hardswish": F.hardswish,
        "hardsigmoid": F.hardsigmoid, "logsigmoid": F.logsigmoid, "softsign": F.softsign, "selu": F.selu, "abs": torch.abs, "neg": torch.neg,
        "square": torch.square, "floor": torch.floor, "ceil": torch.ceil, "round": torch.round, "trunc": torch.trunc, "sign": torch.sign, "erf": torch.erf,
        "logical_not": torch.logical_not, "isnan": torch.isnan, "isinf": torch.isinf, "exp": torch.exp, "expm1": torch.expm1, "exp2": torch.exp2,
        "softplus": F.softplus, "elu": F.elu, "celu": F.celu,
        "hardtanh": F.hardtanh, "leaky_relu": F.leaky_relu, "hardshrink": F.hardshrink, "softshrink": F.softshrink, "reciprocal": torch.reciprocal,
        "atan": torch.atan,
    }
    for kind, f in everywhere.items():
        case("unary", [x], dict(kind=kind, params=[]), f(x), rtol=4e-6, atol=1e-6)
    # Vectorised gelu makes NaN of infinities on some processors.
    for kind, f in {"gelu": F.gelu, "gelu_tanh": lambda t: F.gelu(t, approximate="tanh"), "sinh": torch.sinh, "cosh": torch.cosh, "asinh": torch.asinh, "erfc": torch.erfc}.items():
        case("unary", [tame], dict(kind=kind, params=[]), f(tame), rtol=4e-6, atol=1e-6)
    for kind, f in {"asin": torch.asin, "acos": torch.acos, "atanh": torch.atanh}.items():
        case("unary", [tame / 16], dict(kind=kind, params=[]), f(tame / 16), rtol=4e-6, atol=1e-6)
    for kind, f in {"sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "log": torch.log, "log2": torch.log2, "log10": torch.log10, "log1p": torch.log1p}.items():
        case("unary", [positive], dict(kind=kind, params=[]), f(positive), rtol=4e-6, atol=1e-6)
    for kind, f in {"sin": torch.sin, "cos": torch.cos, "tan": torch.tan, "frac": torch.frac, "tanhshrink": F.tanhshrink}.items():
        case("unary", [tame], dict(kind=kind, params=[]), f(tame), rtol=4e-6, atol=1e-6)
    with_params = [
        ("hardtanh", [-2.0, 0.5], F.hardtanh(x, -2.0, 0.5)), ("leaky_relu", [0.2], F.leaky_relu(x, 0.2)), ("elu", [0.5], F.elu(x, 0.5)), ("celu", [2.0], F.celu(x, 2.0)),
        ("softplus", [2.0, 4.0], F.softplus(x, 2.0, 4.0)), ("hardshrink", [1.0], F.hardshrink(x, 1.0)), ("softshrink", [1.0], F.softshrink(x, 1.0)),
        ("threshold", [0.5, -7.0], F.threshold(x, 0.5, -7.0)), ("clamp", [-1.0, 2.0], x.clamp(-1.0, 2.0)), ("clamp", [0.5, INF], x.clamp(min=0.5)),
        ("clamp", [-INF, 0.5], x.clamp(max=0.5)), ("clamp", [2.0, -1.0], x.clamp(2.0, -1.0)), ("pow", [2.0], tame.pow(2.0)),
    ]
    for kind, params, y in with_params:
        case("unary", [tame if kind == "pow" else x], dict(kind=kind, params=params), y, rtol=4e-6, atol=1e-6)
    for exponent in (0.0, 1.0, 3.0, -1.0, -2.0, 0.5, 2.5, -0.5, 5.0):
        t = tame if float(exponent).is_integer() else positive
        case("unary", [t], dict(kind="pow", params=[exponent]), t.pow(exponent), rtol=4e-6, atol=1e-6)
    whole = ints((9,), 6, -5, 5)
    for kind, f in {"abs": torch.abs, "neg": torch.neg, "relu": F.relu, "sign": torch.sign, "square": torch.square, "bitwise_not": torch.bitwise_not,
                    "logical_not": torch.logical_not}.items():
        case("unary", [whole], dict(kind=kind, params=[]), f(whole))
    case("unary", [whole], dict(kind="clamp", params=[-2, 3]), whole.clamp(-2, 3))
    flags = torch.tensor([True, False])
    case("unary", [flags], dict(kind="bitwise_not", params=[]), torch.bitwise_not(flags))


def binaries():
    pairs = [((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1, 3), (4, 1)), ((), (3,)), ((2, 0), (1,))]
    floats = {
        "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "div_floor": lambda a, b: torch.div(a, b, rounding_mode="floor"),
        "div_trunc": lambda a, b: torch.div(a, b, rounding_mode="trunc"), "remainder": torch.remainder, "fmod": torch.fmod, "maximum": torch.maximum,
        "minimum": torch.minimum, "atan2": torch.atan2, "eq": torch.eq, "ne": torch.ne, "lt": torch.lt, "le": torch.le, "gt": torch.gt, "ge": torch.ge,
        "logical_and": torch.logical_and, "logical_or": torch.logical_or, "logical_xor": torch.logical_xor,
    }
    for kind, f in floats.items():
        for k, (a, b) in enumerate(pairs if kind in ("add", "mul", "lt") else pairs[1:3]):
            x, y = fill(a, k, -3, 3), fill(b, k + 10, -3, 3)
            case("binary", [x, y], dict(kind=kind), f(x, y))
    special = torch.tensor([0.0, 1.0, -1.0, INF, -INF, math.nan])
    a, b = special.reshape(6, 1), special.reshape(1, 6)
    for kind in ("add", "mul", "div", "maximum", "minimum", "eq", "ne", "lt", "ge", "logical_and", "logical_or", "logical_xor"):
        case("binary", [a, b], dict(kind=kind), floats[kind](a, b))
    x, y = fill((5,), 1), fill((5,), 2)
    case("binary", [x, y], dict(kind="add", alpha=2.5), torch.add(x, y, alpha=2.5))
    case("binary", [x, y], dict(kind="sub", alpha=-0.5), torch.sub(x, y, alpha=-0.5))
    case("binary", [x], dict(kind="sub", scalar=1.5, reversed=True), torch.rsub(x, 1.5))
    case("binary", [x], dict(kind="div", scalar=3.0), x / 3.0)
    case("binary", [x], dict(kind="pow", scalar=2.0, reversed=True), 2.0 ** x)
    base = torch.tensor([-2.0, -2.0, -3.0, 0.0, 0.0, -1.5, 2.0, 0.0, 4.0])
    exponent = torch.tensor([3.0, 2.0, -1.0, 2.0, 0.0, 4.0, 0.5, -1.0, -0.5])
    case("binary", [base, exponent], dict(kind="pow"), torch.pow(base, exponent))
    w = fill((1, 3, 1), 3, -1, 1)
    z = fill((2, 3, 2), 4)
    case("binary", [z, w], dict(kind="prelu"), F.prelu(z, w.reshape(3)))
    i, j = ints((12,), 5, -7, 7), ints((12,), 6, 1, 4)
    j[::2] *= -1
    whole = {
        "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div_floor": floats["div_floor"], "div_trunc": floats["div_trunc"], "remainder": torch.remainder,
        "fmod": torch.fmod, "maximum": torch.maximum, "minimum": torch.minimum, "eq": torch.eq, "lt": torch.lt, "bitwise_and": torch.bitwise_and,
        "bitwise_or": torch.bitwise_or, "bitwise_xor": torch.bitwise_xor, "logical_and": torch.logical_and,
    }
    for kind, f in whole.items():
        case("binary", [i, j], dict(kind=kind), f(i, j))
        case("binary", [i.to(torch.int32), j], dict(kind=kind), f(i.to(torch.int32), j))
    case("binary", [i, j.abs()], dict(kind="pow"), torch.pow(i, j.abs()))
    case("binary", [i.abs(), j.abs()], dict(kind="bitwise_left_shift"), torch.bitwise_left_shift(i.abs(), j.abs()))
    case("binary", [i, j.abs()], dict(kind="bitwise_right_shift"), torch.bitwise_right_shift(i, j.abs()))
    p, q = torch.tensor([False, False, True, True]), torch.tensor([False, True, False, True])
    for kind, f in {"add": torch.add, "mul": torch.mul, "bitwise_and": torch.bitwise_and, "bitwise_or": torch.bitwise_or, "bitwise_xor": torch.bitwise_xor,
                    "logical_xor": torch.logical_xor, "eq": torch.eq}.items():
        case("binary", [p, q], dict(kind=kind), f(p, q))


def joins():
    c = ints((3, 1), 1, 0, 1, torch.bool)
    case("where", [c, fill((1, 4), 2), fill((3, 4), 3)], {}, torch.where(c, fill((1, 4), 2), fill((3, 4), 3)))
    case("where", [c, torch.tensor(7), ints((3, 2), 3, -5, 5)], {}, torch.where(c, torch.tensor(7), ints((3, 2), 3, -5, 5)))
    for dim, shapes in [(0, [(2, 3), (1, 3)]), (1, [(2, 1), (2, 3), (2, 0)]), (-1, [(2, 2, 1), (2, 2, 2)]), (1, [(0,), (2, 2)]), (2, [(1, 2, k % 3 + 1) for k in range(10)])]:
        parts = [fill(s, k) for k, s in enumerate(shapes)]
        case("cat", parts, dict(dim=dim), torch.cat(parts, dim))
    case("cat", [ints((2,), 1, -9, 9), ints((3,), 2, -9, 9)], dict(dim=0), torch.cat([ints((2,), 1, -9, 9), ints((3,), 2, -9, 9)]))
    x = fill((1, 2, 4, 5), 5)
    for mode, padding in [("constant", (1, 2)), ("constant", (1, 2, 0, 3)), ("constant", (-1, 2, 1, -2)), ("constant", (0, 0, 1, 1, 2, 0)), ("reflect", (2, 3, 1, 2)),
                          ("replicate", (2, 0, 5, 1)), ("circular", (2, 5, 1, 4))]:
        value = 0.5 if mode == "constant" else 0.0
        case("pad", [x], dict(padding=padding, mode=mode, value=value), F.pad(x, padding, mode, value if mode == "constant" else None))
    i = ints((2, 3), 6, -9, 9)
    case("pad", [i], dict(padding=(1, 0, 0, 1), mode="constant", value=4), F.pad(i, (1, 0, 0, 1), "constant", 4))
    table, index = fill((5, 3), 7), ints((2, 4), 8, 0, 4)
    case("index_select", [table, index], dict(dim=0), F.embedding(index, table))
    case("index_select", [x, torch.tensor([3, 0, 3])], dict(dim=2), x.index_select(2, torch.tensor([3, 0, 3])))
    case("index_select", [i, torch.tensor(1)], dict(dim=1), i[:, 1])
    for dim in (0, 1, -1):
        at = ints((2, 2) if dim != 0 else (4, 3), 9, 0, 1 if dim == 0 else 2)
        case("gather", [i, at], dict(dim=dim), i.gather(dim, at))
        case("gather", [i.float(), at], dict(dim=dim), i.float().gather(dim, at))
    case("flip", [x], dict(dims=(2, 3)), x.flip(2, 3))
    base, to, new = fill((9,), 3), torch.tensor([0, 4, 4, -1]), fill((4,), 4)
    case("scatter", [base, to, new], dict(mode="add"), base.index_add(0, to % 9, new))
    case("scatter", [base, to[1:], new[:1].expand(3)], dict(mode="set"), base.index_fill(0, to[1:] % 9, new[0].item()))
    for mode, name in (("mul", "prod"), ("amax", "amax"), ("amin", "amin")):
        case("scatter", [base, to, new], dict(mode=mode), base.scatter_reduce(0, to % 9, new, name))
    grid = fill((1, 3, 2, 2), 8, -1.25, 1.25)
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            for align in (False, True):
                case("grid_sampler_2d", [x, grid], dict(mode=mode, paddingMode=padding, alignCorners=align), F.grid_sample(x, grid, mode, padding, align))
    for size, scale, align in [((8, 10), None, False), ((8, 10), None, True), ((3, 2), None, False), ((7, 11), None, True), ((1, 1), None, True), ((4, 5), None, False)]:
        case("upsample_bilinear2d", [x], dict(outputSize=size, scales=scale, alignCorners=align), F.interpolate(x, size, mode="bilinear", align_corners=align))
        case("upsample_nearest2d", [x], dict(outputSize=size, scales=scale, alignCorners=False), F.interpolate(x, size, mode="nearest"))
    for factor in (1.5, 2.0, 0.6):
        for mode in ("nearest", "bilinear"):
            y = F.interpolate(x, scale_factor=factor, mode=mode)
            case(f"upsample_{mode}2d", [x], dict(outputSize=list(y.shape[2:]), scales=[factor, factor], alignCorners=False), y)


def reductions():
    x = fill((2, 3, 4), 1)
    bad = x.clone()
    bad[0, 1, 2] = math.nan
    whole = ints((2, 3, 4), 2, -3, 3)
    for dims in [(), (0,), (1,), (-1,), (0, 2), (0, 1, 2)]:
        for keep in (False, True):
            if keep and dims == (1,):
                continue
            full = dims or (0, 1, 2)
            attrs = dict(dims=dims, keepdim=keep)
            case("reduce", [x], {**attrs, "kind": "sum"}, x.sum(full, keep))
            case("reduce", [x], {**attrs, "kind": "mean"}, x.mean(full, keep))
            case("reduce", [x], {**attrs, "kind": "amax"}, x.amax(full, keep))
            case("reduce", [bad], {**attrs, "kind": "amin"}, bad.amin(full, keep))
            case("reduce", [whole], {**attrs, "kind": "sum"}, whole.sum(full, keep))
            case("reduce", [whole], {**attrs, "kind": "amax"}, whole.amax(full, keep))
            case("reduce", [x], {**attrs, "kind": "var"}, x.var(full, keepdim=keep))
            case("reduce", [x], {**attrs, "kind": "std", "correction": 0}, x.std(full, correction=0, keepdim=keep))
            case("reduce", [x], {**attrs, "kind": "norm2"}, torch.linalg.vector_norm(x, 2, full, keep))
            case("reduce", [whole], {**attrs, "kind": "any"}, torch.any(whole, full, keep))
            case("reduce", [whole], {**attrs, "kind": "all"}, torch.all(whole, full, keep))
    for dim in (0, 1, 2):
        for kind in ("argmax", "argmin"):
            case("reduce", [x], dict(kind=kind, dims=(dim,), keepdim=False), getattr(x, kind)(dim))
            case("reduce", [bad], dict(kind=kind, dims=(dim,), keepdim=True), getattr(bad, kind)(dim, True))
        case("reduce", [x], dict(kind="prod", dims=(dim,), keepdim=False), x.prod(dim))
        case("reduce", [whole], dict(kind="prod", dims=(dim,), keepdim=True), whole.prod(dim, True))
        case("cumsum", [x], dict(dim=dim), x.cumsum(dim))
        case("cumsum", [whole], dict(dim=dim), whole.cumsum(dim))
        for largest in (True, False):
            case("topk", [x], dict(k=2, dim=dim, largest=largest), list(x.topk(2, dim, largest)))
        order = torch.sort(whole, dim=dim, stable=True)
        case("topk", [whole], dict(k=whole.shape[dim], dim=dim, largest=False), [order.values, order.indices])
        down = torch.sort(whole, dim=dim, descending=True, stable=True)
        case("topk", [whole], dict(k=whole.shape[dim], dim=dim, largest=True), [down.values, down.indices])
    case("reduce", [x], dict(kind="argmax", dims=(), keepdim=False), x.argmax())
    case("reduce", [torch.zeros(2, 0)], dict(kind="sum", dims=(1,), keepdim=False), torch.zeros(2, 0).sum(1))
    case("reduce", [torch.zeros(2, 0)], dict(kind="mean", dims=(1,), keepdim=False), torch.zeros(2, 0).mean(1))
    case("cumsum", [torch.tensor([True, False, True])], dict(dim=0), torch.tensor([True, False, True]).cumsum(0))
    low, high = torch.aminmax(x)
    case("min_max", [x], {}, torch.stack([low, high, torch.tensor(0.0)]))
    for bins, lo, hi in [(8, -2.0, 2.0), (5, -1.0, 1.5), (7, 0.3, 0.9)]:
        y = fill((200,), 4)
        case("histogram", [y], dict(bins=bins, min=lo, max=hi), torch.histc(y, bins, lo, hi).to(torch.int32))
    same = torch.full((10,), 1.5)
    case("histogram", [same], dict(bins=4, min=1.5, max=1.5), torch.histc(same, 4).to(torch.int32))


def casts():
    floats = torch.tensor([0.0, -0.0, 1.5, -1.5, 2.9, -2.9, 100.7, 255.0, 65504.0, 1.0009765625, 1.00048828125, 3.0e-6, 70000.0])
    whole = torch.tensor([0, 1, -1, 127, 128, 255, 256, 300, -200, 40000, -40000, 16777217])
    for name in ("float16", "bfloat16", "int64", "int32", "bool"):
        case("cast", [floats], dict(dtype=name), floats.to(getattr(torch, name)))
    # Whole numbers that the narrow types can hold or wrap; floats outside their range are not defined in PyTorch.
    for name in ("int16", "uint8", "int8"):
        some = floats[:7].abs() if name == "uint8" else floats[:7]
        case("cast", [some], dict(dtype=name), some.to(getattr(torch, name)))
    for name in ("float32", "float16", "bfloat16", "int32", "int16", "uint8", "int8", "bool"):
        case("cast", [whole], dict(dtype=name), whole.to(getattr(torch, name)))
    for source in (torch.uint8, torch.int8, torch.bool, torch.int16):
        t = torch.tensor([0, 1, 100, 127]).to(source)
        for name in ("float32", "int64", "bool"):
            case("cast", [t], dict(dtype=name), t.to(getattr(torch, name)))


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for section in (convolutions, products, norms, pools, unaries, binaries, joins, reductions, casts):
        section()
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "float_cases.json")
    with open(path, "w", encoding="utf-8") as out:
        out.write('{"torch":"%s","cases":[\n' % torch.__version__)
        out.write(",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False) for c in cases))
        out.write("\n]}\n")
    print(f"{len(cases)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
