"""What runs on the device. Python 3.8, the standard library, numpy and MNN only.

Nothing here imports the rest of the harness; the rest of the harness may import this (frames, names of
operations, preprocessing), so that both ends share one definition.

Processes: the **agent** (standard library only: lease, frames, heartbeats, store) starts one **zygote** an
engine version, which imports MNN and never opens a session; the zygote forks one **child** a cell. A **watchdog**
ends an agent that stands still.

Protocol
========
The coordinator starts a short bootstrap (`python3 -c …`, see `harness.fleet.bootstrap`) that puts this
package as a zip file into the store and replaces itself by it. The agent first writes `PREAMBLE`; whatever
a noisy login shell printed before it is skipped by the coordinator. From then on both sides speak frames
(`frames.py`): a JSON header and a binary payload. The agent keeps its protocol descriptors to itself:
descriptors 0, 1 and 2 of zygotes and children never reach the coordinator's stream.

Requests carry `op` and `id`; the one reply carries the same `id` and `ok`. A failed reply has
`{"ok": false, "code": "<harness.errors.Code>", "message": "…"}`. Requests to a cell are answered in order;
`ping` is answered at once, whatever else goes on.

=========  ==========================================================  ========================================
op         request                                                     reply
=========  ==========================================================  ========================================
hello      run, holder, lease, device, silence_s, governor (or null)   agent, facts (see facts.py); or code
                                                                       device-busy with held_by {run, holder,
                                                                       since, pid, device}
who        lease                                                       held, run, holder, held_s (see who.py)
health     busy_over_s (0: `busy` is not measured)                     the state of the device, see health.py
have       digests [sha256 …]                                          missing [sha256 …]
put        digest, size, offset; payload: the chunk. All chunks of     stored true; one reply, after the last
           one object share one id                                     chunk or at the first error
engine     engine "3.6.1", wheels [{name, digest}], deadline_s         engine, numpy, banner, unpacked (bool)
open       cell, engine, model digest, runtime {…}, hints [[n, v]],    load_ms
           inputs [name], outputs [name], cpus [n …] or null,
           deadline_s, segments [{inputs, outputs, precision}]
infer      cell, batch digest, first, count, mean, std                 outputs [{name, shape, dtype}] with shape
                                                                       [count, …]; payload: the arrays' bytes
                                                                       one after another; infer_ms [float …]
probe      cell, batch digest, index, mean, std                        session_backend, session_memory_mb,
                                                                       session_memory_mb_high,
                                                                       session_equals_module, tensors,
                                                                       half_tensors, half_tensors_high,
                                                                       half_flops_share, full_operators,
                                                                       int8_typed_share, int8_share,
                                                                       half_rest_share, float_operators,
                                                                       equals_high; chain where there are
                                                                       segments, see chain.py
capture    cell, batch digest, index, mean, std, control digest        payload: a capture, lines of JSON
blocks     cell, batch digest, index, mean, std, control digest,       payload: errors of blocks in JSON
           segments [{inputs, outputs}]
time       cell, batch digest, index, mean, std, warmup, repeats       first_ms, samples_ms, output_unchanged,
                                                                       health [before, after] the timed runs
close      cell                                                        max_rss_mb
ping       -                                                           -
bye        -                                                           - (then the agent ends)
=========  ==========================================================  ========================================

`open` starts the engine again where its zygote has died since. A request to a cell may have 64 KB. Of the
parts of a `put` that follow one that failed, none is answered. `half_tensors_high`, `session_memory_mb_high` and
`equals_high` (module against module: same file, precision high, memory normal, no hints) are null for a cell
that is just that; `int8_…` and `half_rest_share` where neither the file nor memory low asks for int8
multiplication. Operators are [{name, type, share} …], at most 16, the largest first; see `harness.evidence.Probe`.

`segments` cut a model into modules with a precision each (1 high, 2 low); empty, it is one module.

A capture is a line {undisturbed, control_undisturbed, restored, output_relative_l2, unmatched, scratch_mb} and, for
each of at most 4096 operators in the order in which they ran, one {name, type, flops, elements, integers,
relative_l2, largest, rms, nonfinite, near_overflow, flushed, tiny, made, rounding, amplification}, `Infinity` among
the figures; see `harness.captured` for what they are, and capture.py for how they come about.

Errors of blocks are {chain_error, together, blocks [{local, alone, spared} …]}, with `Infinity` among the figures;
`control` is the fp32 file that they are held against. See blocks.py and `harness.block_errors`.

Answers of a cell's child carry the `cell` that it opened and the `batch` that it was asked about, so that none is
taken for another's.

A batch in the store is a .npy array [N, C, H, W]: uint8 pixels, normalised on the device as
(x / 255 - mean) / std in float32 (C = 1 is repeated to len(mean) channels), or float32, used as it is.
"""

PREAMBLE = b"\n\x00precision-farm agent 1\x00\n"
"""Written once by the agent before its first frame; what stands before it is noise."""

MOST_OPERATORS = 16
"""How many operators a probe names, at most, in each of its lists."""

MOST_CAPTURED = 4096
"""How many operators a capture tells of, at most; the rest is unmatched."""
