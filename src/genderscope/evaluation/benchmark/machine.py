"""The machine that measures, and the peak throughput of one of its threads."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import msgspec

from genderscope.evaluation.benchmark.results import Ceiling, Machine

LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow")  # times depend on these
# Instruction sets that determine the vector width of float32 and INT8.
INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimd", "asimddp")
# Linear algebra libraries read these once, when NumPy is imported.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)
CPU_INFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def describe() -> Machine:
    """The processor, its caches and the load, without host or user name."""
    text = CPU_INFO.read_text(errors="replace") if CPU_INFO.is_file() else ""
    facts = dict(re.findall(r"^([\w ]+?)\s*: (.*)$", text.partition("\n\n")[0], re.MULTILINE))
    flags = (facts.get("flags") or facts.get("Features", "")).split()
    return Machine(
        cpu=facts.get("model name") or platform.processor() or platform.machine(),
        architecture=platform.machine(),
        cpu_family_model=(facts.get("cpu family"), facts.get("model")),
        instructions=tuple(name for name in INSTRUCTIONS if name in flags),
        cores=os.cpu_count(),
        cores_allowed=len(os.sched_getaffinity(0)) if sys.platform == "linux" else None,
        caches=_caches(),
        system=f"{platform.system()} {platform.release()}",
        load_average_1m=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    )


def ceiling() -> Ceiling:
    """One thread's peak throughput, by ``ceiling.measure`` in a separate process."""
    # With -P it imports no modules from the current folder.
    command = [sys.executable, "-P", "-m", "genderscope.evaluation.benchmark.ceiling"]
    env = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    output = subprocess.run(command, env=env, capture_output=True, check=True)
    return msgspec.json.decode(output.stdout, type=Ceiling)


def _caches() -> dict[str, str]:
    """Cache sizes by name, such as L2, as the system reports them."""
    sizes = {}
    for cache in sorted(CACHES.glob("index*")):
        level, kind, size = ((cache / key).read_text().strip() for key in ("level", "type", "size"))
        sizes[f"L{level}" + {"Data": "d", "Instruction": "i"}.get(kind, "")] = size
    return sizes
