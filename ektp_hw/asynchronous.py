# SPDX-License-Identifier: Apache-2.0
"""The same devices for programs built on asyncio: the same calls, run in threads of their own.

::

    from ektp_hw import asynchronous

    async with asynchronous.opened("virtual:fingerprint") as scanner:
        image = await asynchronous.capture(scanner, timeout=10.0)
    async for event in asynchronous.device_events("fingerprint"):
        print(event.change, event.info)

Cancelling the task (or `asyncio.timeout`) sets the capture's cancel event and waits, at most
200 ms, for its thread: when the ``await`` ends, the device is free.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ektp_hw import registry
from ektp_hw.hotplug import DeviceMonitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ektp_hw.devices.base import Device, DeviceInfo, DeviceKind
    from ektp_hw.devices.card_reader import CardReader
    from ektp_hw.devices.fingerprint_scanner import FingerprintScanner
    from ektp_hw.devices.iris_camera import IrisCamera
    from ektp_hw.devices.signature_pad import SignaturePad
    from ektp_hw.hotplug import DeviceEvent

    Capturing = FingerprintScanner | IrisCamera | SignaturePad | CardReader

__all__ = ["capture", "device_events", "discover", "opened"]

_T = TypeVar("_T")


async def discover(
    kind: DeviceKind | str | None = None,
    timeout: float = 5.0,  # noqa: ASYNC109  # as the other
) -> list[DeviceInfo]:
    """List the devices that are attached; see `ektp_hw.discover`."""
    return await _in_a_thread(lambda: registry.discover(kind, timeout))


@asynccontextmanager
async def opened(device: DeviceInfo | str) -> AsyncIterator[Any]:
    """Open a device for the block and close it after; see `ektp_hw.open_device`."""
    one: Device = await _in_a_thread(
        lambda: registry.open_device(device), undo=lambda late: late.close()
    )
    try:
        yield one
    finally:
        await _in_a_thread(one.close)


async def capture(
    device: Capturing,
    *,
    on_preview: Callable[[Any], None] | None = None,
    **wishes: Any,  # noqa: ANN401  # as the device's own `capture` takes them
) -> Any:  # noqa: ANN401  # the sample of the device's kind
    """Capture; see the device's own ``capture`` for wishes and errors.

    Parameters
    ----------
    device
        Open.
    on_preview
        Called in the event loop with the pictures on the way. A slow one delays nobody; what it
        raises is the event loop's to report and does not end the capture.
    wishes
        ``timeout``, ``judge``, ``enough``, ``eye``, ``rest``... `judge` is called in the thread.

    Raises
    ------
    TypeError
        For ``cancel``: cancel the task instead.
    """
    if "cancel" in wishes:
        raise TypeError("an awaited capture is cancelled by its task, not by an event")
    loop = asyncio.get_running_loop()
    cancel = threading.Event()
    show = None
    if on_preview is not None:
        preview = on_preview

        def show(sample: Any) -> None:  # noqa: ANN401
            loop.call_soon_threadsafe(preview, sample)

    return await _in_a_thread(
        lambda: device.capture(cancel=cancel, on_preview=show, **wishes), cancel=cancel
    )


async def device_events(kind: DeviceKind | str | None = None) -> AsyncIterator[DeviceEvent]:
    """Give devices that come and go until the loop over it ends; see `DeviceMonitor`."""
    queue: asyncio.Queue[DeviceEvent] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def tell(event: DeviceEvent) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, event)

    monitor = DeviceMonitor(kind, on_event=tell).start()
    try:
        while True:
            yield await queue.get()
    finally:
        await _in_a_thread(monitor.stop)


async def _in_a_thread(
    call: Callable[[], _T],
    *,
    cancel: threading.Event | None = None,
    undo: Callable[[_T], None] | None = None,
) -> _T:
    """Run a call in a thread of its own, and wait for it even when cancelled.

    Parameters
    ----------
    cancel
        Set when the task is cancelled, so that the call ends soon.
    undo
        Called with the answer when the task was cancelled and nobody is there to take it.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  # it is raised where it is awaited
            loop.call_soon_threadsafe(answer.set_exception, error)
        else:
            loop.call_soon_threadsafe(answer.set_result, result)

    thread = threading.Thread(target=run, name="ektp_hw awaited", daemon=True)
    thread.start()
    cancelled: asyncio.CancelledError | None = None
    while not answer.done():
        try:
            await asyncio.wait([answer])
        except asyncio.CancelledError as error:
            cancelled = error
            if cancel is not None:
                cancel.set()
    thread.join()  # it has nothing left to do
    if cancelled is None:
        return answer.result()
    if answer.exception() is None and undo is not None:
        undo(answer.result())
    raise cancelled
