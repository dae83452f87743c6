"""Faults injected between coordinator and board, in the board, and in the coordinator: `make chaos`.

Every fault of a device has a device of its own in a run, next to one that nothing happens to. All are folders of one
emulated board, but for faults that strike whoever is on the board; those have a board of their own. The run must end,
the fault must be seen to have struck, every cell of a faulty device must end as the fault allows, every cell of the
others must be measured, none twice, and no lease may be left.
"""
