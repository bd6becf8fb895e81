"""End-to-end evaluation of a model on a data set with one labelled face per picture.

Every labelled picture counts: without a detected face it is classified as a whole, and an
unreadable one is wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np

from genderscope.core.errors import DatasetError, PictureError
from genderscope.core.html import table
from genderscope.core.protocols import Detector
from genderscope.core.results import Document, Estimate, Provenance, Record, Unreadable
from genderscope.core.types import LABELS, Frame, Image, Prediction, Sample
from genderscope.evaluation import face_sizes, metrics, predictions
from genderscope.evaluation.face_sizes import FaceSizes
from genderscope.evaluation.metrics import Rates, Selective, calibration
from genderscope.evaluation.metrics.calibration import Calibration, RiskCoverage
from genderscope.evaluation.metrics.groups import NOT_STATED, Group, by_group
from genderscope.evaluation.predictions import Answer as Answer
from genderscope.imaging.preprocess import PreprocessSpec, crop
from genderscope.inference.classifier import Classifier, results_beside
from genderscope.inference.locate import locate

PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "scikit-learn")
"""What the numbers may depend on besides Python and this package."""
ACCURACY_IS = (
    "argmax without abstention, over every labelled picture: one without a detected face is "
    "classified as a whole, one that cannot be read counts as wrong"
)
FULL_SIZE = 0  # the key of the face in its original picture; other keys are widths in pixels


class Confusion(Record, frozen=True, kw_only=True):
    """A confusion matrix with a row per truth; ``shares`` are of all pictures of the row,
    including those without a prediction.
    """

    labels: tuple[str, str]
    counts: tuple[tuple[int, int], tuple[int, int]]
    shares: tuple[tuple[float, float], tuple[float, float]]


class Evaluation(Document, frozen=True, kw_only=True):
    """All metrics of a model on ``n`` labelled pictures of a data set; ``accuracy_is`` says what
    counts as right. ``trivial`` are three classifiers that ignore the picture. Groups are by column
    and name. Pictures without a detected face are classified as a whole, unreadable ones count
    as wrong, and unlabelled ones do not count.
    """

    KIND = "evaluation"

    dataset: str
    split: str
    model: str
    detector: str
    n: int
    n_by_label: dict[str, int]
    accuracy_is: str
    rates: Rates[Estimate]
    roc_auc: Estimate
    confusion: Confusion
    calibration: Calibration
    selective: Selective
    risk_coverage: RiskCoverage
    trivial: dict[str, Rates[float | None]]
    by_group: dict[str, dict[str, Group]]
    face_size: FaceSizes | None
    not_detected: int
    unreadable: tuple[Unreadable, ...]
    unlabelled: tuple[str, ...]

    def _repr_html_(self) -> str:
        rates = self.rates
        rows = {"accuracy": rates.accuracy, "balanced accuracy": rates.balanced_accuracy}
        rows |= {f"recall, {label}": rates.recall[label] for label in LABELS}
        for column, groups in self.by_group.items():
            rows |= {
                f"accuracy, {column} {name or NOT_STATED}": of.accuracy
                for name, of in groups.items()
            }
        caption = f"{self.model} on {self.data}, faces by {self.detector}"
        cells = ((name, estimate.n, estimate) for name, estimate in rows.items())
        return table(caption, ("", "pictures", "95% interval"), cells)

    @property
    def data(self) -> str:
        """The data set's name and split, and whether pictures were excluded."""
        excluded = ", no leaks" if self.provenance.exclusions else ""
        return f"{self.dataset.partition(':')[0]} {self.split}{excluded}"


