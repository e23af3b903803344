# SPDX-License-Identifier: Apache-2.0
"""The table of virtual devices, and synthetic people who come to the scanner by themselves."""

import threading

import numpy as np
import pytest

from ektp_hw import registry
from ektp_hw.devices import DeviceKind
from ektp_hw.errors import DeviceNotFound
from ektp_hw.samples import FingerPosition
from ektp_hw.synthetic import SyntheticPerson
from ektp_hw.virtual import platen
from ektp_hw.virtual.station import OFFERS, VirtualStation, station


def test_listing_starts_nothing(desk):
    before = threading.active_count()
    infos = VirtualStation.discover()
    assert {info.uri for info in infos} == {f"virtual:{name}" for name in OFFERS}
    assert infos[0].kind is DeviceKind.FINGERPRINT
    assert threading.active_count() == before
    assert desk._server is None


def test_there_is_one_station():
    assert station() is station()


def test_a_name_that_is_not_offered():
    with pytest.raises(DeviceNotFound, match="no driver knows"):
        registry.open_device("virtual:palm")


@pytest.mark.parametrize("options", ["seed=x", "position=11", "seed=-1", "colour=red"])
def test_wrong_options_are_told(desk, options):
    del desk
    with pytest.raises(ValueError, match="virtual:fingerprint"):
        registry.open_device(f"virtual:fingerprint?{options}")


def test_without_a_script_synthetic_people_come(desk):
    uri = "virtual:fingerprint?seed=7&position=2"
    finger = SyntheticPerson(7).finger(FingerPosition.RIGHT_INDEX)
    for impression in range(2):
        with registry.open_device(uri) as scanner:
            image = scanner.capture(timeout=3)
        assert image.source == uri
        assert np.array_equal(image.pixels, platen.lay(finger.impression(impression).image))
    assert desk.scanner.is_plugged


def test_closing_ends_every_thread(desk):
    before = threading.active_count()
    desk.scanner.present(None)
    registry.open_device("virtual:fingerprint").close()
    assert threading.active_count() == before + 1
    desk.close()
    assert threading.active_count() == before
