"""Requests and answers of the service, with examples for its documentation."""

from base64 import b64encode
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from genderscope.core.records import FaceRecord
from genderscope.core.types import LABELS, LeftOut, SecondLook
from genderscope.imaging.preprocess import PreprocessSpec
from genderscope.inference.classifier import CARD
from genderscope.server.engine import Model, PictureResults

# Metadata of a model that its users need.
PUBLIC_METADATA = ("source", "data", "parameters", "multiply_adds", "abstention")
FACE: JsonDict = {  # examples for the documentation
    "box": {"x": 175.01, "y": 71.35, "width": 96.4, "height": 127.02},
    "label": "woman",
    "scores": {"woman": 0.988421, "man": 0.011579},
    "confidence": 0.988421,
    "detector_score": 0.936118,
    "landmarks": [[203.1, 121.4], [246.2, 119.8], [228.6, 147.7], [209.8, 168.9], [245.0, 167.2]],
    "roll_deg": -2.3,
    "yaw_deg": 8.6,
}
PICTURE: JsonDict = {
    "width": 512,
    "height": 512,
    "faces": [FACE],
    "left_out": {"small": 0, "faint": 0},
}
ANSWER: JsonDict = {"model": "mini_xception", "min_confidence": 0.707296, "pictures": [PICTURE]}


class ProblemDetails(BaseModel):
    """An error, after RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="What is wrong, and what to do.")


class Options(BaseModel):
    """Options of a request."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    model: str | None = Field(default=None, examples=["mini_xception"])
    """A name from /v1/models, or fast, balanced or accurate; otherwise the default model."""
    min_confidence: float | None = Field(default=None, ge=0, le=1, examples=[0.8])
    """Below it a face is uncertain; otherwise the model's own threshold."""
    max_yaw: float | None = Field(default=None, ge=0, le=90, examples=[40])
    """Faces turned further to the side are uncertain, in degrees (YuNet)."""
    crops: bool = False
    """Include each face's crop, the network's input."""


class ClassifyOptions(Options):
    """Options of a classification."""

    format: Literal["json", "csv"] = "json"
    """CSV has a row for each face, with its picture's number."""


class ExplainOptions(Options):
    """Options of an explanation."""

    face: int = Field(default=0, ge=0)
    """The face to show as a PNG; 0 is the first."""
    format: Literal["json", "png"] | None = None
    """Otherwise the header Accept decides; JSON by default."""


class LiveOptions(Options):
    """Options of the WebSocket."""

    explain: bool = False
    """Include each face's guided gradient."""


@dataclass(frozen=True, kw_only=True)
class Face(FaceRecord):
    """A face and its perceived gender presentation."""

    __pydantic_config__ = ConfigDict(use_attribute_docstrings=True)

    crop_png: str | None = None
    """The network's input as a PNG in base64."""
    map_png: str | None = None
    """The guided gradient of the higher score, as a grey PNG in base64."""


class Picture(BaseModel):
    """A picture's faces, the detector's best first."""

    model_config = ConfigDict(json_schema_extra={"examples": [PICTURE]})

    width: int
    height: int
    faces: list[Face]
    left_out: LeftOut = Field(description="How many faces the detector saw and dropped.")

    @classmethod
    def of(cls, picture: PictureResults, **more: Any) -> Self:  # fields of subclasses
        return cls(
            width=picture.width,
            height=picture.height,
            faces=[
                Face.of(result, crop_png=_base64(crop), map_png=_base64(guided))
                for result, crop, guided in zip_longest(
                    picture.results, picture.crops, picture.maps
                )
            ],
            left_out=picture.left_out,
            **more,
        )


class LiveAnswer(Picture):
    """A frame of the WebSocket."""

    frame: int
    model: str
    min_confidence: float


class LiveProblem(BaseModel):
    """A frame, or without a number the options, that failed."""

    frame: int | None
    problem: ProblemDetails


class Failure(BaseModel):
    """One of several pictures that cannot be read."""

    error: str


class Answer(BaseModel):
    """The pictures of a request, in its order."""

    model_config = ConfigDict(json_schema_extra={"examples": [ANSWER]})

    model: str
    min_confidence: float = Field(description="Below it a face is uncertain.")
    pictures: list[Picture | Failure]


class ModelCard(BaseModel):
    """A model, with what is needed to run it elsewhere."""

    name: str
    explains: bool = Field(description="Whether /v1/explain supports it.")
    network: str = Field(description="The address of its ONNX file.")
    card: str | None = Field(description="The address of its card, if it has one.")
    labels: list[str]
    spec: PreprocessSpec = Field(description="How a face becomes its input.")
    temperature: float = Field(description="Scores are the softmax of the logits divided by it ...")
    bias: float = Field(description="... with this added to the last class.")
    min_confidence: float = Field(description="Its default threshold.")
    second_look: SecondLook = Field(
        description="Which faces are scored again, mirrored, and get the mean logits: none, all, "
        "or the uncertain ones, below the default threshold."
    )
    second_look_deg: float = Field(
        description="They are also scored turned by this angle either way, and then mirrored; 0 "
        "for no turned views."
    )
    metadata: dict[str, Any] = Field(description="Its data, licence and size.")  # as exported

    @classmethod
    def of(cls, name: str, model: Model) -> Self:
        classifier = model.classifier
        plain = classifier.metadata.plain()
        address = f"/v1/models/{quote(name, safe='')}"
        return cls(
            name=name,
            explains=model.explainer is not None,
            network=f"{address}/network",
            card=f"{address}/card" if model.file.with_suffix(CARD).is_file() else None,
            labels=list(LABELS),
            spec=classifier.spec,
            temperature=classifier.temperature,
            bias=classifier.bias,
            min_confidence=classifier.min_confidence,
            second_look=classifier.metadata.second_look,
            second_look_deg=classifier.metadata.second_look_deg,
            metadata={key: plain[key] for key in PUBLIC_METADATA if key in plain},
        )


class Models(BaseModel):
    """The available models."""

    default: str
    models: list[ModelCard]


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()