def answers(
    samples: Iterable[Sample],
    detector: Detector,
    classifier: Classifier,
    batch_size: int = 256,
    face_px: Sequence[int] = (),
    redetect: bool = False,
) -> Iterator[Answer]:
    """Classify every sample, in order, as a photograph would be; also at face widths of ``face_px``
    pixels (see ``face_sizes``), with ``redetect`` detected again in each downscaled picture.
    """
    stream = iter(samples)
    while batch := list(islice(stream, batch_size)):
        located = [_crops(s, detector, classifier.spec, face_px, redetect) for s in batch]
        crops = [crop for face in located if not isinstance(face, str) for crop in face[0].values()]
        scores = (
            (woman, man)
            for start in range(0, len(crops), batch_size)
            for woman, man in classifier(np.stack(crops[start : start + batch_size])).tolist()
        )
        for sample, face in zip(batch, located, strict=True):
            if isinstance(face, str):
                yield Answer(sample, error=face)
                continue
            sizes, detected = face
            by_size = {px: Prediction(next(scores), classifier.min_confidence) for px in sizes}
            yield Answer(sample, by_size.pop(FULL_SIZE), detected=detected, smaller=by_size)


def _crops(
    sample: Sample,
    detector: Detector,
    spec: PreprocessSpec,
    face_px: Sequence[int],
    redetect: bool,
) -> tuple[dict[int, Image], bool] | str:
    """The crops by face width, and whether the face was detected; or why there are none."""
    try:
        located = locate(sample, detector, spec)
        image, [face], [full] = located.frame.image, located.faces, located.crops
        assert image is not None  # an unreadable picture raises
        crops = {FULL_SIZE: full}
        for size in face_px:
            if small := face_sizes.shrunk(image, face, size):
                picture, small_face = small
                if redetect:
                    box, frame = sample.box and small_face.box, Frame(str(sample.file), picture)
                    [crops[size]] = locate(frame, detector, spec, one_face=True, box=box).crops
                else:
                    crops[size] = crop(picture, small_face, spec)
        return crops, located.detected
    except PictureError as error:
        return str(error)


def check_labels(samples: Iterable[Sample], dataset: str, split: str) -> None:
    """``DatasetError`` if no sample has a label."""
    if all(sample.label is None for sample in samples):
        raise DatasetError(f"{dataset} has no labelled picture in the split {split!r}")


def measure(
    answers: Sequence[Answer],
    *,
    dataset: str,
    split: str,
    model: str,
    detector: str,
    min_confidence: float,
    provenance: Provenance,
    face_px: Sequence[int] = (),
    redetect: bool = False,
) -> Evaluation:
    """All metrics; ``provenance.seed`` is the bootstrap's. ``DatasetError`` without labels."""
    check_labels((answer.sample for answer in answers), dataset, split)
    labelled = [answer for answer in answers if answer.sample.label is not None]
    arrays = predictions.of(labelled, model)
    truth, score, seed = arrays.truth, arrays.score, provenance.seed or 0
    counts = metrics.confusion(truth, metrics.decide(score))
    return Evaluation(
        provenance=provenance,
        dataset=dataset,
        split=split,
        model=model,
        detector=detector,
        n=len(labelled),
        n_by_label=dict(zip(LABELS, counts.sum(axis=1).tolist(), strict=True)),
        accuracy_is=ACCURACY_IS,
        rates=metrics.estimated_rates(counts),
        roc_auc=metrics.roc_auc(truth, score),
        confusion=_confusion(counts),
        calibration=calibration.calibration(truth, score, seed),
        selective=metrics.selective(truth, score, min_confidence),
        risk_coverage=calibration.risk_coverage(truth, score, seed),
        trivial=metrics.trivial(counts),
        by_group={
            column: by_group(truth, score, groups, min_confidence, seed)
            for column, groups in arrays.groups.items()
        },
        face_size=face_sizes.curve(labelled, face_px, redetect) if face_px else None,
        not_detected=sum(not (answer.detected or answer.error) for answer in labelled),
        unreadable=tuple(
            Unreadable(file=str(answer.sample.file), reason=answer.error)
            for answer in labelled
            if answer.error
        ),
        unlabelled=tuple(str(a.sample.file) for a in answers if a.sample.label is None),
    )


def beside(model: Path) -> list[Evaluation]:
    """The evaluations beside a model; errors as ``load``."""
    return [Evaluation.load(file) for file in results_beside(model)]


def _confusion(counts: metrics.Integers) -> Confusion:
    shares = counts[:, :2] / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = {"labels": LABELS, "counts": counts[:, :2].tolist(), "shares": shares.tolist()}
    return msgspec.convert(rows, Confusion)
