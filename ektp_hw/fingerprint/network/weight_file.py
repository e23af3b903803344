# SPDX-License-Identifier: Apache-2.0
"""The file of weights: what stands in it, and why one that is damaged is never run.

Little-endian::

    offset size
      0     4   magic "EKNW"
      4     4   version (1)
      8     4   length of the header
     12     h   header, JSON: "origin" (for people) and "layers", in the order of computation: the
                fields of `Layer`, "inputs", "outputs" and the "unit" of its result
           ...  of each layer: weights (outputs, inputs, side, side) int8; scale and bias (outputs,)
                float32
           32   SHA-256 of everything before it
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ektp_hw.errors import ExtractorUnavailable
from ektp_hw.fingerprint.network.layers import Layer
from ektp_hw.fingerprint.network.running import ByteLayer, Network

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["from_bytes", "read_network", "to_bytes"]

_MAGIC = b"EKNW"
_VERSION = 1
_START = struct.Struct("<4sII")
_DIGEST = 32


def to_bytes(network: Network) -> bytes:
    """Return the content of the file."""
    described, payload = [], []
    for each in network.byte_layers:
        outputs, inputs = each.weights.shape[:2]
        described.append(
            asdict(each.layer) | {"inputs": inputs, "outputs": outputs, "unit": each.unit}
        )
        payload += [
            each.weights.tobytes(),
            each.scale.astype("<f4").tobytes(),
            each.bias.astype("<f4").tobytes(),
        ]
    header = json.dumps({"origin": network.origin, "layers": described}).encode()
    body = b"".join((_START.pack(_MAGIC, _VERSION, len(header)), header, *payload))
    return body + hashlib.sha256(body).digest()


def from_bytes(content: bytes, name: str = "the file of weights") -> Network:
    """Return the network of a file's content; ``name`` is what messages call it.

    Raises
    ------
    ExtractorUnavailable
        If the content is truncated, damaged, of another kind or of a newer version.
    """
    if len(content) < _START.size + _DIGEST or not content.startswith(_MAGIC):
        raise ExtractorUnavailable(f"{name} holds no network; install ektp_hw again")
    if hashlib.sha256(content[:-_DIGEST]).digest() != content[-_DIGEST:]:
        raise ExtractorUnavailable(
            f"{name} was cut or damaged: its checksum is wrong; install ektp_hw again"
        )
    _, version, length = _START.unpack_from(content)
    if version != _VERSION:
        raise ExtractorUnavailable(
            f"{name} has version {version}, this ektp_hw reads version {_VERSION}; "
            "install the newer release"
        )
    try:
        header = json.loads(content[_START.size : _START.size + length])
        body = memoryview(content)[_START.size + length : -_DIGEST]
        return Network(_layers(header["layers"], body), header["origin"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExtractorUnavailable(
            f"{name} holds no network of this release ({type(error).__name__}: {error}); "
            "install ektp_hw again"
        ) from error


def read_network(path: Path) -> Network:
    """Read a file of weights.

    Raises
    ------
    ExtractorUnavailable
        If it is missing, cannot be read, or is no sound file of weights.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExtractorUnavailable(
            f"{path}: the weights of the network cannot be read ({error.strerror}); "
            "install ektp_hw again or choose another method"
        ) from error
    return from_bytes(content, str(path))


def _layers(described: list[dict[str, Any]], body: memoryview) -> tuple[ByteLayer, ...]:
    layers = []
    for each in described:
        fields = dict(each)
        inputs, outputs, unit = (fields.pop(key) for key in ("inputs", "outputs", "unit"))
        layer = Layer(**fields)
        counts = (inputs, outputs, layer.side, layer.step, layer.dilation, layer.repeat)
        if not all(isinstance(count, int) and count > 0 for count in counts):
            raise ValueError(f"layer {layer.name} has sizes that are no counts")
        shape = (outputs, inputs, layer.side, layer.side)
        weights = np.frombuffer(body, np.int8, int(np.prod(shape)))
        scale, bias = np.frombuffer(body, "<f4", 2 * outputs, weights.nbytes).reshape(2, -1)
        body = body[weights.nbytes + 8 * outputs :]
        layers.append(
            ByteLayer(
                layer,
                weights.reshape(shape),
                scale.astype(np.float32),
                bias.astype(np.float32),
                float(unit),
            )
        )
    if len(body):
        raise ValueError(f"{len(body)} bytes belong to no layer")
    return tuple(layers)
