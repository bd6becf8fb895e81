"""ONNX Runtime sessions: threads, memory and the execution provider, in one place."""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

import onnxruntime

from genderscope.core.errors import ModelError, UsageError

CPU = "cpu"
_SUFFIX = "ExecutionProvider"
TRIAL_BYTES = 160 * 2**20  # memory limit of all trial sessions together


def create(
    file: Path, threads: int = 0, provider: str = CPU, *, trial: bool = False
) -> onnxruntime.InferenceSession:
    """Open a network; ``ModelError`` if that fails, ``UsageError`` for an unknown provider.

    ``threads`` run it; with 0 ONNX Runtime chooses their number. The provider is cpu, cuda,
    openvino, coreml or another of ONNX Runtime's; where this build or machine lacks it, the CPU is
    used, and ``provider_of`` returns the actual one. A network of unknown origin is opened for a
    ``trial``: it fails rather than take more than ``TRIAL_BYTES``.
    """
    providers = {
        name.removesuffix(_SUFFIX).lower(): name for name in onnxruntime.get_all_providers()
    }
    if provider.lower() not in providers:
        raise UsageError(f"no provider {provider!r}; there are: {', '.join(sorted(providers))}")
    wanted = providers[provider.lower()]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False  # it would keep a plan for every input size
    # Spinning threads would keep cores busy between runs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # errors are raised as exceptions too
    if trial:
        _limit_memory()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.use_env_allocators", "1")
    usable = onnxruntime.get_available_providers()
    tried = [name for name in dict.fromkeys((wanted, providers[CPU])) if name in usable]
    fallback = int(wanted != providers[CPU])  # for the CPU it would only print and retry
    try:
        return onnxruntime.InferenceSession(
            file, options, providers=tried, enable_fallback=fallback
        )
    except Exception as error:  # its exception types are private, without a common base
        raise ModelError(f"{file} cannot be opened as an ONNX model: {error}") from error


class Session:
    """A network that is reopened in a forked process, and when unpickled or copied."""

    def __init__(self, file: Path, threads: int = 0, provider: str = CPU) -> None:
        """See ``create``."""
        self.file = file.absolute()
        self._options = threads, provider
        self._opened = [(os.getpid(), create(file, threads, provider))]

    def __call__(self) -> onnxruntime.InferenceSession:
        """The network in this process."""
        process, session = self._opened[-1]
        if process != os.getpid():
            session = create(self.file, *self._options)
            # The parent's session stays: closing it would wait for threads that the fork lacks.
            self._opened.append((os.getpid(), session))
        return session

    def __reduce__(self) -> tuple[type, tuple[Path, int, str]]:
        return Session, (self.file, *self._options)


def of_device(device: str) -> str:
    """The provider of a device, such as ``cpu`` or ``cuda``; ``UsageError`` with advice if ONNX
    Runtime cannot use it here.
    """
    available = [
        name.removesuffix(_SUFFIX).lower()
        for name in onnxruntime.get_available_providers()
        if not name.startswith("Azure")  # a web service
    ]
    if (provider := str(device).lower()) not in available:
        raise UsageError(
            f"no device {device!r} for this ONNX Runtime; it has: {', '.join(available)}. "
            "An NVIDIA card is 'cuda' with onnxruntime-gpu, an Intel one 'openvino' with "
            "onnxruntime-openvino, each installed in place of onnxruntime; a Mac has 'coreml'"
        )
    return provider


@cache
def _limit_memory() -> None:
    """Register a size-limited allocator in this process, which trials use."""
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    sizes = onnxruntime.OrtArenaCfg({"max_mem": TRIAL_BYTES, "arena_extend_strategy": 1})
    with suppress(Exception):  # other code in this process has already registered one
        onnxruntime.create_and_register_allocator(memory, sizes)


def trial_options() -> onnxruntime.RunOptions:
    """Options for a run that releases its memory."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def provider_of(session: onnxruntime.InferenceSession) -> str:
    """The provider that runs a network, named as in ``create``."""
    name: str = session.get_providers()[0]
    return name.removesuffix(_SUFFIX).lower()
