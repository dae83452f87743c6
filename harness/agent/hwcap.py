"""The instruction set, as the kernel offers it to this process.

From the auxiliary vector, never from /proc/cpuinfo on ARM: the engine picks its kernels by the same bits, and
an emulated board's /proc/cpuinfo is the host's. Bits: arch/arm64/include/uapi/asm/hwcap.h of Linux.
"""

import ctypes
from typing import List, Tuple

AT_HWCAP, AT_HWCAP2 = 16, 26

_ARM_HWCAP = {
    "asimd": 1,
    "aes": 3,
    "crc32": 7,
    "atomics": 8,
    "fp16": 10,  # ASIMDHP, half-precision arithmetic
    "dot": 20,  # ASIMDDP
    "sve": 22,
    "fhm": 23,  # ASIMDFHM
}
_ARM_HWCAP2 = {"sve2": 1, "i8mm": 13, "bf16": 14, "sme": 23, "sme2": 37}
_X86_FLAGS = ("sse4_2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16")


def raw() -> Tuple[int, int]:
    """Return AT_HWCAP and AT_HWCAP2; zeros where the C library does not tell."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "getauxval"):
        return 0, 0
    libc.getauxval.restype = ctypes.c_ulong
    libc.getauxval.argtypes = [ctypes.c_ulong]
    return int(libc.getauxval(AT_HWCAP)), int(libc.getauxval(AT_HWCAP2))


def arm_names(hwcap: int, hwcap2: int) -> List[str]:
    """Return the names of the extensions that the bits of an aarch64 process stand for."""
    names = [name for name, bit in _ARM_HWCAP.items() if hwcap >> bit & 1]
    return names + [name for name, bit in _ARM_HWCAP2.items() if hwcap2 >> bit & 1]


def x86_names(cpuinfo: str) -> List[str]:
    """Return those extensions that matter here, from the text of /proc/cpuinfo."""
    for line in cpuinfo.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            present = set(flags.split())
            return [flag for flag in _X86_FLAGS if flag in present]
    return []
