# SPDX-License-Identifier: Apache-2.0
"""Bytes in, bytes out: the roads to devices, and transcripts of what went over them.

Each road has a file with its name, and the files whose names begin alike belong to it. `usb`,
`serial`, `hidraw`, `evdev` and `video` have a ``connect``, which opens an address and returns a
`base.Connection`; `pcsc` and `libfprint` stand on the system's service or library. On the roads go
conversations that several drivers, or a driver and its model, speak: `hid`, `uvc`, `ccid`,
`zfm_module`, `uareu`, the ``stu_`` files. `vendor_process` is the road to a maker's closed library,
`claim` keeps two programs off one node.
"""
