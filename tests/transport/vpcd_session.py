# SPDX-License-Identifier: Apache-2.0
"""Runs inside private namespaces (see test_pcsc.py): a real pcscd, its virtual reader, our card.

vpcd's wire: two bytes of length, then one control byte (0 off, 1 on, 2 reset, 4 ATR) or an APDU.
"""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from ektp_hw.devices import ktp_el
from ektp_hw.devices.ktp_el_reading import SamActivation
from ektp_hw.drivers.pcsc_reader import PcscReader
from ektp_hw.errors import CaptureCancelled, DeviceError
from ektp_hw.transport.pcsc import Context
from ektp_hw.virtual.ktp_el_card import KtpElCard
from ektp_hw.virtual.sam import EMULATED_CONFIGURATION, EMULATED_PCID, EmulatedSam

PORT = 35963
READER_CONF = """FRIENDLYNAME "Virtual PCD"
DEVICENAME   /dev/null:0x8C7B
LIBPATH      /usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID    0x8C7B
"""


SLOTS = 2


def serve(card, connection):
    def exactly(count):
        data = b""
        while len(data) < count:
            piece = connection.recv(count - len(data))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if not piece:
                raise EOFError
            data += piece
        return data

    with contextlib.suppress(EOFError, OSError):
        while True:
            message = exactly(int.from_bytes(exactly(2), "big"))
            if len(message) > 1:
                answer = card.answer(message)
            elif message == b"\x04":
                answer = card.atr
            else:
                card.power_off()
                continue
            connection.sendall(len(answer).to_bytes(2, "big") + answer)


def insert(card, slot=0):
    connection = socket.create_connection(("127.0.0.1", PORT + slot))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(card, connection), daemon=True).start()
    return connection


def started(found):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(DeviceError, OSError):
            if found():
                return
        time.sleep(0.02)
    raise SystemExit("pcscd did not start")


def readers():
    with Context() as context:
        return context.readers()


def reader_at(name):
    return PcscReader(PcscReader.locate("pcsc:" + name))


def main(folder):
    conf = Path(folder) / "reader.conf"
    conf.write_text(READER_CONF)
    service = Service(conf)
    try:
        seen = talk()
        seen |= talk_with_sam()
        seen |= transactions()
        seen |= survive(service)
        sys.stdout.write(json.dumps(seen))
    finally:
        service.stop()


class Service:
    """A real pcscd that can be stopped and started."""

    def __init__(self, conf):
        self._command = ["pcscd", "-f", "-c", str(conf)]
        self.start()

    def start(self):
        self._daemon = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started(lambda: len(readers()) == SLOTS)  # they appear one after the other

    def stop(self):
        self._daemon.terminate()
        self._daemon.wait(5)


def talk_with_sam():
    """Read a KTP-el in slot 0 with the SAM in slot 1 of the same reader."""
    card = KtpElCard(bytes(range(256)) * 4, seed=6)
    started(is_empty)
    connections = [insert(card), insert(EmulatedSam(), 1)]
    with reader_at(readers()[0]) as device:
        started(lambda: device.transmit(bytes.fromhex("00FF0000"), 1)[1] == 0x6982)
        reading = device.capture_with_sam(
            SamActivation(EMULATED_PCID, EMULATED_CONFIGURATION), timeout=20
        )
        seen = {
            "sam": reading.words(),
            "sam files": sorted(reading.contents.files),
            "sam biodata": reading.contents.files.get("biodata") == card.protected[0x6FF1],
        }
    for connection in connections:
        connection.shutdown(socket.SHUT_RDWR)
    return seen


def is_empty():
    with Context() as context:
        return not any(state.present for state in context.states(context.readers()).values())


def transactions():
    """Another program has to wait until our transaction ends."""
    started(is_empty)
    connection = insert(KtpElCard(b"x", seed=6))
    started(lambda: not is_empty())
    order = []
    command = bytes.fromhex("FFCA000000")
    with reader_at(readers()[0]) as ours, reader_at(readers()[0]) as theirs:
        with ours.transaction() as card:
            other = threading.Thread(
                target=lambda: (theirs.transmit(command), order.append("theirs"))
            )
            other.start()
            other.join(0.3)
            card.transmit(command)
            order.append("ours")
        other.join(10)
    connection.shutdown(socket.SHUT_RDWR)
    return {"order": order}


def survive(service):
    """Watch cards through a removal and a restart of the service; capture after it."""
    card = KtpElCard(bytes(range(256)) * 4, seed=6)
    started(is_empty)  # vpcd notices a pulled card with some delay
    connection = insert(card)
    with reader_at(readers()[0]) as device:
        events = device.events(timeout=30)
        seen = {"event in": next(events).is_present}
        began = time.monotonic()
        connection.shutdown(socket.SHUT_RDWR)
        seen["event out"] = not next(events).is_present
        seen["event out s"] = time.monotonic() - began
        service.stop()
        began = time.monotonic()
        try:
            device.capture(timeout=5)
        except DeviceError as gone:
            seen["service gone"] = f"{type(gone).__name__}: {gone}"
        seen["service gone s"] = time.monotonic() - began
        service.start()
        insert(card)
        seen["event after restart"] = next(events).is_present
        seen["capture after restart"] = len(device.capture(timeout=5).files["photo"])
        events.close()
    return seen


def talk():
    seen = {"readers": readers()}
    reader = seen["readers"][0]
    card = KtpElCard(bytes(range(256)) * 4, seed=5)
    with Context() as context:
        seen["empty"] = context.state(reader).present
        began = time.monotonic()
        seen["nothing came"] = context.wait(reader, present=True, timeout=0.2)
        seen["timeout s"] = time.monotonic() - began
        cancel = threading.Event()
        threading.Timer(0.1, cancel.set).start()
        began = time.monotonic()
        try:
            context.wait(reader, present=True, timeout=5, cancel=cancel)
        except CaptureCancelled:
            seen["cancel s"] = time.monotonic() - began
        threading.Timer(0.1, context.cancel).start()
        try:
            context.wait(reader, present=True, timeout=5)
        except CaptureCancelled:
            seen["cancelled by the service"] = True
        connection = insert(card)
        state = context.wait(reader, present=True, timeout=5)
        seen["atr"] = state.answer_to_reset == card.atr
        with context.connect(reader) as link:
            seen["atr of the link"] = link.answer_to_reset() == card.atr
            contents = ktp_el.read(link.transmit, state.answer_to_reset, device=reader)
            seen["photo"] = contents.files["photo"] == bytes(range(256)) * 4
            link.transmit(bytes.fromhex("00A40000026FF2"))
            seen["long answer"] = len(link.transmit(bytes.fromhex("00B00000000000")))
            connection.shutdown(socket.SHUT_RDWR)
            try:
                link.transmit(bytes.fromhex("00B0000008"))
            except DeviceError as gone:
                seen["removed"] = f"{type(gone).__name__}: {gone}"
        seen["taken away"] = context.wait(reader, present=False, timeout=5) is not None
    seen["listed"] = [info.uri for info in PcscReader.discover()]
    connection = insert(card)
    with reader_at(reader) as device:
        contents = device.capture(timeout=5)
        seen["driver"] = contents.files["photo"] == bytes(range(256)) * 4
        seen["single command"] = device.transmit(bytes.fromhex("FFCA000000"))[1]
        seen["features"] = device.features().vendor
    connection.shutdown(socket.SHUT_RDWR)
    return seen


if __name__ == "__main__":
    main(sys.argv[1])
