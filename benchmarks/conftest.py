# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of kernels share."""

import pytest

from ektp_hw import native


@pytest.fixture(params=native.available_isas(), ids=lambda isa: isa.name.lower())
def isa(request):
    before = native.isa()
    native.use_isa(request.param)
    yield request.param
    native.use_isa(before)
