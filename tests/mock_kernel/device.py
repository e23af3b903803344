# SPDX-License-Identifier: Apache-2.0
"""A character device: its node, and the thread for each program that has it open.

At every call on an open node the preloaded library sends three native words over a Unix socket:
command, request, argument address (umockdev's `libumockdev-preload.c`). We answer with words that
read or write the program's memory or let the real call happen, and one that ends the call.
"""

import contextlib
import errno
import os
import select
import socket
import struct
import threading
from pathlib import Path

_WORDS = struct.Struct("=QQQ")
_IOCTL, _DONE, _RUN, _READ_MEMORY, _WRITE_MEMORY, _READ, _WRITE = 1, 3, 4, 5, 6, 7, 8
_WORD = 2**64 - 1


class _ProgramClosedIt(Exception):
    """The program closed the device, or ended."""


class Node:
    """What programs open, from one plugging in to the next unplugging."""

    gone = False

    def check(self):
        """Raise what the kernel gives for a device that is gone."""
        if self.gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    def close(self):
        """Wake whoever polls; from now on every call fails."""


class Memory:
    """The memory of the program behind one socket, and the node it has open."""

    def __init__(self, client, node):
        self.client = client
        self.node = node

    def read(self, address, length):
        """Fetch bytes from the program."""
        if not length:
            return b""
        _send(self.client, _WORDS.pack(_READ_MEMORY, address, length))
        return _receive(self.client, length)

    def write(self, address, data):
        """Put bytes into the program."""
        if data:
            _send(self.client, _WORDS.pack(_WRITE_MEMORY, address, len(data)) + data)

    def unpack(self, layout, address):
        """Fetch the members of a C structure."""
        return struct.unpack(layout, self.read(address, struct.calcsize(layout)))


def size(request):
    """Return how many bytes an ioctl's argument has, as its number tells (asm-generic/ioctl.h)."""
    return request >> 16 & 0x3FFF


def kind(request):
    """Return an ioctl's letter and number."""
    return chr(request >> 8 & 0xFF), request & 0xFF


