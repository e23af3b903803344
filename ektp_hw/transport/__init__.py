# SPDX-License-Identifier: Apache-2.0
"""Bytes in, bytes out: one file per bus, and transcripts of what went over the wire."""
