# SPDX-License-Identifier: Apache-2.0
"""Samples and templates in files that others read too: one file for each format or family."""
