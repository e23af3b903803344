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
from ektp_hw.drivers.pcsc_reader import PcscReader
from ektp_hw.errors import CaptureCancelled, DeviceError
from ektp_hw.transport.pcsc import Context
from ektp_hw.virtual.ktp_el_card import KtpElCard

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


def insert(card):
    connection = socket.create_connection(("127.0.0.1", PORT))
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


def main(folder):
    conf = Path(folder) / "reader.conf"
    conf.write_text(READER_CONF)
    daemon = subprocess.Popen(
        ["pcscd", "-f", "-c", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        started(lambda: len(readers()) == SLOTS)  # they appear one after the other
        sys.stdout.write(json.dumps(talk()))
    finally:
        daemon.terminate()
        daemon.wait(5)


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
    insert(card)
    with PcscReader(PcscReader.locate("pcsc:" + reader)) as device:
        contents = device.capture(timeout=5)
        seen["driver"] = contents.files["photo"] == bytes(range(256)) * 4
        seen["single command"] = device.transmit(bytes.fromhex("FFCA000000"))[1]
    return seen


if __name__ == "__main__":
    main(sys.argv[1])
