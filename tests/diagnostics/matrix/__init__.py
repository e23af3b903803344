# SPDX-License-Identifier: Apache-2.0
"""The doctor's fault matrix: every trouble of a station that we can make, singly and by two.

`all_troubles` has them, `bench` runs them; the doctor's own program imports neither.
"""
