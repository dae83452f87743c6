"""From what was observed to what it means: metrics, effective precision, verdicts. Pure, no I/O.

`judge.run.judge` turns a `judge.stored.StoredRun` into `harness.results.RunResults`; the device lane asks
`judge.effective` after the one-sample probe whether a cell is worth measuring in full.
"""
