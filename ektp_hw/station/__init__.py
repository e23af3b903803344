# SPDX-License-Identifier: Apache-2.0
"""The station's hall: what one recording leaves behind for people to read.

`report` writes the page of a session: devices, people, prints and what was found.
"""
