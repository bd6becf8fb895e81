"""Networks opened in ONNX Runtime: threads, memory and the execution provider, in one place.

Knows nothing of what a network does.
"""

from pathlib import Path

import onnxruntime

from genderscope.core.errors import ModelError, UsageError

CPU = "cpu"
_SUFFIX = "ExecutionProvider"


def create(file: Path, threads: int = 0, provider: str = CPU) -> onnxruntime.InferenceSession:
    """Open a network.

    Args:
        threads: for one run of the network; 0 leaves it to ONNX Runtime.
        provider: what runs it: cpu, cuda, openvino, coreml or another of ONNX Runtime's. Where this
            build or machine has none such, the CPU does; ``provider_of`` says which one it became.

    Raises:
        UsageError: ONNX Runtime knows no such provider.
        ModelError: it cannot be opened.
    """
    known = {name.removesuffix(_SUFFIX).lower(): name for name in onnxruntime.get_all_providers()}
    if provider.lower() not in known:
        raise UsageError(f"no provider {provider!r}; there are: {', '.join(sorted(known))}")
    wanted = known[provider.lower()]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False  # it would keep a plan for every size of input seen
    # Threads that wait in a loop would keep a core busy for nothing between two runs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what it would print comes as an exception too
    try:
        return onnxruntime.InferenceSession(
            file,
            options,
            providers=[
                name
                for name in dict.fromkeys((wanted, known[CPU]))
                if name in onnxruntime.get_available_providers()
            ],
        )
    except Exception as error:  # its exception types are private and have no common root
        raise ModelError(f"{file} cannot be opened as an ONNX model: {error}") from error


def provider_of(session: onnxruntime.InferenceSession) -> str:
    """The provider that runs a network, by the name that ``create`` takes."""
    name: str = session.get_providers()[0]
    return name.removesuffix(_SUFFIX).lower()
