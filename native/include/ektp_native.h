/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EKTP_NATIVE_H
#define EKTP_NATIVE_H
#include <stddef.h>
#include <stdint.h>
#if defined(_WIN32)
#  define EKTP_API __declspec(dllexport)
#  pragma warning(disable : 4273)
#else
#  define EKTP_API __attribute__((visibility("default")))
#endif
#if !defined(_WIN32)
#pragma GCC visibility push(default)
#endif
#include "ektp_native.cdef.h"
#if !defined(_WIN32)
#pragma GCC visibility pop
#endif
#endif
