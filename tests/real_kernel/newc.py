# SPDX-License-Identifier: Apache-2.0
"""Writes the archive a Linux kernel starts from (Documentation/driver-api/early-userspace)."""


def archive(folders, files):
    """Pack folders and executable files, by name, into one archive of the "newc" kind."""
    entries = [(name, 0o040755, b"") for name in folders]
    entries += [(name, 0o100755, data) for name, data in files.items()]
    packed = [_entry(number, *entry) for number, entry in enumerate(entries, 1)]
    return b"".join([*packed, _entry(0, "TRAILER!!!", 0, b"")])


def _entry(number, name, mode, data):
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(head + name.encode() + b"\0") + _padded(data)


def _padded(data):
    return data + bytes(-len(data) % 4)
