# SPDX-License-Identifier: Apache-2.0
"""What the tests of virtual devices share."""

import pytest

from ektp_hw.virtual.station import station


@pytest.fixture
def desk():
    """Give the process-wide station with nothing plugged in, whatever another test left there."""
    station().close()
    yield station()
    station().close()
