# SPDX-License-Identifier: Apache-2.0
"""The command line as a test sees it: an exit code and what was printed."""

import json
import zlib
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from ektp_hw.cli.__main__ import run
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import SyntheticPerson


class Outcome(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def ektp_hw(capsys):
    """Run one command line inside this process."""

    def call(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture
def refused(ektp_hw):
    """Run a command line that must fail: code 2, nothing answered, one sentence; return it."""

    def call(*arguments):
        outcome = ektp_hw(*arguments)
        assert_refused(outcome)
        return outcome.err

    return call


def assert_refused(outcome):
    assert outcome.code == 2, outcome
    assert not outcome.out, outcome
    assert outcome.err.startswith("ektp-hw: "), outcome
    assert outcome.err.count("\n") == 1, outcome
    assert "Traceback" not in outcome.err


@pytest.fixture
def one_sentence():
    """Return the check for a refused command line that ran in another process."""
    return assert_refused


@pytest.fixture
def picture(tmp_path):
    """Write an array as a PNG file and return its path."""

    def write(pixels, name="picture.png", **options):
        path = tmp_path / name
        Image.fromarray(np.asarray(pixels)).save(path, **options)
        return path

    return write


@pytest.fixture(scope="session")
def prints(tmp_path_factory):
    """Return a folder with two impressions of three synthetic fingers: 1_1.png to 3_2.png."""
    folder = tmp_path_factory.mktemp("prints")
    for seed in (1, 2, 3):
        finger = SyntheticPerson(seed).finger(FingerPosition.RIGHT_INDEX)
        for number in (1, 2):
            pixels = finger.impression(number).image.pixels
            Image.fromarray(pixels).save(folder / f"{seed}_{number}.png", dpi=(500, 500))
    return folder


@pytest.fixture
def huge_png(tmp_path):
    """Return a small file that says it holds 20 000 x 20 000 pixels."""

    def chunk(kind, body):
        crc = zlib.crc32(kind + body)
        return len(body).to_bytes(4, "big") + kind + body + crc.to_bytes(4, "big")

    side = (20_000).to_bytes(4, "big")
    path = tmp_path / "huge.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", side + side + bytes([8, 0, 0, 0, 0]))
        + chunk(b"IDAT", zlib.compress(bytes(20_001)))
        + chunk(b"IEND", b"")
    )
    return path
