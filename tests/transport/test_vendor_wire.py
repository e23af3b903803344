# SPDX-License-Identifier: Apache-2.0
"""Errors keep their class on the way out of a maker's process; garbage is told from an answer."""

import pytest

from ektp_hw.errors import (
    CardError,
    DeviceBusy,
    DeviceError,
    DeviceUnavailable,
    RetryAdvice,
    RetryCapture,
    UnavailableReason,
)
from ektp_hw.transport import vendor_wire


class OurOwn(DeviceBusy):
    """A stranger's own class crosses as the nearest one that is known."""


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (DeviceBusy("it is held"), DeviceBusy, "x:1: it is held"),
        (OurOwn("it is held"), DeviceBusy, "x:1: it is held"),
        (CardError("refused", status_word=0x6982), CardError, "x:1: refused (status 6982)"),
        (KeyError("slip"), DeviceError, "x:1: the driver's part beside the maker's library failed"),
    ],
)
def test_errors_cross(raised, kind, text):
    answer = vendor_wire.unpack(vendor_wire.pack(vendor_wire.failure(raised)))
    error = vendor_wire.error_of(answer, "x:1")
    assert type(error) is kind
    assert str(error).startswith(text)
    assert getattr(error, "status_word", None) == getattr(raised, "status_word", None)


def test_reasons_and_advice_cross():
    lack = DeviceUnavailable("gone", reason=UnavailableReason.LIBRARY_MISSING)
    assert vendor_wire.error_of(vendor_wire.failure(lack), "x").reason is lack.reason
    retry = RetryCapture(RetryAdvice.WIPE_SCANNER)
    assert vendor_wire.error_of(vendor_wire.failure(retry), "x").advice is retry.advice


@pytest.mark.parametrize("raw", [b"\xff", b"[1]", b"7", b"{", b"", b"[" * 60_000])
def test_garbage_is_no_message(raw):
    with pytest.raises(ValueError):  # noqa: PT011  # json words it differently each time
        vendor_wire.unpack(raw)


@pytest.mark.parametrize(
    "answer", [{}, {"fails": "Exception", "says": "x"}, {"fails": "RetryCapture", "says": "x"}]
)
def test_an_error_that_is_none(answer):
    with pytest.raises(KeyError):
        vendor_wire.error_of(answer, "x")
