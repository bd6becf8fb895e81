"""Errors as responses: ``application/problem+json`` (RFC 9457) with a helpful sentence."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from genderscope.core.errors import GenderscopeError
from genderscope.server.schemas import ProblemDetails

MEDIA_TYPE = "application/problem+json"
# Descriptions for the OpenAPI document.
MEANINGS = {
    400: "The body is not a valid multipart form, or is incomplete.",
    401: "The token is missing or wrong.",
    403: "The web page's origin, or the request's host, is not allowed.",
    404: "The named model, card or face does not exist.",
    408: "The body arrived too slowly.",
    413: "The body is too large or has too many files.",
    415: "The content type is neither a multipart form nor a picture.",
    422: "A picture cannot be read or has too many pixels, or a parameter is invalid.",
    501: "The model has no guided graph.",
    503: "The service is busy; try again after the time in the Retry-After header.",
    504: "Processing took too long.",
}


class Problem(GenderscopeError):  # noqa: N818 - the term of RFC 9457
    """An error response, with its HTTP status and headers."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})

    def details(self) -> ProblemDetails:
        phrase = HTTPStatus(self.status).phrase
        return ProblemDetails(title=phrase, status=self.status, detail=self.detail)

    def response(self) -> Response:
        content = self.details().model_dump()
        return JSONResponse(content, self.status, self.headers, media_type=MEDIA_TYPE)


def of(error: Exception) -> Problem:
    """The problem for an error: our own errors keep their message; others reveal nothing."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, GenderscopeError):
        return Problem(422, str(error))
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        place = " ".join(map(str, first["loc"]))
        return Problem(422, f"{place}: {first['msg']}; see /openapi.json")
    if isinstance(error, HTTPException):
        advice = "see /openapi.json for the routes"
        return Problem(error.status_code, f"{error.detail}; {advice}", error.headers)
    # Uvicorn closes the connection after an unexpected error.
    detail = "internal error, not caused by the request; try again"
    return Problem(500, detail, {"Connection": "close"})


def install(app: FastAPI) -> None:
    """Respond to every error of an app with a problem."""

    async def answer(_: Request, error: Exception) -> Response:
        return of(error).response()

    for kind in (GenderscopeError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:  # FastAPI's type
    """The documentation of a route's problems, as FastAPI's ``responses``."""
    return {
        status: {
            "description": MEANINGS[status],
            "content": {
                MEDIA_TYPE: {
                    "schema": ProblemDetails.model_json_schema(),
                    "example": Problem(status, MEANINGS[status]).details().model_dump(),
                }
            },
        }
        for status in statuses
    }
