"""The Python interface: see docs/api.md."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import astuple
from functools import cached_property
from pathlib import Path
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any, Literal, overload

import PIL.Image

from genderscope import detection as detectors
from genderscope.core import sessions
from genderscope.core.arguments import path
from genderscope.core.errors import PictureError, UsageError
from genderscope.core.types import LABELS, Frame, Orientation, Result
from genderscope.imaging import inputs
from genderscope.imaging.decode import Encoded
from genderscope.imaging.inputs import ChannelOrder, Picture
from genderscope.inference import locate
from genderscope.inference.classifier import Classifier
from genderscope.inference.explainer import EITHER, Explainer
from genderscope.inference.pipeline import Pipeline

if TYPE_CHECKING:
    from genderscope.evaluation.explanations import Explanation
    from genderscope.video import Live, LiveScene
    from genderscope.video.cameras import Source

Errors = Literal["raise", "return"]


class Results(list[Result]):
    """The faces of a picture, in the detector's order; a table in notebooks."""

    def _repr_html_(self) -> str:
        from genderscope.core import html

        rows = []
        for number, result in enumerate(self):
            scores = (f"{score:.3f}" for score in result.scores.values())
            rows.append((number, result.label, *scores, *map(round, astuple(result.face.box))))
        return html.table("", ("face", "label", *LABELS, "x", "y", "width", "height"), rows)


class Scope(Pipeline):
    """Finds, classifies and explains faces; see ``load``.

    It can be pickled, copied, and used by several threads and in other processes.
    """

    def __repr__(self) -> str:
        score = getattr(self.detector, "min_score", None)
        return (
            f"<Scope: model {self.classifier.name}, uncertain below {self.min_confidence:.3f}; "
            f"detector {self.detector.name}{f', min_score {score:g}' if score else ''}>"
        )

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a string is an iterable of strings too
        self, picture: Picture, *, channel_order: ChannelOrder = "bgr"
    ) -> Results: ...
    @overload
    def __call__(
        self, picture: Iterable[Picture], *, channel_order: ChannelOrder = "bgr"
    ) -> list[Results]: ...
    @overload
    def __call__(
        self,
        picture: Iterable[Picture],
        *,
        channel_order: ChannelOrder = "bgr",
        errors: Literal["return"],
    ) -> list[Results | PictureError]: ...
    def __call__(
        self, picture: Any, *, channel_order: ChannelOrder = "bgr", errors: Errors = "raise"
    ) -> Any:
        """Every face of one picture or of each of several, in the detector's order.

        Args:
            picture: a path, an ``http://`` or ``https://`` address, bytes, a binary file, a PIL
                image, or an array (height, width[, channels]) of uint8, or of floats from 0 to 1;
                or a list or another iterable of these, whose faces are classified in batches.
            channel_order: of arrays with three or four channels: ``bgr``, as OpenCV reads
                pictures, or ``rgb``.
            errors: ``raise`` the first, or ``return`` each in its picture's place.

        Raises:
            PictureError: a picture cannot be read, or a face lies outside it.
            UsageError: the input is not a picture.
        """
        if errors not in ("raise", "return"):
            raise UsageError(f"errors is 'raise' or 'return', not {errors!r}")
        if inputs.is_one(picture):
            [answer] = self._answers([inputs.load(picture, channel_order)], errors)
            return answer
        return list(self._answers(_numbered(picture, channel_order), errors))

    def _answers(
        self, pictures: Iterable[Frame | Encoded], errors: Errors
    ) -> Iterator[Results | PictureError]:
        spec = self.classifier.spec
        if errors == "return":
            located = locate.stream(pictures, self.detector, spec)
        else:
            located = (locate.locate(picture, self.detector, spec) for picture in pictures)
        for scene in self.classify(located):
            if scene.frame.error is None:
                yield Results(scene.results)
            elif errors == "return":
                yield PictureError(scene.frame.error)
            else:
                raise PictureError(scene.frame.error)

    def explain(
        self, picture: Picture, label: str | None = None, *, channel_order: ChannelOrder = "bgr"
    ) -> "list[Explanation]":
        """Every face of a picture with the guided gradient behind its scores: a map of the pixels
        that they depend on. See docs/explanations.md for what such maps can show.

        Args:
            picture, channel_order: as for a call.
            label: ``woman`` or ``man``, to explain; by default each face's higher score.

        Raises:
            PictureError, UsageError: as for a call.
            ModelError: the model has no guided graph beside it.
        """
        from genderscope.evaluation import explanations

        if label not in (None, *LABELS):
            raise UsageError(f"label is {' or '.join(map(repr, LABELS))}, not {label!r}")
        return explanations.explain(
            inputs.read(picture, channel_order),
            self.detector,
            self._explainer,
            EITHER if label is None else LABELS.index(label),
            self.rule,
        )

    def draw(
        self, picture: Picture, results: Iterable[Result], *, channel_order: ChannelOrder = "bgr"
    ) -> PIL.Image.Image:
        """The picture with the boxes, labels and confidences of its faces drawn into it.

        Args:
            picture, channel_order: as for a call.
            results: what the call returned for it.
        """
        from genderscope.imaging.draw import draw  # with fonts, slow to import

        faces = list(results) if isinstance(results, Iterable) else [None]
        if not all(isinstance(face, Result) for face in faces):
            raise UsageError(f"results must be what the call returned, not {shortened(results)}")
        drawn = draw(inputs.read(picture, channel_order), faces)
        return PIL.Image.fromarray(drawn[..., ::-1])

    def video(
        self,
        source: str | int | Path,
        *,
        explain: bool = False,
        drawn: bool = False,
        private: bool = False,
        frame_rate: float = 25.0,
    ) -> "Iterator[LiveScene]":
        """Follow the faces of a camera or video: a scene for each frame, in which each result has
        its track and the mean of its track's scores. Close the iterator to stop early.

        Args:
            source: a camera's number, a video file, a folder of frames, or an address such as
                ``rtsp://...``.
            explain: also compute guided gradients: of every face or, if ``drawn``, of those with
                room for one beside them.
            drawn: also draw the results, into each scene's ``drawn``, (height, width, 3) BGR.
            private: pixelate the faces that are drawn.
            frame_rate: pictures per second of a folder.

        Raises:
            SourceError: there is no such source, or it was lost.
            MissingExtra: SciPy or PyAV is not installed.
        """
        from genderscope.video import Live
        from genderscope.video.cameras import open_source

        if source == "":  # else the current folder
            raise UsageError("the source of a video is empty")
        explainer = self._explainer if explain else None
        live = Live(self, explainer, drawn=drawn or private, private=private)
        return _streamed(live, open_source(str(source), frame_rate=frame_rate))

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer.load(self.classifier.file)


