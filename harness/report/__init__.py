"""Renderers of a judged run: Markdown, terminal, JSON, CSV, JUnit.

Pure functions of `harness.results.RunResults` that compute no numbers of their own; only `write` touches disk.
Strings that a device, a model file or a user supplied pass through `text` before they are shown.
"""
