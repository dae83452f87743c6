"""The hazard lint: where a model will lose accuracy in fewer bits, and why, found without any device.

It reads the ONNX graph (`graph`), runs it once in fp32 on a few samples, and replays what the float16 kernels and the
weight quantisation of MNN do to the numbers it saw (`calibration`). That gives the error of every operator, which is
carried along the graph (`propagation`) and put into words (`hazards`). `score` holds what it foretold of blocks
against what a device measured.
"""
