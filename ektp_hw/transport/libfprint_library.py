# SPDX-License-Identifier: Apache-2.0
"""Loads the system's libfprint 2 and describes what is used of it, and of the GLib it stands on.

Declarations follow the public headers of libfprint 2 (1.94), GLib, GObject, GIO and libgusb. One
handle serves all: the dynamic linker looks a name up in a library's own dependencies too.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, NamedTuple

from ektp_hw.errors import DeviceUnavailable, UnavailableReason

__all__ = ["Library", "load"]

_FILE = "libfprint-2.so.2"
_FLAGS = getattr(os, "RTLD_NOW", 0) | getattr(os, "RTLD_NODELETE", 0)
"""GLib's and libgusb's threads run until the process ends, so their code must not be unmapped."""

_GLIB = """
typedef int gboolean;
typedef uint32_t GQuark;
typedef struct { GQuark domain; int code; char *message; } GError;
typedef struct { void **pdata; unsigned int len; } GPtrArray;
typedef gboolean (*GSourceFunc)(void *);

void *g_main_context_new(void);
void g_main_context_unref(void *);
void g_main_context_push_thread_default(void *);
void g_main_context_pop_thread_default(void *);
gboolean g_main_context_iteration(void *, gboolean may_block);
void g_main_context_invoke(void *, GSourceFunc, void *);
void *g_timeout_source_new(unsigned int milliseconds);
void g_source_set_callback(void *, GSourceFunc, void *, void *);
unsigned int g_source_attach(void *, void *);
void g_source_destroy(void *);
void g_source_unref(void *);
void *g_cancellable_new(void);
void g_cancellable_cancel(void *);
void *g_object_ref(void *);
void g_object_unref(void *);
void *g_object_class_find_property(void *, const char *);
void g_object_get(void *, const char *, ...);
void g_error_free(GError *);
GQuark g_io_error_quark(void);
"""

_GUSB = """
GQuark g_usb_device_error_quark(void);
const char *g_usb_device_get_platform_id(void *);
uint16_t g_usb_device_get_vid(void *);
uint16_t g_usb_device_get_pid(void *);
gboolean g_usb_device_reset(void *, GError **);
"""

_FPRINT = """
typedef void (*Ready)(void *, void *, void *);

GQuark fp_device_retry_quark(void);
GQuark fp_device_error_quark(void);
void *fp_context_new(void);
void fp_context_enumerate(void *);
GPtrArray *fp_context_get_devices(void *);
const char *fp_device_get_driver(void *);
const char *fp_device_get_device_id(void *);
const char *fp_device_get_name(void *);
unsigned int fp_device_get_features(void *);
unsigned int fp_device_get_finger_status(void *);
void fp_device_open(void *, void *cancellable, Ready, void *);
gboolean fp_device_open_finish(void *, void *, GError **);
void fp_device_close(void *, void *cancellable, Ready, void *);
gboolean fp_device_close_finish(void *, void *, GError **);
void fp_device_capture(void *, gboolean wait, void *cancellable, Ready, void *);
void *fp_device_capture_finish(void *, void *, GError **);
unsigned int fp_image_get_width(void *);
unsigned int fp_image_get_height(void *);
double fp_image_get_ppmm(void *);
const unsigned char *fp_image_get_data(void *, size_t *);
"""


class Library(NamedTuple):
    """The loaded library and the cffi instance that knows its types."""

    ffi: Any
    functions: Any

    def text(self, pointer: Any) -> str:  # noqa: ANN401  # cffi's own type is dynamic
        """Return a C string; empty where there is none."""
        return "" if not pointer else self.ffi.string(pointer).decode("utf-8", "replace")


@lru_cache(maxsize=2)
def load(file_name: str = _FILE) -> Library:
    """Load libfprint; it is asked for nothing yet.

    Raises
    ------
    DeviceUnavailable
        With reason ``LIBRARY_MISSING``, naming the package.
    """
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(_GLIB + _GUSB + _FPRINT)
    try:
        functions: Any = ffi.dlopen(file_name, _FLAGS)
        _ = functions.fp_device_get_features  # from 1.92 on; an older one cannot serve
    except (OSError, AttributeError) as failure:
        raise DeviceUnavailable(
            "the sensors of the system's libfprint cannot be used without it; install it in "
            "version 1.92 or newer (package libfprint-2-2 on Debian and Ubuntu, libfprint "
            f"elsewhere) ({str(failure).splitlines()[0]})",
            reason=UnavailableReason.LIBRARY_MISSING,
            device="libfprint:",
        ) from failure
    return Library(ffi, functions)
