"""Why a cell loses accuracy, and the plan that repairs it.

`read` (an .mnn file → `graph`) → `cuts` (where a model can be cut) → `blocks` (its parts, by name) → `plans` (a
precision for each part) → `front` (which plans are worth trying) and `search` (which one to try next). All of
these but `read` are pure, and run on no device.
"""
