# SPDX-License-Identifier: Apache-2.0
"""Which sensors libfprint has, and where each of them works.

Listing needs GLib's default context: if the application runs a GLib loop of its own, listing
happens in there. As libfprint's own users do, a process makes one FpContext and keeps it: libgusb
crashes on news of a device that reach it when its context has gone. For the same reason a sensor
keeps its own main context for as long as it is attached: libfprint leaves time-outs in it.

Some of libfprint's time-outs and libgusb's news of a pulled cable go to the default context even
so (GLib's g_timeout_add and g_idle_add have no other). Run by the thread that lists, they would
work on a sensor that another thread works on, which libfprint does not stand: `AT_WORK` keeps all
of them apart.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ektp_hw.errors import DeviceBusy, DeviceNotFound, DeviceUnavailable, UnavailableReason

if TYPE_CHECKING:
    from ektp_hw.transport.libfprint_library import Library

__all__ = [
    "AT_WORK",
    "Home",
    "Seen",
    "described",
    "hear_news",
    "listed",
    "move_in",
    "move_out",
    "usb_device",
]

AT_WORK = threading.RLock()
"""Held by every thread while libfprint works for it, never while it waits."""
_LISTING = threading.RLock()
_LIST_TIMEOUT = 4.0
_MOST_NEWS = 1000
_CAPTURES = 1
"""The feature flag of sensors that give pictures."""


@dataclass(frozen=True)
class Seen:
    """A sensor that libfprint knows and that is attached."""

    name: str
    """``<libfprint's driver>@<place on the bus>``; for sensors that are not on a USB, its id."""
    title: str
    vendor_id: int | None
    product_id: int | None


@dataclass(frozen=True)
class Home:
    """A sensor's FpDevice and the main context that it works on."""

    device: Any
    main: Any


def listed(library: Library) -> list[Any]:
    """Return the attached sensors that give pictures, each to be given back.

    Raises
    ------
    DeviceUnavailable
        If the application's own GLib loop does not let it.
    """
    call, ffi = library.functions, library.ffi
    found: list[Any] = []
    done, given_up = threading.Event(), threading.Event()

    def look(_: Any) -> int:  # noqa: ANN401
        if not given_up.is_set():
            with AT_WORK:
                found.extend(call.g_object_ref(one) for one in _attached(library))
            done.set()
        return 0

    callback = ffi.callback("GSourceFunc", look)
    with _LISTING:
        call.g_main_context_invoke(ffi.NULL, callback, ffi.NULL)
        if not done.wait(_LIST_TIMEOUT):
            given_up.set()
            _UNANSWERED.append(callback)
            raise DeviceUnavailable(
                "libfprint cannot list its sensors while the application's own GLib loop is busy; "
                "let that loop run, or ask before it starts",
                reason=UnavailableReason.UNSUPPORTED,
                device="libfprint:",
            )
        _clear_out(library, found)
    return found


def move_in(library: Library, name: str, uri: str) -> Home:
    """Return the home of the sensor with that name, for one to use until `move_out`.

    Raises
    ------
    DeviceNotFound, DeviceBusy, DeviceUnavailable
        What is in the way.
    """
    call = library.functions
    with _LISTING:
        known = {described(library, one).name: one for one in listed(library)}
        try:
            if name not in known:
                raise DeviceNotFound(
                    f"libfprint sees no such sensor; it sees {', '.join(known) or 'none'}",
                    device=uri,
                )
            place = _place(library, known[name])
            if place in _OCCUPIED:
                raise DeviceBusy(
                    "another part of this program holds the sensor, or libfprint has not ended its "
                    "work on it; close it there, then unplug it",
                    device=uri,
                )
            if place not in _HOMES:
                _HOMES[place] = Home(call.g_object_ref(known[name]), call.g_main_context_new())
            _OCCUPIED.add(place)
            return _HOMES[place]
        finally:
            for one in known.values():
                call.g_object_unref(one)


def move_out(library: Library, home: Home) -> None:
    """Let somebody else use the sensor."""
    _OCCUPIED.discard(_place(library, home.device))


def described(library: Library, device: Any) -> Seen:  # noqa: ANN401
    """Say what is known of a sensor without opening it."""
    call = library.functions
    place, vendor, product = library.text(call.fp_device_get_device_id(device)), None, None
    usb = usb_device(library, device)
    if usb:
        place = _bus_place(library.text(call.g_usb_device_get_platform_id(usb))) or place
        vendor, product = call.g_usb_device_get_vid(usb), call.g_usb_device_get_pid(usb)
        call.g_object_unref(usb)
    driver = library.text(call.fp_device_get_driver(device))
    title = library.text(call.fp_device_get_name(device))
    return Seen(f"{driver}@{place}", title, vendor, product)


def usb_device(library: Library, device: Any) -> Any:  # noqa: ANN401
    """Return libgusb's object of the sensor, to be given back; NULL if it is on another bus."""
    ffi, call = library.ffi, library.functions
    kind = ffi.cast("void **", device)[0]  # every GObject begins with its class
    name = ffi.new("char[]", b"fpi-usb-device")
    held = ffi.new("void **")
    if call.g_object_class_find_property(kind, name):
        call.g_object_get(device, name, held, ffi.NULL)
    return held[0]


def _clear_out(library: Library, attached: list[Any]) -> None:
    """Give back what sensors that have gone had, unless it is in use."""
    here = {_place(library, one) for one in attached}
    for place in set(_HOMES) - here - _OCCUPIED:
        home = _HOMES.pop(place)
        with AT_WORK:
            library.functions.g_object_unref(home.device)
            library.functions.g_main_context_unref(home.main)


def _place(library: Library, device: Any) -> int:  # noqa: ANN401
    return int(library.ffi.cast("uintptr_t", device))


_HOMES: dict[int, Home] = {}
"""By the address of the FpDevice."""
_OCCUPIED: set[int] = set()
_UNANSWERED: list[Any] = []
"""Callbacks that a GLib loop may still call."""
_CONTEXTS: dict[Library, Any] = {}
"""The process's FpContext."""


def hear_news(library: Library) -> None:
    """Run what waits in the default context, unless it belongs to a loop of the application's."""
    for _ in range(_MOST_NEWS):  # of what was plugged in or pulled since
        if not library.functions.g_main_context_iteration(library.ffi.NULL, 0):
            break


def _attached(library: Library) -> list[Any]:
    """Return the sensors that give pictures; runs where GLib's default context belongs."""
    call = library.functions
    context = _CONTEXTS.get(library)
    if context is None:
        context = _CONTEXTS[library] = call.fp_context_new()
        call.fp_context_enumerate(context)
    hear_news(library)
    found = call.fp_context_get_devices(context)
    devices = [found.pdata[place] for place in range(found.len)]
    return [one for one in devices if call.fp_device_get_features(one) & _CAPTURES]


def _bus_place(platform_id: str) -> str:
    """Turn libgusb's ``usb:01:00:02`` (bus, root, ports) into the kernel's ``1-2``."""
    parts = [int(part, 16) for part in platform_id.split(":")[1:]]
    ports = [str(port) for port in parts[1:] if port]
    return f"{parts[0]}-{'.'.join(ports)}" if ports else ""
