"""The CPUs that boards can have. QEMU's CPU model decides which kernels the engine picks."""

from dataclasses import dataclass

from harness.errors import Code, InputError


@dataclass(frozen=True, slots=True)
class Cpu:
    """A CPU model.

    Attributes:
        name: as users write it.
        models: what QEMU calls it, best first; older versions of QEMU do not know every property.
        description: what its instruction set has, of what matters to the engine.
    """

    name: str
    models: tuple[str, ...]
    description: str


def _plain(name: str, description: str) -> Cpu:
    return Cpu(name, (name,), description)


CPUS: dict[str, Cpu] = {
    cpu.name: cpu
    for cpu in (
        _plain("cortex-a53", "ARMv8.0, in-order core: no fp16, no dot product"),
        _plain("cortex-a72", "ARMv8.0, out-of-order core: no fp16, no dot product"),
        _plain("cortex-a76", "ARMv8.2: fp16 and dot product"),
        _plain("neoverse-n1", "ARMv8.2 server core: fp16 and dot product"),
        _plain("a64fx", "ARMv8.2 with SVE: fp16, no dot product"),
        # QEMU's SME is not what the engine's SME kernels have been tried on; boards with it are still rare.
        Cpu("max", ("max,sme=off", "max"), "everything QEMU has but SME: fp16, dot product, i8mm, SVE2"),
    )
}

DEFAULT_FLEET = ("cortex-a53", "cortex-a72", "cortex-a76", "max")
"""No fp16 · no fp16, another core · fp16 and dot product · fp16, dot product and i8mm."""


def cpu_named(name: str) -> Cpu:
    """Return the CPU of that name.

    Raises:
        InputError: machine-not-ready, with the names there are.
    """
    if name not in CPUS:
        raise InputError(
            Code.MACHINE_NOT_READY, f"There is no CPU {name!r} to emulate.", f"Choose one of {', '.join(CPUS)}."
        )
    return CPUS[name]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A board, or a phone, that is to be there; `cpu` is a name of the catalogue."""

    cpu: str
    phone: bool = False


def named(cpus: tuple[str, ...], phones: tuple[str, ...]) -> dict[str, Wanted]:
    """Return the boards and phones with these CPUs, by their names.

    Raises:
        InputError: machine-not-ready, there is no such CPU.
    """
    wanted = {name: Wanted(cpu_named(cpu).name) for name, cpu in zip(board_names(cpus), cpus, strict=True)}
    for name, cpu in zip(board_names(phones), phones, strict=True):
        wanted[f"phone-{name}"] = Wanted(cpu_named(cpu).name, phone=True)
    return wanted


def board_names(cpus: tuple[str, ...]) -> tuple[str, ...]:
    """Return a name for each board: its CPU's, with a running number where several have the same."""
    return tuple(
        cpu if cpus.count(cpu) == 1 else f"{cpu}-{cpus[: index + 1].count(cpu)}" for index, cpu in enumerate(cpus)
    )
