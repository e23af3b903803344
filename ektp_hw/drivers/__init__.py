# SPDX-License-Identifier: Apache-2.0
"""Drivers: one file for each family of wire protocols.

How to write one
----------------
`GUIDE.md` beside this file shows a whole one in a package of its own, and one over a maker's closed
library. In short:

1. Make a subclass of `FingerprintScanner`, `IrisCamera`, `SignaturePad` or `CardReader` with the
   class attributes ``name`` and, for USB devices, ``usb_ids``; for other addresses ``schemes``.
   The table of ids feeds discovery, the list of supported devices and the udev rules.
2. Say how it is found. A USB driver stands on `transport.found_by_id.FoundById` too, before the
   kind: ``class Acme(FoundById, FingerprintScanner)``; a HID driver on `FoundByHidId`. Others
   write the class methods ``discover`` (list what is attached, open nothing) and ``locate`` (is
   this address mine?). A pad that reports single samples of a pen stands on
   `devices.pen_pad.PenPad`, one with a screen also on `devices.pad_display.PadDisplay`.
3. Fill the hooks with an underscore: ``_open``, ``_close`` and those of the kind; a driver of one
   connection has the first two from `devices.linked.Linked`. The base class owns states, locking,
   time limits and cancelling; a hook never blocks longer than ``wait.slice()`` and calls
   ``wait.check()`` between transfers. Raise only errors of `ektp_hw.errors`: a `ProtocolError`
   means that the next capture starts afresh.
   Whatever a crashed program left must not show after ``_open``: a USB device of one function may
   be opened by `transport.usb_reset.connect_afresh`; a node in /dev is claimed by
   `transport.claim`. What ``_connect`` returns may have a ``probe``, which raises `DeviceRemoved`
   when the device has gone, so that unplugging is noticed while nobody captures.
4. Say what the device can do: the property ``capabilities`` returns the record of its kind
   (`ektp_hw.devices.capabilities`), complete once the device is open.
5. Add one line to the entry points of your own package, exactly as ours do::

       [project.entry-points."ektp_hw.drivers"]
       zk4500 = "ektp_hw.drivers.zk4500:ZK4500"

6. Test it against a recorded transcript (`ektp_hw.transport.transcript`) and, best, against a
   model of the device (`ektp_hw.virtual.usb_function`). Ours each have a bench in ``tests/rigs``
   (``tests/usb_bench.py`` is most of it for a USB device, ``tests/pad_bench.py`` for a pad),
   on which ``tests/drivers/test_conformance.py`` tries everything that every driver must do.

A driver imports devices, transport, samples and errors, and never another driver.
"""
