# SPDX-License-Identifier: Apache-2.0
"""What the tests of kernels share."""

import pytest

from ektp_hw import native


@pytest.fixture(autouse=True)
def _isa_restored():
    before = native.isa()
    yield
    native.use_isa(before)
