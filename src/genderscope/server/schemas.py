"""Requests and answers of the service, with examples for its documentation."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from genderscope.core.records import FaceRecord
from genderscope.core.types import LABELS
from genderscope.server.engine import Model, Seen

# Metadata of a model that its users need.
PUBLIC_METADATA = ("source", "data", "parameters", "multiply_adds", "abstention")
FACE: dict[str, Any] = {
    "box": {"x": 175.01, "y": 71.35, "width": 96.4, "height": 127.02},
    "label": "woman",
    "scores": {"woman": 0.988421, "man": 0.011579},
    "confidence": 0.988421,
    "detector_score": 0.936118,
    "landmarks": [[203.1, 121.4], [246.2, 119.8], [228.6, 147.7], [209.8, 168.9], [245.0, 167.2]],
}
PICTURE: dict[str, Any] = {"width": 512, "height": 512, "faces": [FACE]}

ANSWER: dict[str, Any] = {
    "model": "mini_xception",
    "min_confidence": 0.627146,
    "pictures": [PICTURE],
}


class ProblemDetails(BaseModel):
    """An error, as RFC 9457 writes it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="One sentence: what is wrong, and what to do.")


class Options(BaseModel):
    """What a client may choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = Field(
        default=None,
        description="A name of /v1/models; without it the default.",
        examples=["mini_xception"],
    )
    min_confidence: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Below it a face is uncertain; without it the model's own.",
        examples=[0.8],
    )
    crops: bool = Field(
        default=False, description="Give each face's crop, as the network reads it."
    )


class ExplainOptions(Options):
    """What a client may choose of an explanation."""

    face: int = Field(default=0, ge=0, description="Whose map the PNG is; 0 is the best found.")
    format: Literal["json", "png"] | None = Field(
        default=None,
        description="Without it the header Accept decides, and JSON where that is open.",
    )


class LiveOptions(Options):
    """What a client of the WebSocket may choose, at any time."""

    explain: bool = Field(default=False, description="Give each face's guided gradient.")


@dataclass(frozen=True, kw_only=True)
class Face(FaceRecord):
    """A face and its perceived gender presentation."""

    crop_png: str | None = field(
        default=None, metadata={"description": "The network's input as a PNG in base64."}
    )
    map_png: str | None = field(
        default=None,
        metadata={
            "description": "The guided gradient of the higher score, as a grey PNG in base64."
        },
    )


class Picture(BaseModel):
    """A picture's faces, in the detector's order: best first."""

    model_config = ConfigDict(json_schema_extra={"examples": [PICTURE]})

    width: int
    height: int
    faces: list[Face]

    @classmethod
    def of(cls, seen: Seen) -> Self:
        return cls(width=seen.width, height=seen.height, faces=list(_faces(seen)))


class Failure(BaseModel):
    """A picture, one of several, that could not be read."""

    error: str


class Answer(BaseModel):
    """The pictures of one request, in its order."""

    model_config = ConfigDict(json_schema_extra={"examples": [ANSWER]})

    model: str
    min_confidence: float = Field(description="Below it a face is uncertain.")
    pictures: list[Picture | Failure]


class ModelCard(BaseModel):
    """A model, with all that is needed to run it elsewhere."""

    name: str
    explains: bool = Field(description="Whether /v1/explain can show what it looks at.")
    network: str = Field(description="Where its ONNX file is.")
    labels: list[str]
    spec: dict[str, Any] = Field(description="How a face becomes its input.")
    temperature: float = Field(description="Scores are a softmax of the logits over it ...")
    bias: float = Field(description="... with this added to the last class.")
    min_confidence: float = Field(description="Its own threshold; below it a face is uncertain.")
    metadata: dict[str, Any] = Field(description="What its export wrote: data, licence, size.")

    @classmethod
    def of(cls, name: str, model: Model) -> Self:
        classifier = model.classifier
        plain = classifier.metadata.plain()
        return cls(
            name=name,
            explains=model.explainer is not None,
            network=f"/v1/models/{name}/network",
            labels=list(LABELS),
            spec=classifier.spec.to_dict(),
            temperature=classifier.temperature,
            bias=classifier.bias,
            min_confidence=classifier.min_confidence,
            metadata={key: plain[key] for key in PUBLIC_METADATA if key in plain},
        )


class Models(BaseModel):
    """The models that can be chosen."""

    default: str
    models: list[ModelCard]


def _faces(seen: Seen) -> Iterator[Face]:
    none = (None,) * len(seen.results)
    for result, crop, guided in zip(
        seen.results, seen.crops or none, seen.maps or none, strict=True
    ):
        yield Face.of(result, crop_png=_base64(crop), map_png=_base64(guided))


def _base64(data: bytes | None) -> str | None:
    return None if data is None else b64encode(data).decode()
