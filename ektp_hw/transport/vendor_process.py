# SPDX-License-Identifier: Apache-2.0
"""A seam for closed vendor kits: the maker's library in a process of its own, driven from here.

A library that crashes, hangs or writes where it should not takes only its process with it: the
call ends with a typed error and the next opening starts a fresh process. A driver has two parts:

* the *kit*, a class in any importable module, made inside the child as ``Kit(memory, *arguments)``.
  It loads the library by `vendor_child.load_library`, every public method is a call, and ``close``
  is called at the end. It takes and gives what JSON knows, and raises errors of `ektp_hw.errors`.
  Pictures it writes into ``memory``, which the station sees too: no pixel is copied on the way.
* the *driver*, an ordinary one, which holds a `VendorProcess` instead of a bus::

      kit = VendorProcess("acme:AcmeKit", LIBRARY, device=uri, picture_bytes=256 * 288)
      kit.start(check=wait.check)
      width, height = kit.call("capture", timeout=2.0, check=wait.check)
      pixels = kit.picture(height, width)

A call that is cut short, by its time limit or by ``check`` raising (cancelled, time over), costs
the process: nobody can interrupt a closed library. So wait for the person with short calls that
ask whether a finger is there, not with one long one. `tests/vendor_kit` is the worked example.
"""

from __future__ import annotations

import math
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import (
    DeviceError,
    DeviceUnavailable,
    ProtocolError,
    UnavailableReason,
    VendorKitFailed,
)
from ektp_hw.transport import vendor_wire
from ektp_hw.transport.base import Connection
from ektp_hw.transport.vendor_log import VendorLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Check = Callable[[], None]

__all__ = ["VendorProcess"]

_LOOK_MS = 20
"""Milliseconds between two looks at the caller's check and at whether the process lives."""
_DYING_S = 0.1
"""Seconds for a process that closed its connection to be seen dead, and for a killed one to go."""
_PARTING_S = 1.0
"""Seconds for a library to let go of its device when it is closed."""
_CHILD = "ektp_hw.transport.vendor_child"


