"""Mutated seeds: whatever the bytes are, the answer is a value or one of our errors.

A few examples of each kind here; ``make fuzz`` draws new ones for FUZZ_SECONDS, and prints the
bytes of a failure: put them into ``seeds/``, where each is tried first.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fakes import BrightnessClassifier
from genderscope.core.errors import GenderscopeError
from genderscope.core.types import Frame
from genderscope.data.datasets import imdb, table
from genderscope.evaluation import predictions
from genderscope.imaging import decode
from genderscope.inference import metadata
from genderscope.inference.bulk import archives

SEEDS = Path(__file__).parent / "seeds"
SECONDS = float(os.environ.get("FUZZ_SECONDS", 0))
TOKENS = [
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"1e999",
    b"NaN",
    b"\r\n--b",
    b'"',
    b",",
    b"[" * 99,
]


def picture(data: bytes, _: Path) -> None:
    image = decode.read(data)
    assert (image.dtype, image.ndim, image.shape[2]) == (np.uint8, 3, 3)


def archive(data: bytes, folder: Path) -> None:
    kind = ".tgz" if data[:1] == b"\x1f" else ".parquet"
    file = folder / f"a{kind}"
    file.write_bytes(data)
    for found in archives.pictures(archives.Shard(str(file))):
        assert isinstance(found, Frame) or found.path.startswith(str(file))


def any_table(data: bytes, folder: Path) -> None:
    file = folder / f"a{'.parquet' if data[:3] == b'PAR' else '.csv'}"
    file.write_bytes(data)
    with suppress(GenderscopeError):
        predictions.read(file)
    list(table.read(file, "all"))


def mat(data: bytes, folder: Path) -> None:
    (folder / "imdb.mat").write_bytes(data)
    list(imdb.read(folder, "all"))


def model(data: bytes, _: Path) -> None:
    text = data.decode(errors="replace")
    meta = SimpleNamespace(custom_metadata_map={metadata.METADATA_KEY: text})
    read = metadata.read(SimpleNamespace(get_modelmeta=lambda: meta), Path("a.onnx"))
    assert read.temperature > 0
    assert 0 <= read.abstention.min_confidence <= 1


def form(data: bytes, _: Path) -> None:
    bodies = pytest.importorskip("genderscope.server.bodies")
    for kind in ("multipart/form-data; boundary=b", data[:40].decode("latin-1")):
        with suppress(GenderscopeError):
            for file in bodies.pictures(data, kind, max_files=3):
                assert len(file) <= len(data)


KINDS: dict[str, Callable[[bytes, Path], None]] = {
    "pictures": picture,
    "archives": archive,
    "tables": any_table,
    "mat": mat,
    "metadata": model,
    "forms": form,
}


def seeds(kind: str) -> list[bytes]:
    return [file.read_bytes() for file in sorted((SEEDS / kind).iterdir())]


@st.composite
def mutated(draw: st.DrawFn, kind: str) -> bytes:
    data = bytearray(draw(st.sampled_from(seeds(kind))))
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, len(data)))
        end = place + draw(st.one_of(st.integers(0, 4), st.integers(0, len(data))))
        data[place:end] = draw(st.one_of(st.binary(max_size=4), st.sampled_from(TOKENS)))
    return bytes(data)


def fuzz(kind: str, check: Callable[[bytes], None]) -> None:
    """Try the seeds, then mutated ones: a few, or new ones until the time is over."""
    quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    options: dict[str, Any] = {"deadline": None, "suppress_health_check": quiet, "print_blob": True}
    drawn = settings(
        **options, max_examples=200 if SECONDS else 25, derandomize=not SECONDS, database=None
    )(given(mutated(kind))(check))
    for seed in seeds(kind):
        drawn = example(seed)(drawn)
    end = monotonic() + SECONDS / (len(KINDS) + 1)
    drawn()
    while monotonic() < end:
        drawn()


@pytest.mark.parametrize("kind", KINDS)
def test_any_bytes_give_a_value_or_our_error(kind: str, tmp_path: Path) -> None:
    if kind in ("archives", "tables", "mat"):
        pytest.importorskip("pyarrow", reason="needs the extra [eval]")
        pytest.importorskip("scipy", reason="needs the extra [eval]")

    def check(data: bytes) -> None:
        with suppress(GenderscopeError):
            KINDS[kind](data, tmp_path)

    fuzz(kind, check)


def test_any_frame_or_options_get_an_answer_on_the_socket() -> None:
    serving = pytest.importorskip("serving")
    client = pytest.importorskip("websockets.sync.client")
    with serving.running(serving.fake_engine(serving.Gated())) as http:
        address = f"ws://{http.base_url.host}:{http.base_url.port}/v1/live"
        with client.connect(address, proxy=None) as socket:

            def check(data: bytes) -> None:
                for message in (data, data.decode(errors="replace")):
                    socket.send(message)
                    if isinstance(message, bytes) or not _valid(message):
                        answer = json.loads(socket.recv(30))
                        assert ("problem" in answer) != ("faces" in answer)

            fuzz("sockets", check)
        assert http.get("/healthz").status_code == 200


def _valid(text: str) -> bool:
    """Whether the options are valid, which gets no answer."""
    from genderscope.server.schemas import LiveOptions

    try:
        options = LiveOptions.model_validate_json(text)
    except ValueError:
        return False
    return options.model in (None, BrightnessClassifier().name) and not options.explain
