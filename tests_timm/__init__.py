"""Tests of the export of timm models; they need torch, so they have an environment of their own.

    python3 -m venv .cache/venv-timm
    .cache/venv-timm/bin/pip install --no-deps torch==2.13.0
    .cache/venv-timm/bin/pip install --no-deps --require-hashes -r lock/timm.txt
    .cache/venv-timm/bin/python -m pytest tests_timm

torch comes first and without hashes: which build of it there is differs from machine to machine.
`lock/timm.txt` is made from `lock/timm.in`:

    uv pip compile lock/timm.in -c lock/dev.txt --generate-hashes --no-header --no-annotate \
        --no-emit-package torch -o lock/timm.txt
"""
