# SPDX-License-Identifier: Apache-2.0
"""What devices say they can do: the record of their kind, complete once they are open."""

import dataclasses

import pytest

import ektp_hw as hw
from ektp_hw.devices import (
    Capabilities,
    CardCapabilities,
    Feature,
    FingerprintCapabilities,
    IrisCapabilities,
    SignatureCapabilities,
)
from ektp_hw.registry import make_device


@pytest.mark.parametrize(
    ("uri", "record"),
    [
        (
            "virtual:fingerprint",
            FingerprintCapabilities(
                width=640,
                height=480,
                ppi=500.0,
                features=frozenset({Feature.LIGHT, Feature.LAMP, Feature.BUZZER, Feature.PREVIEW}),
            ),
        ),
        (
            "virtual:iris",
            IrisCapabilities(
                width=640,
                height=480,
                frames_per_second=pytest.approx(30, abs=0.1),
                formats=("GREY",),
                features=frozenset({Feature.PREVIEW}),
            ),
        ),
        (
            "virtual:card",
            CardCapabilities(
                longest_command=65544,
                slots=2,
                features=frozenset({Feature.PRESENCE, Feature.EXTENDED_COMMANDS}),
            ),
        ),
    ],
)
def test_an_open_device_tells_all(uri, record):
    with hw.open_device(uri) as device:
        assert device.capabilities == record


def test_a_pad_tells_its_own_measures():
    with hw.open_device("virtual:signature") as pad:
        told = pad.capabilities
    assert isinstance(told, SignatureCapabilities)
    assert told.pressure_levels == 1024
    assert told.per_mm == pytest.approx(100)
    assert told.width_mm == pytest.approx(96.0)
    assert told.height_mm == pytest.approx(60.0)
    assert told.rate == 200


@pytest.mark.parametrize("name", ["fingerprint", "iris", "signature", "card"])
def test_a_closed_device_answers_too_and_connects_to_nothing(name):
    device = make_device(f"virtual:{name}")
    assert isinstance(device.capabilities, Capabilities)
    assert not device.is_open


def test_records_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        FingerprintCapabilities(ppi=500).ppi = 1000
