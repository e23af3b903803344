# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import struct
import time

import numpy as np
import pytest

import networks
from ektp_hw.errors import ExtractorUnavailable
from ektp_hw.fingerprint.network import read_network, weight_file

NETWORK = networks.in_eight_bits(1)
CONTENT = weight_file.to_bytes(NETWORK)


def sealed(body):
    return body + hashlib.sha256(body).digest()


def changed(change):
    """The file with another header, and a right checksum."""
    length = struct.unpack_from("<I", CONTENT, 8)[0]
    header = json.loads(CONTENT[12 : 12 + length])
    change(header)
    text = json.dumps(header).encode()
    start = CONTENT[:8] + struct.pack("<I", len(text))
    return sealed(start + text + CONTENT[12 + length : -32])


def test_written_and_read_it_is_the_same_network(tmp_path):
    (tmp_path / "weights").write_bytes(CONTENT)
    network = read_network(tmp_path / "weights")
    assert network.origin == NETWORK.origin
    picture = networks.noise(1, 60, 50)
    found, wanted = network.run(picture), NETWORK.run(picture)
    np.testing.assert_array_equal(found.find, wanted.find)
    np.testing.assert_array_equal(found.flow, wanted.flow)
    assert weight_file.to_bytes(network) == CONTENT


def test_it_is_small_and_read_in_five_milliseconds(tmp_path):
    assert len(CONTENT) < 400_000
    (tmp_path / "weights").write_bytes(CONTENT)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        read_network(tmp_path / "weights")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.005


@pytest.mark.parametrize("length", [0, 3, 12, 40, 300, 10_000, len(CONTENT) - 1])
def test_a_file_cut_short_is_refused(length):
    with pytest.raises(ExtractorUnavailable, match=r"damaged|no network"):
        weight_file.from_bytes(CONTENT[:length])


@pytest.mark.parametrize("place", [0, 5, 20, 400, 3000, 100_000, len(CONTENT) - 1])
def test_a_flipped_bit_is_noticed(place):
    damaged = bytearray(CONTENT)
    damaged[place] ^= 4
    with pytest.raises(ExtractorUnavailable, match="the file of weights"):
        weight_file.from_bytes(bytes(damaged))


@pytest.mark.parametrize(
    "content",
    [
        sealed(CONTENT[:-40]),
        sealed(CONTENT[:-32] + bytes(4)),
        sealed(CONTENT[:8] + struct.pack("<I", 10**9) + CONTENT[12:-32]),
        changed(lambda header: header.pop("layers")),
        changed(lambda header: header.pop("origin")),
        changed(lambda header: header.update(layers=7)),
        changed(lambda header: header.update(layers=[])),
        changed(lambda header: header["layers"].pop()),
        changed(lambda header: header["layers"][0].update(outputs=-16)),
        changed(lambda header: header["layers"][0].update(outputs=10**12)),
        changed(lambda header: header["layers"][0].update(outputs="16")),
        changed(lambda header: header["layers"][0].update(side=None)),
        changed(lambda header: header["layers"][0].update(unit="much")),
        changed(lambda header: header["layers"][0].update(unit=-1.0)),
        changed(lambda header: header["layers"][0].update(dilation=1.5)),
        changed(lambda header: header["layers"][0].update(colour="red")),
        changed(lambda header: header["layers"][5].update(source="x")),
        changed(lambda header: header["layers"][5].update(added=[1])),
    ],
)
def test_a_file_that_does_not_fit_itself_is_refused(content):
    with pytest.raises(ExtractorUnavailable, match="no network of this release"):
        weight_file.from_bytes(content)


def test_a_newer_file_says_so():
    newer = sealed(CONTENT[:4] + struct.pack("<I", 2) + CONTENT[8:-32])
    with pytest.raises(ExtractorUnavailable, match=r"version 2.*install the newer release"):
        weight_file.from_bytes(newer)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ExtractorUnavailable, match=r"nowhere.*cannot be read"):
        read_network(tmp_path / "nowhere")
