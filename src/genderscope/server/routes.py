"""``/v1``: pictures in, faces out. Knows nothing of how they are found."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import FileResponse

from genderscope.core.errors import PictureError
from genderscope.reporting.cards import SUFFIX
from genderscope.server import bodies
from genderscope.server.engine import Seen
from genderscope.server.problems import Problem, documented
from genderscope.server.schemas import (
    Answer,
    ExplainOptions,
    Failure,
    ModelCard,
    Models,
    Options,
    Picture,
)
from genderscope.server.service import CHECKED, Here, Service

PNG = "image/png"
REFUSED = (400, 401, 403, 408, 413, 415, 422, 503, 504)
BINARY = {"schema": {"type": "string", "format": "binary"}}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A form with one or more pictures in fields named 'file', or the bytes of "
        "one picture (JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000, PPM). Addresses are not "
        "followed.",
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


@router.post(
    "/classify",
    response_model_exclude_none=True,
    responses=documented(*REFUSED),
    openapi_extra=BODY,
)
async def classify(request: Request, service: Here, options: Annotated[Options, Query()]) -> Answer:
    """Find every face of the pictures and say its perceived gender presentation.

    A picture that cannot be read is a problem where it is the only one, else an error in its place.
    """
    return await _answer(request, service, options, explain=False)


@router.post(
    "/explain",
    response_model_exclude_none=True,
    responses={
        **documented(*REFUSED, 404, 501),
        200: {"model": Answer, "content": {PNG: BINARY}},
    },
    openapi_extra=BODY,
)
async def explain(
    request: Request, service: Here, options: Annotated[ExplainOptions, Query()]
) -> Any:
    """As classify, with what in each face speaks for its higher score: its guided gradient.

    JSON with a map for each face, or the map of one face of one picture as a PNG.
    """
    accepted = request.headers.get("accept", "")
    if options.format == "json" or (options.format is None and PNG not in accepted):
        return await _answer(request, service, options, explain=True)
    seen = await _seen(request, service, options, explain=True)
    if len(seen) > 1:
        raise Problem(422, "a PNG shows one picture; send one, or ask for JSON")
    [one] = seen
    if isinstance(one, PictureError):
        raise one
    if one.maps is None or options.face >= len(one.maps):
        raise Problem(404, f"the picture has {len(one.results)} faces; face counts from 0")
    return Response(one.maps[options.face], media_type=PNG)


@router.get("/models", responses=documented(401, 403))
async def models(service: Here) -> Models:
    """The models that can be chosen, with all that is needed to run them elsewhere."""
    cards = [ModelCard.of(name, model) for name, model in service.engine.models.items()]
    return Models(default=service.engine.default, models=cards)


@router.get(
    "/models/{name}/network",
    response_class=Response,
    responses={
        **documented(401, 403, 404),
        200: {"content": {"application/octet-stream": BINARY}},
    },
)
async def network(name: str, service: Here) -> Response:
    """A model's ONNX file, to run it elsewhere."""
    return FileResponse(_file(name, service), media_type="application/octet-stream")


@router.get(
    "/models/{name}/card",
    response_class=Response,
    responses={
        **documented(401, 403, 404),
        200: {"content": {"text/markdown": {"schema": {"type": "string"}}}},
    },
)
async def card(name: str, service: Here) -> Response:
    """A model's card in Markdown: what it is for, what it is not for, and how it errs."""
    file = _file(name, service).with_suffix(SUFFIX)
    if not file.is_file():
        raise Problem(404, f"{name} has no card beside it; 'genderscope model-card' writes one")
    return FileResponse(file, media_type="text/markdown; charset=utf-8")


def _file(name: str, service: Service) -> Path:
    if (model := service.engine.models.get(name)) is None:
        raise Problem(404, f"no such model; there are: {', '.join(service.engine.models)}")
    return model.file


async def _answer(request: Request, service: Service, options: Options, explain: bool) -> Answer:
    seen = await _seen(request, service, options, explain)
    if len(seen) == 1 and isinstance(seen[0], PictureError):
        raise seen[0]
    name, min_confidence = service.choice(options, explain)
    return Answer(
        model=name,
        min_confidence=min_confidence,
        pictures=[
            Failure(error=str(one)) if isinstance(one, PictureError) else Picture.of(one)
            for one in seen
        ],
    )


async def _seen(
    request: Request, service: Service, options: Options, explain: bool
) -> list[Seen | PictureError]:
    name, min_confidence = service.choice(options, explain)
    engine, limits = service.engine, service.limits

    async def one(picture: bytes) -> Seen | PictureError:
        try:
            return await engine.see(picture, name, min_confidence, explain, options.crops)
        except PictureError as error:
            return error

    async def work() -> list[Seen | PictureError]:
        kind = request.headers.get("content-type", "")
        pictures = await engine.run(bodies.pictures, body, kind, limits.max_files)
        return await asyncio.gather(*map(one, pictures))

    with service.door.inside.one():
        body = await bodies.read(request, limits)
        return await service.door.work(request, work)
