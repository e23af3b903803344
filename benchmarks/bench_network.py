# SPDX-License-Identifier: Apache-2.0
"""The learned extractor's network, layer by layer and whole, on each instruction set.

``extra_info`` tells the rate of each layer in multiply-adds; the limit of the arithmetic is that of
64 of them (AVX-512 VNNI: ``vpdpbusd``) or 16 (AVX2: ``vpmaddwd`` and ``vpaddd``) an instruction,
two of which start in a cycle on the processors of `benchmarks/README.md`.
"""

import numpy as np
import pytest

from ektp_hw import native
from ektp_hw.fingerprint.network.floating import FloatNetwork
from ektp_hw.fingerprint.network.layers import LAYERS, PICTURE
from ektp_hw.fingerprint.network.quantisation import quantised

ROWS, COLUMNS = 376, 392
"""388 x 374 pixels, the size of FVC2002 DB1, in whole cells."""
OUTPUTS = {"a": 16, "b": 32, "c": 32, "h": 32, "i": 32, "j": 32, "flow": 4, "find": 6}
"""64 elsewhere."""


def shapes():
    """Return each layer with rows and columns of its source, channels in and out."""
    sizes = {PICTURE: (ROWS // 2, COLUMNS // 2, 4)}
    for layer in LAYERS:
        rows, columns, inputs = sizes[layer.source]
        outputs = OUTPUTS.get(layer.name, 64)
        sizes[layer.name] = (
            rows // layer.step * layer.repeat,
            columns // layer.step * layer.repeat,
            outputs,
        )
        yield layer, rows, columns, inputs, outputs


@pytest.mark.parametrize("number", range(len(LAYERS)), ids=[each.name for each in LAYERS])
def bench_convolve(benchmark, isa, number):
    layer, rows, columns, inputs, outputs = list(shapes())[number]
    random = np.random.default_rng(1)
    source = native.Plane(rows, columns, inputs, layer.reach)
    source.inside[:] = random.integers(0, 256, source.inside.shape)
    weights = random.integers(-127, 128, (outputs, inputs, layer.side, layer.side), np.int8)
    scale, shift = np.full(outputs, 1e-3, np.float32), np.zeros(outputs, np.float32)
    packed = native.pack_convolution(weights, scale, shift)
    rows, columns = rows // layer.step, columns // layer.step
    size = rows * layer.repeat, columns * layer.repeat
    out = np.empty((*size, outputs), np.float32) if layer.is_head else native.Plane(*size, outputs)
    benchmark(
        native.convolve,
        source,
        packed,
        out,
        step=layer.step,
        dilation=layer.dilation,
        repeat=layer.repeat,
        added=native.Plane(*size, outputs) if layer.added else None,
    )
    seconds = benchmark.stats.stats.min if benchmark.stats else 1.0
    multiplied = rows * columns * weights.size
    benchmark.extra_info |= {
        "isa": isa.name.lower(),
        "million_multiply_adds": multiplied / 1e6,
        "billion_multiply_adds_a_second": multiplied / seconds / 1e9,
    }


def bench_network(benchmark, isa):
    """The whole network about one evened picture of 388 x 374 pixels."""
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (374, 388), np.uint8)
    weights, biases = {}, {}
    for layer, _, _, inputs, outputs in shapes():
        shape = (outputs, inputs, layer.side, layer.side)
        spread = (2 / np.prod(shape[1:])) ** 0.5
        weights[layer.name] = random.normal(0, spread, shape).astype(np.float32)
        biases[layer.name] = np.zeros(outputs, np.float32)
    network = quantised(FloatNetwork(LAYERS, weights, biases), [picture[:64, :64]], {})
    benchmark.extra_info["isa"] = isa.name.lower()
    benchmark(network.run, picture)
