"""What several test modules share."""

from collections.abc import Iterator
from pathlib import Path
from signal import SIG_IGN, SIGINT, SIGTERM, default_int_handler, getsignal, signal

import pytest

import genderscope
from genderscope.inference.classifier import WEIGHTS

SHARED = Path(__file__).parents[2] / "shared"
PORTRAIT = Path(genderscope.__file__).parent / "imaging" / "samples" / "astronaut.jpg"

if getsignal(SIGINT) == SIG_IGN:  # as in the background of a shell; some tests interrupt processes
    signal(SIGINT, default_int_handler)


@pytest.fixture(autouse=True)
def _the_same_signals() -> Iterator[None]:
    """Processes of later tests would inherit a handler that a command left behind, and not end."""
    before = {number: getsignal(number) for number in (SIGINT, SIGTERM)}
    yield
    after = {number: getsignal(number) for number in before}
    for number, handler in before.items():
        signal(number, handler)
    ours = (default_int_handler, SIG_IGN)  # Ray and notebooks leave others
    assert not [n for n, handler in after.items() if handler != before[n] and handler in ours]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data sets and models beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder ../shared beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def portrait() -> Path:
    """A public-domain photograph, 512 x 512, with one face."""
    return PORTRAIT


@pytest.fixture(scope="session")
def model() -> str:
    """The name of a shipped model."""
    if not (WEIGHTS / "mini_xception.onnx").is_file():
        pytest.skip("needs weights/mini_xception.onnx, which is not trained yet")
    return "mini_xception"
