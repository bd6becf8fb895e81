"""What the routes share: the engine, its limits, who may ask and what is counted."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from genderscope.server import access
from genderscope.server.engine import Engine
from genderscope.server.limits import Door, Limits
from genderscope.server.metrics import Metrics
from genderscope.server.problems import Problem
from genderscope.server.schemas import Options


@dataclass(frozen=True, slots=True)
class Service:
    """One running service."""

    engine: Engine
    limits: Limits
    door: Door
    metrics: Metrics
    token: str | None
    allow_origins: Collection[str]

    def choice(self, options: Options, explain: bool) -> tuple[str, float]:
        """The name of the model that is asked, and the threshold that counts.

        Raises:
            Problem: 422, there is none of that name; 501, it cannot explain.
        """
        name = options.model or self.engine.default
        if (model := self.engine.models.get(name)) is None:
            raise Problem(422, f"no such model; there are: {', '.join(self.engine.models)}")
        if explain and model.explainer is None:
            raise Problem(501, f"{name} has no guided graph; /v1/models says which have one")
        own = model.classifier.min_confidence
        return name, own if options.min_confidence is None else options.min_confidence


def of(connection: HTTPConnection) -> Service:
    """The service that a request came to."""
    service: Service = connection.app.state.service
    return service


def check(connection: HTTPConnection) -> None:
    """Refuse whoever may not ask.

    Raises:
        Problem: 401 or 403.
    """
    service = of(connection)
    access.check_origin(connection, service.allow_origins)
    access.check_token(connection, service.token)


# As dependencies they are coroutines: FastAPI would give a function a thread each time.
async def _here(connection: HTTPConnection) -> Service:
    return of(connection)


async def _checked(connection: HTTPConnection) -> None:
    check(connection)


Here = Annotated[Service, Depends(_here)]
CHECKED = Depends(_checked)
