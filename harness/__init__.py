"""Precision farm: which hardware x precision combinations lose accuracy, why, and what to do."""

__version__ = "0.1.0"