class VendorProcess(Connection):
    """A maker's library in a process of its own; made without one, `start` starts it.

    Parameters
    ----------
    kit
        ``module:class`` of the driver's part that lives beside the library.
    arguments
        What the class is made with, after the shared memory; JSON values.
    device
        The device's URI, for messages.
    picture_bytes
        Size of the shared memory.
    environment
        Variables for the child beside those of this process (``LD_LIBRARY_PATH``).
    """

    def __init__(
        self,
        kit: str,
        *arguments: object,
        device: str,
        picture_bytes: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._kit = kit
        self._arguments = arguments
        self._device = device
        self._picture_bytes = picture_bytes
        self._environment = dict(environment or {})
        self._lock = threading.RLock()
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._memory: mmap.mmap | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not been ended by a fault since."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """The process's number, None while there is none."""
        return None if self._process is None else self._process.pid

    def start(self, timeout: float = 10.0, check: Check = lambda: None) -> None:
        """Start the process and load the library; harmless while it runs.

        Raises
        ------
        DeviceUnavailable
            If the library is missing or does not fit this machine.
        VendorKitFailed, ProtocolError, DeviceError
            As `call`.
        """
        with self._lock:
            if self._process is not None:
                return
            try:
                self._launch()
            except OSError as error:
                self._end()
                raise DeviceError(
                    f"the process for the maker's library cannot be started ({error}); free memory"
                    " or close other programs",
                    device=self._device,
                ) from error
            try:
                self.call("start", *self._arguments, timeout=timeout, check=check)
            except BaseException:
                self._end()
                raise

    def call(
        self,
        name: str,
        *arguments: object,
        timeout: float = 1.0,
        check: Check = lambda: None,
    ) -> Any:  # noqa: ANN401  # whatever JSON knows
        """Call a method of the kit and return what it gives.

        Parameters
        ----------
        name, arguments
            The method and its arguments; JSON values.
        timeout
            Seconds after which the process is killed.
        check
            Called before the call and every 20 ms during it; what it raises during the call ends
            the process with it.

        Raises
        ------
        VendorKitFailed
            If the library crashed, hung or ended its process.
        ProtocolError
            If what comes back is no answer.
        DeviceError, RetryCapture
            What the kit raised; the process goes on.
        TypeError, ValueError
            If an argument cannot cross, or a method is none of the public ones.
        """
        if name.startswith("_"):
            raise ValueError(f"'{name}' is no public method of {self._kit}")
        question = vendor_wire.pack({"call": name, "with": list(arguments)})
        with self._lock:
            raw = self._exchange(question, name, timeout, check)
            try:
                answer = vendor_wire.unpack(raw)
                if "gives" in answer:
                    return answer["gives"]
                error = vendor_wire.error_of(answer, self._device)
            except (ValueError, KeyError) as mistake:
                self._end()
                raise ProtocolError(
                    f"the maker's library answers '{name}' with garbage; open the device again",
                    device=self._device,
                ) from mistake
        raise error

    def picture(self, *shape: int) -> bytes:
        """Take a picture of that shape out of the shared memory, which is blank after it.

        So a library that forgets to write one never passes one person's picture for the next's.

        Raises
        ------
        ProtocolError
            If there can be no such picture: the shape comes from the maker's library.
        """
        if self._memory is None:
            raise self._not_loaded()
        count = math.prod(shape)
        if min(shape) < 0 or count > self._picture_bytes:
            raise ProtocolError(
                f"the maker's library tells of a picture of {' x '.join(map(str, shape))} bytes,"
                f" there is room for {self._picture_bytes}; open the device again",
                device=self._device,
            )
        picture = self._memory[:count]
        self._memory[:count] = bytes(count)
        return picture

    def close(self) -> None:
        """Let the library close its device, for a second at most, and end the process."""
        with self._lock:
            if self._link is not None and self._process is not None:
                with suppress(OSError):  # it has ended already
                    self._link.shutdown(socket.SHUT_WR)
                _is_dead(self._process, _PARTING_S)
            self._end()

    def _launch(self) -> None:
        if not hasattr(os, "memfd_create"):
            raise DeviceUnavailable(
                "a maker's library can be kept apart on Linux only; use the device there",
                reason=UnavailableReason.UNSUPPORTED,
                device=self._device,
            )
        with ExitStack() as given, ExitStack() as kept:
            memory, self._memory = _shared_memory(max(1, self._picture_bytes))
            given.callback(os.close, memory)
            kept.enter_context(self._memory)
            self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            given.enter_context(theirs)
            kept.enter_context(self._link)
            self._link.setblocking(False)
            lifeline, our_end = os.pipe()
            given.callback(os.close, lifeline)
            kept.callback(os.close, our_end)
            output, prints = os.pipe()
            given.callback(os.close, prints)
            log = VendorLog(output, self._device)
            kept.callback(log.close)
            passed = (theirs.fileno(), memory, lifeline)
            self._process = subprocess.Popen(  # noqa: S603  # this interpreter, our own module
                [sys.executable, "-P", "-m", _CHILD, *map(str, passed), self._kit],
                stdin=subprocess.DEVNULL,
                stdout=prints,
                stderr=prints,
                pass_fds=passed,
                process_group=0,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | self._environment,
            )
            self._running = kept.pop_all()

    def _exchange(self, question: bytes, name: str, timeout: float, check: Check) -> bytes:
        """Send a question and wait for the answer; end the process if none comes."""
        if self._link is None:
            raise self._not_loaded()
        check()
        try:
            return self._asked(self._link, question, name, timeout, check)
        except BaseException:
            self._end()
            raise

    def _asked(
        self, link: socket.socket, question: bytes, name: str, timeout: float, check: Check
    ) -> bytes:
        until = time.monotonic() + timeout
        raw = None if _sent(link, question) else b""
        while raw is None:
            raw = _received(link)
            if raw is None:
                if self._process is None or _is_dead(self._process, 0):
                    break
                check()
                if time.monotonic() > until:
                    raise self._hung(name, timeout)
        if not raw:
            raise self._failed(name)
        return raw

    def _failed(self, name: str) -> VendorKitFailed:
        code = self._end(_DYING_S)
        if code is None:
            what = "lost its connection to this program"
        elif code < 0:
            what = f"crashed ({_signal_name(-code)})"
        else:
            what = f"ended its process with code {code}"
        return VendorKitFailed(
            f"the maker's library {what} in '{name}'; open the device again, and send the log to"
            " the maker if it happens often",
            device=self._device,
        )

    def _hung(self, name: str, timeout: float) -> VendorKitFailed:
        return VendorKitFailed(
            f"the maker's library did not come back from '{name}' within {timeout:g} s and was"
            " ended; open the device again, then plug it in anew",
            device=self._device,
        )

    def _not_loaded(self) -> DeviceError:
        return DeviceError(
            "the maker's library is not loaded; open the device again", device=self._device
        )

    def _end(self, dying: float = 0) -> int | None:
        """End the process and all it started; return how it had ended by itself, if it had.

        A process that is ending by itself gets `dying` seconds for it.
        """
        process, self._process = self._process, None
        self._link = self._memory = None
        code = None
        if process is not None:
            ended = _is_dead(process, dying)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            try:
                code = process.wait(_DYING_S)
            except subprocess.TimeoutExpired:  # the caller has waited enough, but leave no zombie
                _await_in_background(process)
            if not ended:
                code = None
        self._running.close()
        return code


def _shared_memory(size: int) -> tuple[int, mmap.mmap]:
    """Return memory that no process can shrink under the other's feet, and its descriptor."""
    import fcntl

    descriptor = os.memfd_create("ektp_hw picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, size)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        return descriptor, mmap.mmap(descriptor, size)
    except OSError:
        os.close(descriptor)
        raise


def _sent(link: socket.socket, message: bytes) -> bool:
    """Send it; False if nobody takes it, which for one message at a time means nobody is there."""
    try:
        return link.send(message) == len(message)
    except (ConnectionError, BlockingIOError):
        return False


def _received(link: socket.socket) -> bytes | None:
    """Return the next message, none if none came in 20 ms, empty if the other side has gone."""
    looking = select.poll()
    looking.register(link, select.POLLIN)
    if not looking.poll(_LOOK_MS):
        return None
    try:
        return link.recv(vendor_wire.LONGEST)
    except ConnectionError:
        return b""


def _is_dead(process: subprocess.Popen[bytes], timeout: float) -> bool:
    """Tell whether the process ends within that time, without taking its exit status away."""
    until = time.monotonic() + timeout
    try:
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() >= until:
                return False
            time.sleep(0.002)
    except ChildProcessError:  # somebody else in this program waits for all children
        return True
    return True


def _await_in_background(process: subprocess.Popen[bytes]) -> None:
    threading.Thread(target=process.wait, name="ektp_hw vendor end", daemon=True).start()


def _signal_name(number: int) -> str:
    text = (signal.strsignal(number) or "an unknown signal").lower()
    known = [one.name for one in signal.Signals if one == number]
    return f"{known[0]}, {text}" if known else text
