# SPDX-License-Identifier: Apache-2.0
"""Finds and describes the system's PC/SC library: one interface, three sets of C types.

The functions and structures are those of PC/SC part 5 as each platform's own header declares
them. They differ in width: ``DWORD`` is ``unsigned long`` (64 bits on 64-bit Linux) in
pcsc-lite, 32 bits on macOS and Windows; handles are ``long``, ``int32_t`` and ``ULONG_PTR``;
macOS packs its structures; Windows spells the functions that take text with a final A.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any, NamedTuple

from ektp_hw.errors import DeviceUnavailable, UnavailableReason

__all__ = ["Library", "load", "types_of"]


class Library(NamedTuple):
    """The loaded library and the cffi instance that knows its types."""

    ffi: Any
    functions: Any
    text_suffix: str
    control: str = "SCardControl"
    """The function that reaches the reader's driver; macOS has it under another name."""

    def text_function(self, name: str) -> Any:  # noqa: ANN401  # cffi's own type is dynamic
        """Return the variant of a function that takes 8-bit text."""
        return getattr(self.functions, name + self.text_suffix)


class _Platform(NamedTuple):
    file_names: tuple[str, ...]
    types: str
    atr_size: int
    text_suffix: str
    packed: bool
    advice: str
    control: str = "SCardControl"


_LINUX = _Platform(
    ("libpcsclite.so.1",),
    "typedef long LONG; typedef unsigned long DWORD; typedef long HANDLE_;",
    33,
    "",
    False,
    "install it (package libpcsclite1 on Debian and Ubuntu, pcsc-lite elsewhere)",
)
_PLATFORMS = {
    "darwin": _Platform(
        ("/System/Library/Frameworks/PCSC.framework/PCSC",),
        "typedef int32_t LONG; typedef uint32_t DWORD; typedef int32_t HANDLE_;",
        33,
        "",
        True,
        "it is part of macOS, so repair the system",
        "SCardControl132",
    ),
    "win32": _Platform(
        ("winscard.dll",),
        "typedef int32_t LONG; typedef uint32_t DWORD; typedef uintptr_t HANDLE_;",
        36,
        "A",
        False,
        "it is part of Windows, so repair the system",
    ),
}

_STRUCTURES = """
typedef struct {{
    const char *szReader; void *pvUserData;
    DWORD dwCurrentState; DWORD dwEventState; DWORD cbAtr; unsigned char rgbAtr[{atr}];
}} READER_STATE;
typedef struct {{ DWORD dwProtocol; DWORD cbPciLength; }} IO_REQUEST;
"""

_FUNCTIONS = """
LONG SCardEstablishContext(DWORD, const void *, const void *, HANDLE_ *);
LONG SCardReleaseContext(HANDLE_);
LONG SCardListReaders{a}(HANDLE_, const char *, char *, DWORD *);
LONG SCardGetStatusChange{a}(HANDLE_, DWORD, READER_STATE *, DWORD);
LONG SCardCancel(HANDLE_);
LONG SCardConnect{a}(HANDLE_, const char *, DWORD, DWORD, HANDLE_ *, DWORD *);
LONG SCardDisconnect(HANDLE_, DWORD);
LONG SCardStatus{a}(HANDLE_, char *, DWORD *, DWORD *, DWORD *, unsigned char *, DWORD *);
LONG SCardTransmit(HANDLE_, const IO_REQUEST *, const unsigned char *, DWORD, IO_REQUEST *,
                   unsigned char *, DWORD *);
LONG SCardIsValidContext(HANDLE_);
LONG SCardBeginTransaction(HANDLE_);
LONG SCardEndTransaction(HANDLE_, DWORD);
LONG {control}(HANDLE_, DWORD, const void *, DWORD, void *, DWORD, DWORD *);
LONG SCardGetAttrib(HANDLE_, DWORD, unsigned char *, DWORD *);
"""


def types_of(platform: str = sys.platform) -> Any:  # noqa: ANN401  # cffi's own type is dynamic
    """Return a cffi instance that knows the platform's PC/SC types; loads no library."""
    from cffi import FFI

    wanted = _PLATFORMS.get(platform, _LINUX)
    ffi = FFI()
    ffi.cdef(wanted.types)
    ffi.cdef(_STRUCTURES.format(atr=wanted.atr_size), pack=1 if wanted.packed else None)
    ffi.cdef(_FUNCTIONS.format(a=wanted.text_suffix, control=wanted.control))
    return ffi


@lru_cache(maxsize=4)
def load(file_name: str | None = None, platform: str = sys.platform) -> Library:
    """Load the platform's PC/SC library; nothing is asked of its service yet.

    Parameters
    ----------
    file_name
        Another library than the platform's own.
    platform
        `sys.platform` of the machine whose types are meant.

    Raises
    ------
    DeviceUnavailable
        With reason ``LIBRARY_MISSING``, saying what to install.
    """
    wanted = _PLATFORMS.get(platform, _LINUX)
    ffi = types_of(platform)
    reasons = []
    for name in (file_name,) if file_name else wanted.file_names:
        try:
            return Library(ffi, ffi.dlopen(name), wanted.text_suffix, wanted.control)
        except OSError as failure:
            reasons.append(str(failure).splitlines()[0])
    raise DeviceUnavailable(
        f"the PC/SC library that card readers need cannot be loaded; {wanted.advice}"
        f" ({'; '.join(reasons)})",
        reason=UnavailableReason.LIBRARY_MISSING,
    )
