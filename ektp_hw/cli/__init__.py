# SPDX-License-Identifier: Apache-2.0
"""The porch: the command ``ektp-hw``, one file per command.

Only `console` prints. A command imports what it needs inside its own function, so that
``ektp-hw --help`` answers at once.
"""
