"""Errors as answers: ``application/problem+json`` (RFC 9457) with one sentence that helps.

Knows nothing of what went wrong where.
"""

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
# What each status is about, for the OpenAPI document.
MEANINGS = {
    400: "The body is no multipart form, or did not arrive whole.",
    401: "The token is missing or wrong.",
    403: "A web page from elsewhere asks.",
    404: "There is nothing of that name.",
    408: "The body came too slowly.",
    413: "The body, or the number of its files, is above the limit.",
    415: "The body is neither a multipart form nor a picture.",
    422: "A picture cannot be read or has too many pixels, or a parameter cannot be meant.",
    501: "The model has no guided graph.",
    503: "All places are taken; the header Retry-After says when to come again.",
    504: "The answer took longer than the limit.",
}


class Problem(GenderscopeError):  # noqa: N818 - the word of RFC 9457
    """An answer that is an error.

    Attributes:
        status: of HTTP.
        headers: that go with it.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})

    def details(self) -> ProblemDetails:
        return ProblemDetails(
            title=HTTPStatus(self.status).phrase, status=self.status, detail=self.detail
        )

    def response(self) -> Response:
        return JSONResponse(
            self.details().model_dump(), self.status, self.headers, media_type=MEDIA_TYPE
        )


def of(error: Exception) -> Problem:
    """What a client is told of an error: of ours its own sentence, of others nothing."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, GenderscopeError):
        return Problem(422, str(error))
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        place = " ".join(map(str, first["loc"]))
        return Problem(422, f"{place}: {first['msg']}; see /openapi.json")
    if isinstance(error, HTTPException):
        advice = "; see /openapi.json for what there is"
        return Problem(error.status_code, f"{error.detail}{advice}", error.headers)
    # Uvicorn closes the connection after an error that nobody expected.
    advice = "something failed here that is no fault of the request; try again"
    return Problem(500, advice, {"Connection": "close"})


def install(app: FastAPI) -> None:
    """Answer every error of an app as a problem."""

    async def answer(_: Request, error: Exception) -> Response:
        return of(error).response()

    for kind in (GenderscopeError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may answer so."""
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
