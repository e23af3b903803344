# SPDX-License-Identifier: Apache-2.0
"""A maker's library that cannot be loaded says why, and what to install."""

import pytest

from ektp_hw.errors import DeviceUnavailable, UnavailableReason


def other_processor(library, target, _):
    head = bytearray(library.read_bytes())
    head[18:20] = (243).to_bytes(2, "little")
    target.write_bytes(head)


def lacking_another(_, target, built):
    (target.parent / "more.c").write_text("int more(void) { return 1; }")
    more = built(target.parent / "more.c", target.parent / "libmore.so")
    (target.parent / "all.c").write_text("int more(void); int acme_open(void) { return more(); }")
    built(target.parent / "all.c", target, f"-L{target.parent}", "-lmore")
    more.unlink()


def older(_, target, built):
    (target.parent / "old.c").write_text("int acme_open(void) { return 0; }")
    built(target.parent / "old.c", target)


@pytest.mark.parametrize(
    ("make", "reason", "words"),
    [
        (lambda *_: None, "LIBRARY_MISSING", "is not there; install the maker's kit"),
        (other_processor, "UNSUPPORTED", "is for RISC-V, this program for"),
        (lambda _, at, __: at.write_bytes(b"MZ" + bytes(99)), "UNSUPPORTED", "is for Windows"),
        (lambda _, at, __: at.write_text("see readme"), "UNSUPPORTED", "it is no library"),
        (lacking_another, "LIBRARY_MISSING", "libmore.so.*install what it lacks"),
        (older, "UNSUPPORTED", "lacks the function acme_capture; install the version"),
    ],
)
def test_a_library_that_cannot_be_loaded(
    acme, fault, built, monkeypatch, tmp_path, library, make, reason, words
):
    path = tmp_path / "libacme_ice.so"
    fault("")
    make(library, path, built)
    monkeypatch.setattr(acme, "LIBRARY", str(path))
    scanner = acme.AcmeIce(acme.AcmeIce.locate("acme:1"))
    with pytest.raises(DeviceUnavailable, match=words) as caught:
        scanner.open()
    assert caught.value.reason is UnavailableReason[reason]
    monkeypatch.setattr(acme, "LIBRARY", str(library))
    with acme.AcmeIce(scanner.info) as mended:
        assert mended.capture(timeout=5).pixels.shape == (48, 64)
