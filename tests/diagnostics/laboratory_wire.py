# SPDX-License-Identifier: Apache-2.0
"""A line in the middle of the laboratory that loses, delays or swallows what it carries.

Two network devices in a namespace of their own are joined frame by frame in a thread, so that
losses need neither netem nor a firewall in the kernel. Offloading must be off at both far ends
(`without_offloading`): a frame read here has no checksum otherwise.
"""

import contextlib
import ctypes
import fcntl
import heapq
import random
import select
import socket
import struct
import threading
import time

from ektp_hw.diagnostics.probes.network.twin import arp_frame, read_arp

_SIOCETHTOOL = 0x8946
_OFFLOADS = {"checksum": 0x17, "scatter": 0x19, "tso": 0x1F, "gso": 0x24}
"""ETHTOOL_STXCSUM, _SSG, _STSO, _SGSO of linux/ethtool.h."""
_ETHERNET = 14


class Wire:
    """Carries frames between two packet sockets until it is closed.

    Attributes may be set at any time: ``loss`` (share of the frames of each way), ``delay``
    (seconds, each way), ``largest`` (bytes of an IP packet that pass; others vanish without a
    word), ``cut`` (nothing passes).
    """

    def __init__(self, left: socket.socket, right: socket.socket) -> None:
        self._ends = (left, right)
        self._stop = threading.Event()
        self.heal()
        self._thread = threading.Thread(target=self._carry, name="wire", daemon=True)
        self._thread.start()

    def heal(self) -> None:
        self.loss, self.delay, self.largest, self.cut = 0.0, 0.0, 65535, False
        self._dice = random.Random(7)  # noqa: S311  # the same losses every time

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for end in self._ends:
            end.close()

    def _carry(self) -> None:
        left, right = self._ends
        other = {left: right, right: left}
        late: list[tuple[float, int, socket.socket, bytes]] = []
        order = 0
        while not self._stop.is_set():
            wait = 0.05 if not late else min(0.05, max(0.0, late[0][0] - time.monotonic()))
            for end in select.select(self._ends, [], [], wait)[0]:
                with contextlib.suppress(OSError):  # a device that is down
                    frame, address = end.recvfrom(65535)
                    if address[2] == socket.PACKET_OUTGOING or not self._passes(frame):
                        continue
                    order += 1
                    heapq.heappush(late, (time.monotonic() + self.delay, order, other[end], frame))
            while late and late[0][0] <= time.monotonic():
                _, _, end, frame = heapq.heappop(late)
                with contextlib.suppress(OSError):
                    end.send(frame)

    def _passes(self, frame: bytes) -> bool:
        is_ip = frame[12:14] == b"\x08\x00"
        if self.cut or (is_ip and len(frame) - _ETHERNET > self.largest):
            return False
        return not (is_ip and self._dice.random() < self.loss)


class Twin:
    """Another device on a wire: answers questions for an address that somebody else has."""

    card = bytes.fromhex("02ec7b000001")

    def __init__(self, wire: socket.socket, address: str) -> None:
        self._wire, self._address = wire, socket.inet_aton(address)
        wire.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._answer, name="twin", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._wire.close()

    def _answer(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                frame = self._wire.recv(256)
                told = read_arp(frame)
                if told is not None and told[0] == 1 and told[3] == self._address:
                    _, asker, asked_by, _ = told
                    self._wire.send(arp_frame(2, self.card, self._address, asker, asked_by))


def end_of_wire(device: str) -> socket.socket:
    """Return a packet socket on a device of the calling thread's namespace."""
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    end.bind((device, 0))
    return end


def without_offloading(device: str) -> None:
    """Let the kernel finish every frame itself that leaves by this device."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in _OFFLOADS.values():
            value = ctypes.create_string_buffer(struct.pack("II", command, 0), 8)
            request = struct.pack("16sP", device.encode(), ctypes.addressof(value))
            fcntl.ioctl(control, _SIOCETHTOOL, request)
