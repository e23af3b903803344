# SPDX-License-Identifier: Apache-2.0
"""One program at a time on a device node: a serial port, hidraw, evdev or video device.

The kernel gives most nodes to whoever opens them, so two programs can read one device and each
get half of what it says. A claim is a lock of the BSD kind (flock(2)) on the open node: the kernel
lets go of it with its last holder's process, however that ends, so no crash leaves a device
claimed. On real serial ports TIOCEXCL (ioctl_tty(2)) also keeps out programs that know no locks.
USB devices need none of this: the kernel's usbfs knows the owner of an interface.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

from ektp_hw.errors import (
    DeviceBusy,
    DeviceError,
    DeviceNotFound,
    DeviceRemoved,
    DeviceUnavailable,
    UnavailableReason,
)
from ektp_hw.transport.base import Connection
from ektp_hw.transport.node_openers import openers, program_name

__all__ = ["Claim", "claim", "holder"]

_LOCKS = Path("/proc/locks")
_GONE = {errno.ENODEV, errno.ENXIO, errno.EIO}
_PSEUDO_TERMINALS = range(136, 144)
"""Major numbers (Linux, Documentation/admin-guide/devices.txt): these outlive a crashed holder."""


class Claim(Connection):
    """A device node that is ours until `close`, or until this process ends in whatever way.

    Parameters
    ----------
    fd
        Open descriptor of the node, locked.
    owns_fd
        Whether closing the claim closes the descriptor too.
    """

    def __init__(self, fd: int, *, owns_fd: bool) -> None:
        self._fd = fd
        self._owns_fd = owns_fd

    def fileno(self) -> int:
        """Return the descriptor that holds the lock, -1 once the claim is given up."""
        return self._fd

    def close(self) -> None:
        """Give the node up; harmless when it was given up before or the device has gone."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            _unlock(fd)
        except OSError as error:
            if error.errno not in {*_GONE, errno.EBADF}:
                raise
        finally:
            if self._owns_fd:
                os.close(fd)


def claim(path: str | Path, *, fd: int | None = None, device: str | None = None) -> Claim:
    """Take a device node for this process; wait for nobody.

    Parameters
    ----------
    path
        The node, ``/dev/ttyUSB0``; links such as ``/dev/serial/by-id/...`` lead to the same claim.
    fd
        The node's descriptor if it is open already: that one is locked and stays the caller's.
        Without it the node is opened for reading, which leaves the device as it is.
    device
        URI for messages; the path if not given.

    Raises
    ------
    DeviceBusy
        If another program, or another connection of this one, has it; names the holder where the
        system tells.
    DeviceNotFound, DeviceRemoved, DeviceUnavailable
        If there is no such node, its device has gone, or this user may not open it.
    """
    name = device or str(path)
    if sys.platform == "win32":  # there a port is opened by one program at a time anyway
        return Claim(-1, owns_fd=False)
    owned = fd is None
    try:
        held = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY) if fd is None else fd
    except OSError as error:
        raise _explained(error, Path(path), name) from error
    try:
        _lock(held)
    except OSError as error:
        if owned:
            os.close(held)
        raise _explained(error, Path(path), name) from error
    return Claim(held, owns_fd=owned)


def holder(path: str | Path) -> str:
    """Say in half a sentence who has a node open: ``'minicom' (process 4711) holds it``.

    Where the system does not tell, as for programs of other users, it says "another program".
    """
    others = sorted({*_lockers(Path(path)), *openers(Path(path))} - {os.getpid()})
    if others:
        names = {pid: program_name(pid) or "a program" for pid in others}
        return " and ".join(f"'{names[pid]}' (process {pid})" for pid in others) + " holds it"
    if os.getpid() in _lockers(Path(path)):
        return "another connection of this program holds it"
    return "another program holds it"


def _lock(fd: int) -> None:
    import fcntl
    import termios

    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if _is_serial_port(fd):
        fcntl.ioctl(fd, termios.TIOCEXCL)


def _unlock(fd: int) -> None:
    import fcntl
    import termios

    if _is_serial_port(fd):
        fcntl.ioctl(fd, termios.TIOCNXCL)
    fcntl.flock(fd, fcntl.LOCK_UN)


def _is_serial_port(fd: int) -> bool:
    return os.isatty(fd) and os.major(os.fstat(fd).st_rdev) not in _PSEUDO_TERMINALS


def _explained(error: OSError, path: Path, name: str) -> DeviceError:
    """Turn what the system said into an error of this package."""
    number = error.errno
    if number in {errno.EWOULDBLOCK, errno.EBUSY}:
        return DeviceBusy(f"{holder(path)}; close it there and try again", device=name)
    if number in {errno.ENOENT, errno.ENOTDIR}:
        return DeviceNotFound("there is no such device; plug it in and look again", device=name)
    if number in _GONE:
        return DeviceRemoved("the device was unplugged; plug it in and open it again", device=name)
    if number in {errno.EACCES, errno.EPERM}:
        return DeviceUnavailable(
            f"you are not permitted to use it; {_permission(path)}, then log in anew",
            reason=UnavailableReason.NOT_PERMITTED,
            device=name,
        )
    return DeviceError(f"it cannot be claimed ({error.strerror}); plug it in anew", device=name)


def _permission(path: Path) -> str:
    """Say how a person gets the right to open the node."""
    import grp

    try:
        seen = path.stat()
        if seen.st_mode & stat.S_IRGRP and seen.st_gid != 0:
            return f"become a member of the group '{grp.getgrgid(seen.st_gid).gr_name}'"
    except (OSError, KeyError):  # hidden, or a group without a name
        return "ask the administrator for access"
    return 'write a udev rule with TAG+="uaccess" for it (ektp-hw udev prints them)'


def _lockers(path: Path) -> set[int]:
    """Return the processes with a lock on the node (proc_locks(5)); those unseen count as none."""
    try:
        seen = path.stat()
        lines = _LOCKS.read_text("ascii").splitlines()
    except OSError:
        return set()
    place = f"{os.major(seen.st_dev):02x}:{os.minor(seen.st_dev):02x}:{seen.st_ino}"
    fields = [line.split() for line in lines if "->" not in line]
    return {int(one[4]) for one in fields if one[5:6] == [place] and int(one[4]) > 0}
