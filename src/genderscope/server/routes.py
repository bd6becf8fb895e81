"""The routes of ``/v1``."""

import asyncio
import re
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import FileResponse
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from genderscope.core.errors import PictureError
from genderscope.core.types import Frame, Scene
from genderscope.inference.classifier import CARD
from genderscope.server import bodies, schemas
from genderscope.server.documentation import html
from genderscope.server.engine import PictureResults
from genderscope.server.problems import Problem, documented
from genderscope.server.schemas import Answer, Failure, ModelCard, Models, Options, Picture
from genderscope.server.service import CHECKED, Here, Service
from genderscope.sinks import csv

PNG, CSV = "image/png", "text/csv"
CARDS = ("markdown", "html")
FILES = StaticFiles()  # compares what a client has with a file
REFUSED = (400, 401, 403, 408, 413, 415, 422, 503, 504)
BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY: dict[str, Any] = {  # part of the OpenAPI document
    "requestBody": {
        "required": True,
        "description": "A form with one or more pictures in fields named 'file', or the bytes of "
        "one picture (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000, PPM).",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "array", "minItems": 1, "items": BINARY["schema"]}
                    },
                }
            },
            "image/jpeg": BINARY,
            "image/png": BINARY,
            "application/octet-stream": BINARY,
        },
    }
}
router = APIRouter(prefix="/v1", dependencies=[CHECKED])


async def once(request: Request) -> None:
    """Refuse a parameter that is given several times: only the last would count."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    for name, times in given.items():
        if times > 1:
            raise Problem(422, f"query {name}: given {times} times; give it once")


@router.post(
    "/classify",
    response_model_exclude_none=True,
    responses={
        **documented(*REFUSED),
        200: {"model": Answer, "content": {CSV: {"schema": {"type": "string"}}}},
    },
    openapi_extra=BODY,
    dependencies=[Depends(once)],
)
async def classify(
    request: Request, service: Here, options: Annotated[schemas.ClassifyOptions, Query()]
) -> Any:  # FastAPI would use another type as the response model
    """Detect the faces of the pictures and classify their perceived gender presentation.

    A single unreadable picture is a problem; among several pictures, its entry is an error.
    """
    if options.format == "csv":
        return Response(_table(await _results(request, service, options, False)), media_type=CSV)
    return await _answer(request, service, options, explain=False)


@router.post(
    "/explain",
    response_model_exclude_none=True,
    responses={**documented(*REFUSED, 404, 501), 200: {"model": Answer, "content": {PNG: BINARY}}},
    openapi_extra=BODY,
    dependencies=[Depends(once)],
)
async def explain(
    request: Request, service: Here, options: Annotated[schemas.ExplainOptions, Query()]
) -> Any:  # as in ``classify``
    """Classify, with a guided gradient for each face: the pixels that support the higher score.

    The response is JSON with a map for each face, or the map of one face as a PNG.
    """
    accepted = request.headers.get("accept", "")
    prefers_png = _weight(accepted, PNG) > _weight(accepted, "application/json")
    if options.format == "json" or (options.format is None and not prefers_png):
        return await _answer(request, service, options, explain=True)
    wanted = slice(options.face, options.face + 1)
    results = await _results(request, service, options, explain=True, wanted=wanted)
    if len(results) > 1:
        raise Problem(422, "a PNG shows one picture; send one picture, or request JSON")
    [result] = results
    assert not isinstance(result, PictureError)  # ``_results`` raised it
    if not result.maps:
        raise Problem(404, f"no face {options.face}: {result.detected} found, numbered from 0")
    return Response(result.maps[0], media_type=PNG)


@router.get("/models", responses=documented(401, 403))
async def models(service: Here) -> Models:
    """The available models, with the details needed to run them elsewhere."""
    cards = [ModelCard.of(name, model) for name, model in service.engine.models.items()]
    return Models(default=service.engine.default, models=cards)


@router.get(
    "/models/{name}/network",
    response_class=Response,
    responses={**documented(401, 403, 404), 200: {"content": {"application/octet-stream": BINARY}}},
)
async def network(name: str, request: Request, service: Here) -> Response:
    """A model's ONNX file."""
    _, model = service.model(name, 404)
    return unless_known(request, model.file, "application/octet-stream")


@router.get(
    "/models/{name}/card",
    response_class=Response,
    responses={
        **documented(401, 403, 404, 422),
        200: {"content": {f"text/{kind}": {"schema": {"type": "string"}} for kind in CARDS}},
    },
)
async def card(
    name: str, service: Here, format: Annotated[Literal["markdown", "html"], Query()] = "markdown"
) -> Response:
    """A model's card in Markdown or HTML: intended use, limits and errors."""
    name, model = service.model(name, 404)
    file = model.file.with_suffix(CARD)
    if not file.is_file():
        raise Problem(404, f"{name} has no card; 'genderscope card --write' creates one")
    text = file.read_text(encoding="utf-8")
    return Response(html(text) if format == "html" else text, media_type=f"text/{format}")


def unless_known(request: Request, file: Path, media_type: str) -> Response:
    """A file, or 304 if the client already has it."""
    response = FileResponse(file, media_type=media_type, stat_result=file.stat())
    if FILES.is_not_modified(response.headers, request.headers):
        return NotModifiedResponse(response.headers)
    return response


async def _answer(request: Request, service: Service, options: Options, explain: bool) -> Answer:
    results = await _results(request, service, options, explain)
    name, rule = service.choice(options, explain)
    return Answer(
        model=name,
        min_confidence=rule.min_confidence,
        pictures=[
            Failure(error=str(result)) if isinstance(result, PictureError) else Picture.of(result)
            for result in results
        ],
    )


def _table(results: list[PictureResults | PictureError]) -> str:
    """CSV as of ``classify --csv``; a picture's path is its number in the request, from 1."""
    text = StringIO()
    table = csv.Rows(text)
    for number, result in enumerate(results, start=1):
        if isinstance(result, PictureError):
            table.write(Scene(Frame(str(number), error=str(result))))
        else:
            frame = Frame(str(number), size=(result.height, result.width))
            table.write(Scene(frame, result.results))
    return text.getvalue()


async def _results(
    request: Request,
    service: Service,
    options: Options,
    explain: bool,
    wanted: slice = slice(None),
) -> list[PictureResults | PictureError]:
    name, rule = service.choice(options, explain)
    engine, limits = service.engine, service.limits

    async def process(picture: bytes) -> PictureResults | PictureError:
        try:
            return await engine.process(picture, name, rule, explain, options.crops, wanted)
        except PictureError as error:
            return error

    async def work() -> list[PictureResults | PictureError]:
        kind = request.headers.get("content-type", "")
        pictures = await engine.run(bodies.pictures, body, kind, limits.max_files)
        return await asyncio.gather(*map(process, pictures))

    with service.admission.inside.one():
        body = await bodies.read(request, limits)
        results = await service.admission.work(request, work)
    if len(results) == 1 and isinstance(results[0], PictureError):
        raise results[0]
    return results


def _weight(accept: str, kind: str) -> float:
    """The weight of a media type in an Accept header, 0-1."""
    for part in accept.split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        if name == kind:
            weight = next((word[2:] for word in parameters if word.startswith("q=")), "1")
            return float(weight) if re.fullmatch(r"[01](\.\d*)?", weight) else 0.0
    return 0.0
