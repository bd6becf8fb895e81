"""The time of a picture by stage, and of all stages together, on one thread."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from genderscope.core.errors import PictureError
from genderscope.core.protocols import Detector
from genderscope.core.types import Floats, Frame, Image, Prediction, Result
from genderscope.evaluation.benchmark.results import Pictures, Rates, Stage, Stages
from genderscope.imaging import decode, draw
from genderscope.inference.classifier import Classifier
from genderscope.inference.explainer import Explainer
from genderscope.inference.locate import locate
from genderscope.inference.pipeline import Pipeline

FILE_STAGES = ("read", "decode")
FRAME_STAGES = ("detect", "crop", "classify", "explain", "draw")
WARM_UP_ROUNDS = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """OpenCV on one thread within the context."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def time_stages(
    image: Image, detector: Detector, classifier: Classifier, explainer: Explainer | None
) -> tuple[Floats, int]:
    """Locate, classify, explain and draw the faces of one picture: the seconds of each of
    ``FRAME_STAGES``, 0 for one left out, and the number of faces.
    """
    clock = [perf_counter()]

    def lap(stage: str) -> None:
        clock.append(perf_counter())

    located = locate(Frame("", image), detector, classifier.spec, lap=lap)
    crops, faces = np.array(located.crops, np.uint8), located.faces
    scores = classifier(crops).tolist() if faces else []
    lap("classify")
    if explainer and faces:
        explainer(crops)
        lap("explain")
    else:
        clock.append(clock[-1])
    predictions = [Prediction((woman, man), classifier.min_confidence) for woman, man in scores]
    draw.draw(image, list(map(Result, faces, predictions)))
    lap("draw")
    return np.diff(clock), len(faces)


def measure(
    pictures: Iterable[Path | Frame],
    detector: Detector,
    classifier: Classifier,
    explainer: Explainer | None,
    rounds: int,
) -> Pictures:
    """Time each stage on pictures, as ``decode.find`` yields them, one after the other, and the
    whole as ``classify`` runs it; ``PictureError`` if no picture is left. Classifier and explainer
    are opened with one thread; the latter may be left out.
    """
    readable, unreadable = [], []
    for picture in pictures:
        try:
            if isinstance(picture, Frame):
                raise PictureError(picture.error)
            decode.read(picture)
            readable.append(picture)
        except PictureError as error:
            unreadable.append(str(error))
    if not readable:
        raise PictureError(unreadable[0] if unreadable else "no folder that is named has a picture")
    scope = Pipeline(classifier, detector)
    apart, together = [], []
    with one_thread():
        for _ in range(WARM_UP_ROUNDS + rounds):
            times, counts = [], []
            for path in readable:
                began = perf_counter()
                encoded = path.read_bytes()
                read = perf_counter()
                image = decode.read(encoded)
                decoded = perf_counter()
                spent, count = time_stages(image, detector, classifier, explainer)
                times.append([read - began, decoded - read, *spent])
                counts.append(count)
            apart.append(np.sum(times, axis=0))
            began = perf_counter()
            for _ in scope.stream(decode.frames(readable)):
                pass
            together.append(perf_counter() - began)
    seconds = float(np.median(together[WARM_UP_ROUNDS:]))
    n = len(readable), sum(counts)
    return Pictures(
        pictures=n[0],
        faces=n[1],
        rounds=rounds,
        apart=shares((*FILE_STAGES, *FRAME_STAGES), np.median(apart[WARM_UP_ROUNDS:], axis=0), *n),
        together=Rates(**_rates(seconds, *n)),
        unreadable=tuple(unreadable),
    )


def shares(names: Sequence[str], seconds: Floats, pictures: int, faces: float) -> Stages:
    """The rates of the whole and of each stage; a stage that took no time was left out."""
    total = float(seconds.sum())
    return Stages(
        **_rates(total, pictures, faces),
        stages={
            name: Stage(**_rates(spent, pictures, faces), share=spent / total)
            for name, spent in zip(names, seconds.tolist(), strict=True)
            if spent
        },
    )


def _rates(time: float, pictures: int, faces: float) -> dict[str, float]:
    return {"ms": 1e3 * time, "pictures_per_s": pictures / time, "faces_per_s": faces / time}
