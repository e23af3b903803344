# SPDX-License-Identifier: Apache-2.0
# The module that the build generates: declarations of the compiled core for cffi.

from cffi import FFI

ffi: FFI
