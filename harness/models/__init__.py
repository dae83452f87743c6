"""Models and samples on the coordinator: what is measured, and what it is measured against.

`source` (a model as the user named it) → `samples` (what it is fed) → `golden` (onnxruntime's fp32 outputs)
and `variants` (the .mnn files of each way to store weights) → `host` (a variant run on this machine).

MNN is only ever run in a process of its own (`mnn_tool`, `mnn_worker`): it aborts on bad input, prints on
stdout, and a process that ran it must not fork any more. Importing these modules loads neither MNN nor onnx.
"""
