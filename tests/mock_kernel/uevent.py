# SPDX-License-Identifier: Apache-2.0
"""News of plugged and unplugged devices, as udev's daemon sends them to libudev.

umockdev's library turns a netlink socket for such news into a datagram socket ``event<number>`` in
the machine's folder. The layout (a header with a magic number, the offset and length of the
properties and MurmurHash2 of subsystem and device type, then KEY=VALUE texts) is that of systemd's
libudev, `device-monitor.c`.
"""

import socket
import struct

_HEAD = struct.Struct("=8s4sIIIIIII")
_MAGIC = 0xFEEDCAFE.to_bytes(4, "big")
_MULTIPLIER, _WORD = 0x5BD1E995, 0xFFFFFFFF


def send(root, action, path, event):
    """Send one piece of news to every listener of this machine."""
    message = _message({"ACTION": action, "DEVPATH": path, "SEQNUM": "1", **event})
    for listener in root.glob("event[0-9]*"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_RAW) as sender:
            try:
                sender.sendto(message, str(listener))
            except (ConnectionRefusedError, FileNotFoundError):  # its program has ended
                listener.unlink(missing_ok=True)


def _message(properties):
    texts = {**properties}
    if "DEVNAME" in texts:
        texts["DEVNAME"] = f"/dev/{texts['DEVNAME']}"
    body = b"".join(f"{key}={value}\0".encode() for key, value in texts.items())
    hashes = [_swapped(_murmur(texts.get(key, ""))) for key in ("SUBSYSTEM", "DEVTYPE")]
    head = _HEAD.pack(b"libudev\0", _MAGIC, _HEAD.size, _HEAD.size, len(body), *hashes, 0, 0)
    return head + body


def _swapped(number):
    return int.from_bytes(number.to_bytes(4, "little"), "big")


def _murmur(text):
    """MurmurHash2 with seed 0; nothing at all counts as 0."""
    data = text.encode()
    mixed = len(data)
    whole = len(data) // 4 * 4
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        part = word * _MULTIPLIER & _WORD
        part = (part ^ part >> 24) * _MULTIPLIER & _WORD
        mixed = mixed * _MULTIPLIER & _WORD ^ part
    if data[whole:]:
        mixed = (mixed ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _WORD
    mixed = (mixed ^ mixed >> 13) * _MULTIPLIER & _WORD
    return mixed ^ mixed >> 15 if data else 0
