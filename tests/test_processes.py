"""A scope in other processes, in threads and in copies."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import pytest

import genderscope
from genderscope import Result, Scope
from genderscope.imaging import decode


@pytest.fixture(scope="module", params=["haar", "yunet"])
def scope(request: pytest.FixtureRequest, model: str) -> Scope:
    weights = None
    if request.param == "yunet":
        weights = next(request.getfixturevalue("shared").glob("models/*yunet*.onnx"))
    return genderscope.load(model, request.param, weights, 0.75, threads=2)


@pytest.fixture(scope="module")
def picture(portrait: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pictures") / "small.png"
    cv2.imwrite(str(file), decode.read(portrait)[20:240, 110:330])
    return file


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork, since 3.12
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_it_works_in_other_processes(scope: Scope, picture: Path, method: str) -> None:
    expected = scope(picture)  # the parent has run its networks
    assert len(expected) == 1
    with multiprocessing.get_context(method).Pool(2) as pool:
        answers = pool.map_async(_classify, [(scope, picture)] * 3).get(120)
    assert answers == [expected] * 3


def test_a_fork_that_only_inherits_it_opens_its_own(scope: Scope, picture: Path) -> None:
    """As the workers of a DataLoader do on Linux: nothing is pickled."""
    expected = scope(picture)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=lambda: sender.send(scope(picture)))
    worker.start()
    assert receiver.poll(60)
    assert receiver.recv() == expected
    worker.join(30)
    assert worker.exitcode == 0


def test_copies_and_threads_give_the_same(scope: Scope, picture: Path) -> None:
    expected = scope(picture)
    for other in (copy.deepcopy(scope), pickle.loads(pickle.dumps(scope))):
        assert other(picture) == expected
        assert other.min_confidence == 0.75
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(scope, [picture] * 8)) == [expected] * 8


def _classify(work: tuple[Scope, Path]) -> list[Result]:
    scope, picture = work
    return scope(picture)
