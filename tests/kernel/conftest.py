# SPDX-License-Identifier: Apache-2.0
"""A mock machine for each test."""

import pytest

from mock_kernel import Machine


@pytest.fixture
def machine():
    with Machine() as one:
        yield one
