"""Emulated ARM boards: real OpenSSH servers on loopback with an arm64 userland behind them.

To the rest of the harness a board is a board: it is reached over SSH through an inventory, and nothing
outside this package knows that it is emulated but for the inventory's `emulated: true`.

A board is one process tree: the keeper (`keeper.py`), below it OpenSSH's server, below that one session a
connection, and in it proot, which runs every program of the userland through QEMU with the board's CPU.
"""