def load(
    model: str | Path = "mini_xception",
    detector: str | None = None,
    detector_model: str | Path | None = None,
    min_confidence: float | None = None,
    *,
    max_yaw: float | None = None,
    orientation: Orientation = "auto",
    detection_size: int = detectors.DETECTION_SIZE_PX,
    min_score: float = detectors.MIN_SCORE,
    min_face_px: int = detectors.MIN_FACE_PX,
    threads: int | None = None,
    device: str = "cpu",
) -> Scope:
    """Open a model and a detector.

    Args:
        model: a shipped model's name or alias (``fast``, ``balanced``, ``accurate``), or the path
            of an exported one.
        detector: by default ``yunet`` where its weights are, else ``haar``.
        detector_model: the detector's weights.
        min_confidence: below it a label is ``uncertain``; by default the model's own.
        max_yaw: faces turned further to the side are ``uncertain``, in degrees.
        orientation: which way up faces are looked for.
        threads: per network; by default one per core for the classifier and one for the
            detector.
        detection_size, min_score, min_face_px: the longest side searched at once, in pixels; the
            minimum detector score, 0-1; and the minimum shorter side of a face, in pixels.
        device: ``cpu`` or another device of the installed ONNX Runtime, such as ``cuda``.

    Raises:
        ModelError: a model is absent or broken.
        UsageError: there is no such detector or device, or a number is out of range.
    """
    provider = sessions.of_device(device)
    return Scope(
        Classifier.load(model, 0 if threads is None else threads, provider),
        detectors.create(
            detector,
            model=None if detector_model is None else path("detector_model", detector_model),
            threads=1 if threads is None else threads,
            provider=provider,
            orientation=orientation,
            detection_size=detection_size,
            min_score=min_score,
            min_face_px=min_face_px,
        ),
        min_confidence,
        max_yaw,
    )


def _numbered(pictures: Iterable[Any], channel_order: ChannelOrder) -> Iterator[Frame | Encoded]:
    for number, picture in enumerate(pictures):
        name = f"picture {number}"
        try:
            yield inputs.load(picture, channel_order, name)
        except UsageError as error:
            raise UsageError(f"{error} ({name})") from error


def _streamed(live: "Live", source: "Source") -> "Iterator[LiveScene]":
    with closing(iter(source)) as frames:
        yield from live.stream(frames)
