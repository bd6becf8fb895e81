"""From encoded pictures to faces, off the event loop.

Two thread pools, for small and for large pictures, decode them and locate faces; the second has
a lower priority. One more thread runs the networks, in batches.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

import cv2
import numpy as np

from genderscope.core.parallel import Budget, Work
from genderscope.core.protocols import Detector
from genderscope.core.types import Face, Image, LeftOut, Result
from genderscope.imaging import decode, structure
from genderscope.imaging.decode import Encoded
from genderscope.imaging.limits import Limits
from genderscope.imaging.preprocess import PreprocessSpec
from genderscope.inference.classifier import Classifier, find, shipped
from genderscope.inference.explainer import Explainer, guided_file
from genderscope.inference.locate import LocatedFaces, locate
from genderscope.inference.pipeline import Rule
from genderscope.server.batching import Batches, Function

T = TypeVar("T")
# A picture of more pixels, in all passes of its decoder, keeps nobody with a smaller one waiting.
LARGE_PIXELS = 4_000_000
SMALL_SHARE = 4  # of the memory, for all smaller pictures
LARGE_NICENESS = 5


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model; without a guided graph it has no explainer."""

    classifier: Classifier
    explainer: Explainer | None
    file: Path


def load_models(default: str) -> tuple[dict[str, Model], str]:
    """The shipped models and the default, a name or the path of an exported model, by their names;
    and the default's name. ``ModelError`` if the default is absent or broken.
    """

    def load(file: Path) -> Model:
        explainer = Explainer.load(file, 1) if guided_file(file).is_file() else None
        return Model(Classifier.load(file, 1), explainer, file)

    files = dict.fromkeys(map(find, [*shipped(), default]))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        loaded = dict(zip(files, threads.map(load, files), strict=True))
    # A default of a shipped model's name replaces it.
    models = {model.classifier.name: model for model in loaded.values()}
    return models, loaded[find(default)].classifier.name


@dataclass(frozen=True, slots=True)
class PictureResults:
    """A picture's size in pixels, how many faces it has, and the results of those that were wanted;
    on request their crops and maps as PNGs.
    """

    width: int
    height: int
    detected: int
    results: tuple[Result, ...]
    left_out: LeftOut
    crops: tuple[bytes, ...]
    maps: tuple[bytes, ...]


class _Lane:
    """Threads that locate faces, each with a detector, and the memory that they share. Other work
    may run in its ``threads`` too.
    """

    def __init__(
        self,
        name: str,
        detector: Callable[[], Detector],
        threads: int,
        limits: Limits,
        share: int,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        """The threads share 1/``share`` of a picture's memory; each calls ``prepare`` first."""
        self._limits, self._memory = limits, Budget(limits.max_memory * 2**20 // share)
        self._detectors: SimpleQueue[Detector] = SimpleQueue()
        for _ in range(threads):
            self._detectors.put(detector())
        self.threads = ThreadPoolExecutor(threads, name, prepare)

    async def locate(self, picture: Encoded, spec: PreprocessSpec) -> LocatedFaces:
        """The faces of a picture; it is given up if nobody waits for them any longer."""
        work = Work(self._memory)

        def located() -> LocatedFaces:
            with work:
                faces = locate(picture, self.detect, spec, limits=self._limits, work=work)
            return replace(faces, frame=faces.frame.without_pixels())

        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, located)
        finally:
            work.cancel()

    def detect(self, image: Image) -> list[Face]:
        detector = self._detectors.get()
        try:
            return detector(image)
        finally:
            self._detectors.put(detector)


class Engine:
    """Models by name, and detectors, for concurrent callers; the ``default`` model is used where a
    caller names none. It is ``warm`` once everything has been run.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        default: str,
        detector: Callable[[], Detector],
        workers: int = 1,
        *,
        limits: Limits = decode.LIMITS,
        batch_size: int = 32,
        wait_s: float = 0.002,
        observe: Callable[[int], None] = lambda size: None,
    ) -> None:
        """``detector`` makes one for each thread: ``workers`` for small pictures, and as many for
        large ones. ``limits`` are those of a picture; pictures that are decoded at the same time
        share the memory of one. For the other options see ``Batches``.
        """
        self.models, self.default, self.warm = models, default, False
        self._limits, self._workers = limits, workers
        self._small = _Lane("small", detector, workers, limits, SMALL_SHARE)
        self._large = _Lane("large", detector, workers, limits, 1, _give_way)
        self._network = ThreadPoolExecutor(1, "network")

        def batches(function: Function) -> Batches:
            return Batches(function, self._network, batch_size, wait_s, observe)

        self._classify = {
            name: batches(_classifying(one.classifier)) for name, one in models.items()
        }
        self._explain = {
            name: batches(_explaining(model.explainer))
            for name, model in models.items()
            if model.explainer is not None
        }

    async def process(
        self,
        picture: bytes,
        model: str,
        rule: Rule,
        explain: bool,
        crops: bool,
        wanted: slice = slice(None),
    ) -> PictureResults:
        """The wanted faces of one encoded picture, in the detector's order, by one of ``models``,
        which has an explainer if ``explain`` is true; ``PictureError`` if it cannot be read, or is
        too large.
        """
        spec = self.models[model].classifier.spec
        encoded, lane = await asyncio.to_thread(self._examine, picture)
        located = await lane.locate(encoded, spec)
        assert located.frame.size is not None  # what cannot be read was raised
        height, width = located.frame.size
        network = self._explain[model] if explain else self._classify[model]
        cut = located.crops[wanted]
        rows = await network(cut)
        pictures = await self.run(lambda: tuple(map(png, cut))) if crops else ()
        return PictureResults(
            width,
            height,
            len(located.faces),
            tuple(map(rule.result, located.faces[wanted], (row[0] for row in rows))),
            located.left_out,
            pictures,
            tuple(row[1] for row in rows) if explain else (),
        )

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call a function in the pool; a call that is cancelled before it starts never runs."""
        return await asyncio.get_running_loop().run_in_executor(
            self._small.threads, function, *arguments
        )

    async def warm_up(self) -> None:
        """Run everything once."""
        for _ in range(self._workers):
            await self.run(self._small.detect, np.zeros((256, 256, 3), np.uint8))
        for networks in (self._classify, self._explain):
            for name, network in networks.items():
                shape = self.models[name].classifier.spec.crop_shape
                await network([np.zeros(shape, np.uint8)])
        self.warm = True

    def close(self) -> None:
        """Stop the threads; pending calls are cancelled."""
        for executor in (self._small.threads, self._large.threads, self._network):
            executor.shutdown(cancel_futures=True)

    def _examine(self, data: bytes) -> tuple[Encoded, _Lane]:
        """A picture, and the lane for its size."""
        passes = structure.passes(data)
        large = decode.work_pixels(data, passes, self._limits) > LARGE_PIXELS
        return Encoded("the picture", data, passes), self._large if large else self._small


def _give_way() -> None:
    """Lower the priority of this thread and its child processes; Linux only."""
    if sys.platform == "linux":
        os.nice(LARGE_NICENESS)


def _classifying(classifier: Classifier) -> Function:
    return lambda crops: (classifier(crops).tolist(),)


def _explaining(explainer: Explainer) -> Function:
    def explain(crops: Image) -> tuple[list[list[float]], list[bytes]]:
        scores, maps = explainer(crops)
        return scores.tolist(), [png(explainer.picture(guided)) for guided in maps]

    return explain


def png(image: Image) -> bytes:
    """(height, width[, 3]) uint8, BGR, as a PNG file."""
    return cv2.imencode(".png", image)[1].tobytes()