def nonblocking(client, path):
    """Return whether the program behind a socket has a file open without blocking."""
    pid, _, _ = struct.unpack("iII", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            if link.readlink() == path:
                text = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text("ascii")
                flags = int(text.partition("flags:")[2].split()[0], 8)
                if flags & os.O_NONBLOCK:
                    return True
    return False


class CharacterDevice:
    """What all peers share; one belongs to one machine at a time.

    Parameters
    ----------
    lock
        Held while it is plugged in or unplugged: the model's own, if that has one.

    Attributes
    ----------
    opened
        How often programs have opened it.
    holders
        How many have it open now.
    """

    major: int

    def __init__(self, lock=None):
        self.opened = 0
        self._lock = lock or threading.RLock()
        self._machine = None
        self._clients = set()
        self._listener = None
        self._news = []
        self.node = None

    # What a peer fills in.

    def name(self):
        """Return the node's path below /dev, and its minor number."""
        raise NotImplementedError

    def make_node(self, path):
        """Return a new `Node` at this path: a FIFO or a file."""
        raise NotImplementedError

    def describe(self, machine):
        """Write the device into /sys; return (place, event) for each piece of news to send."""
        raise NotImplementedError

    def links(self):
        """Return the links in /sys, by bus, class and number, that end with the device."""
        raise NotImplementedError

    def attached(self):
        """Go to work: the node is there."""

    def detached(self):
        """End all waits: the device is gone."""

    def on_open(self):
        """Note that a program has opened it."""

    def on_close(self, memory):
        """Note that a program, perhaps not the last, has closed it."""

    def on_ioctl(self, memory, request, argument):
        """Answer one ioctl with its result; raise OSError for an error number."""
        del memory, argument
        raise OSError(errno.ENOTTY, f"no such ioctl: {request:#x}")

    def on_write(self, data):
        """Take what a program writes; return how much of it was taken."""
        raise OSError(errno.EINVAL, f"not for writing ({len(data)} bytes)")

    def on_read(self, memory, run):
        """Let a program read its node: `run` does the real call and returns its result."""
        del memory
        return run()

    # What tests use.

    @property
    def path(self):
        """Where programs find it."""
        return f"/dev/{self.name()[0]}"

    @property
    def is_plugged(self):
        """Whether it is on a machine."""
        return self._machine is not None

    @property
    def holders(self):
        """How many programs have it open, or one program how often."""
        with self._lock:
            return len(self._clients)

    def unplug(self):
        """Pull the cable; harmless when done before."""
        with self._lock:
            machine, self._machine = self._machine, None
            if machine is None:
                return
            self._remove_node(machine)
            self.node.gone = True
            self.detached()
            self.node.close()
            machine.remove(*self.links())
            for place, event in reversed(self._news):
                machine.remove(place)
                machine.announce("remove", place, event)

    # The machine's side.

    def plugged(self, machine):
        """Appear on a machine; called by it."""
        with self._lock:
            self._machine = machine
            self.number_for(machine)
            self._news = self.describe(machine)
            self._add_node(machine)
            self.attached()
            for place, event in self._news:
                machine.announce("add", place, event)

    def number_for(self, machine):
        """Choose the node's number on this machine."""

    def _add_node(self, machine):
        name, minor = self.name()
        node, sock = machine.root / "dev" / name, machine.root / "ioctl/dev" / name
        for path in (node, sock):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(sock))
        self._listener.listen()
        self._listener.setblocking(False)
        (machine.root / self._node_link(name)).symlink_to(f"{self.major}:{minor}")
        self.node = self.make_node(node)
        threading.Thread(
            target=self._accept,
            args=(self._listener, self.node),
            name=f"mock {name}",
            daemon=True,
        ).start()

    def _remove_node(self, machine):
        name, _ = self.name()
        machine.remove(f"dev/{name}", self._node_link(name), f"ioctl/dev/{name}")
        self._welcome(self._listener, self.node)
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes its thread

    @staticmethod
    def _node_link(name):
        return f"dev/.node/{name.replace('/', '_')}"

    def _accept(self, listener, node):
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        with listener:
            while True:
                poll.poll()
                with self._lock:
                    if node.gone or not self._welcome(listener, node):
                        return

    def _welcome(self, listener, node):
        """Begin to serve every program that has just opened it; False if nobody can any more."""
        while True:
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                return True
            except OSError:  # unplugged
                return False
            self.opened += 1
            self._clients = {one for one in self._clients if not _has_hung_up(one)}
            self._clients.add(client)
            self.on_open()
            threading.Thread(target=self._serve, args=(client, node), daemon=True).start()

    def settle(self):
        """Have every program that has opened it counted; hold the lock."""
        if self.is_plugged and self.node is not None:
            self._welcome(self._listener, self.node)

    def _serve(self, client, node):
        memory = Memory(client, node)
        with contextlib.suppress(_ProgramClosedIt):
            while True:
                words = _WORDS.unpack(_receive(client, _WORDS.size))
                try:
                    result, number = self._answer(client, memory, *words), 0
                except OSError as refusal:
                    result, number = -1, refusal.errno
                _send(client, _WORDS.pack(_DONE, result & _WORD, number))
        with self._lock:
            self._clients.discard(client)
            client.close()
            self.on_close(memory)

    def _answer(self, client, memory, command, first, second):
        if command == _IOCTL:
            return self.on_ioctl(memory, first, second)
        memory.node.check()
        if command == _WRITE:
            return self.on_write(memory.read(first, second))
        if command == _READ:
            result = self.on_read(memory, lambda: _run(client))
            memory.node.check()
            return result
        raise OSError(errno.EINVAL, "no such call")


def _has_hung_up(client):
    """Return whether the program at the other end has closed the device, or ended."""
    try:
        return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _run(client):
    """Have the program do the real call."""
    _send(client, _WORDS.pack(_RUN, 0, 0))
    _, result, number = _WORDS.unpack(_receive(client, _WORDS.size))
    if number:
        raise OSError(number, os.strerror(number))
    return result


def _send(client, data):
    try:
        client.sendall(data)
    except OSError as end:
        raise _ProgramClosedIt from end


def _receive(client, length):
    data = b""
    while len(data) < length:
        try:
            more = client.recv(length - len(data))
        except OSError as end:
            raise _ProgramClosedIt from end
        if not more:
            raise _ProgramClosedIt
        data += more
    return data
