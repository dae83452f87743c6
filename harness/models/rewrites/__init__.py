"""Rewrites of an ONNX graph that keep what it computes, and keep a narrow arithmetic from spoiling it.

Each is a module with a function `apply(model, known)`: it changes the model in place and returns an `Outcome`. None
of them is believed: `same_mathematics` holds every rewritten model against its original, on the samples.
"""
