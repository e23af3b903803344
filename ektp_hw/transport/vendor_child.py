# SPDX-License-Identifier: Apache-2.0
"""The process in which a maker's closed library lives; started by `vendor_process`.

It answers one call after another until its station closes the connection, and the kernel kills it
when the station's process ends, whatever the library is doing then. It writes no core file: one
could hold somebody's finger.
"""

from __future__ import annotations

import faulthandler
import fcntl
import mmap
import os
import resource
import select
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from ektp_hw.errors import DeviceUnavailable, UnavailableReason
from ektp_hw.transport import vendor_wire

__all__ = ["load_library", "main"]

_MACHINES = {3: "32-bit x86", 40: "32-bit ARM", 62: "64-bit x86", 183: "64-bit ARM", 243: "RISC-V"}
"""e_machine of the ELF header (System V ABI)."""


def load_library(definitions: str, path: str) -> tuple[Any, Any]:
    """Load a maker's library by cffi's ABI mode and check that it has what the driver needs.

    Parameters
    ----------
    definitions
        C declarations of the functions and types used, as `cffi.FFI.cdef` takes them.
    path
        The file, or a name that the system's loader finds.

    Returns
    -------
    tuple
        The `cffi.FFI` and the library.

    Raises
    ------
    DeviceUnavailable
        If the file is missing, is for another kind of processor, lacks a library it needs itself,
        or is a version without one of the functions.
    """
    import cffi

    ffi = cffi.FFI()
    ffi.cdef(definitions)
    try:
        library = ffi.dlopen(path)
    except OSError as error:
        raise _not_loaded(path, str(error)) from error
    for name in dir(library):
        if not hasattr(library, name):
            raise DeviceUnavailable(
                f"the maker's library lacks the function {name}; install the version of the kit"
                " that this driver was written for",
                reason=UnavailableReason.UNSUPPORTED,
            )
    return ffi, library


def main() -> None:
    """Answer calls; the command line has three file descriptors and ``module:class``."""
    calls, memory, lifeline = (int(text) for text in sys.argv[1:4])
    _die_with(lifeline)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    for descriptor in (calls, memory):
        os.set_inheritable(descriptor, False)
    with socket.socket(fileno=calls) as link:
        _serve(link, sys.argv[4], _mapped(memory))


def _die_with(lifeline: int) -> None:
    """Let the kernel kill this process as soon as the station's end of the pipe is closed.

    PR_SET_PDEATHSIG would do it when the *thread* ends that started us, which is too early.
    """
    os.set_inheritable(lifeline, False)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        sys.exit("the station has ended")


def _mapped(descriptor: int) -> memoryview:
    size = os.fstat(descriptor).st_size
    memory = memoryview(mmap.mmap(descriptor, size)) if size else memoryview(bytearray())
    os.close(descriptor)
    return memory


def _serve(link: socket.socket, target: str, memory: memoryview) -> None:
    kit: Any = None

    def begin(*arguments: object) -> None:
        nonlocal kit
        module, _, name = target.partition(":")
        kit = getattr(import_module(module), name)(memory, *arguments)

    while raw := link.recv(vendor_wire.LONGEST):
        question = vendor_wire.unpack(raw)
        owner, name = (kit, question["call"]) if kit else (begin, "__call__")
        link.send(_answer(owner, name, question["with"]))
    if hasattr(kit, "close"):
        kit.close()


def _answer(owner: object, name: str, arguments: list[Any]) -> bytes:
    try:
        return vendor_wire.pack({"gives": getattr(owner, name)(*arguments)})
    except Exception as error:  # noqa: BLE001  # whatever it is, the station shall hear of it
        return vendor_wire.pack(vendor_wire.failure(error))


def _not_loaded(path: str, why: str) -> DeviceUnavailable:
    """Say why the loader refused a library; its own words name the wrong cause at times."""
    reason = UnavailableReason.UNSUPPORTED
    kind = _kind_of(path)
    if kind is None:
        advice = f"the maker's library '{path}' is not there; install the maker's kit"
        reason = UnavailableReason.LIBRARY_MISSING
    elif kind != (own := _kind_of("/proc/self/exe")):
        advice = f"the maker's library is for {kind}, this program for {own}; install the other kit"
    else:
        advice = f"the maker's library cannot be loaded ({why}); install what it lacks"
        reason = UnavailableReason.LIBRARY_MISSING
    return DeviceUnavailable(advice, reason=reason)


def _kind_of(path: str) -> str | None:
    """Return for which processor a library was built, None if there is no such file."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(20)
    except OSError:
        return None
    if head[:2] == b"MZ":
        return "Windows"
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return "no processor at all (it is no library)"
    machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    return _MACHINES.get(machine, f"a processor of kind {machine}")


if __name__ == "__main__":
    main()
