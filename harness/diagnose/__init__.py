"""Why a cell loses accuracy, and the plan that repairs it.

`read` (an .mnn file → `graph`) → `cuts` (where a model can be cut) → `blocks` (its parts, by name) → `plans` (a
precision for each part) → `front` (which plans are worth trying) and `search` (which one to try next). `chain` checks
on this machine that a model in parts is still the model. All but `read` and `chain` is pure, and runs on no device.
"""
