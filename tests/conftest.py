"""Fixtures that all test folders share."""

pytest_plugins = ["tests.boards"]
