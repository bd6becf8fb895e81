"""What the routes share: the engine, the limits, access and metrics."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from genderscope.inference.classifier import ALIASES
from genderscope.inference.pipeline import Rule
from genderscope.server import access
from genderscope.server.admission import Admission
from genderscope.server.engine import Engine, Model
from genderscope.server.limits import Limits
from genderscope.server.metrics import Metrics
from genderscope.server.problems import Problem
from genderscope.server.schemas import Options


@dataclass(frozen=True, slots=True)
class Service:
    """One running service."""

    engine: Engine
    limits: Limits
    admission: Admission
    metrics: Metrics
    token: str | None
    allow_origins: Collection[str]

    def model(self, name: str, status: int) -> tuple[str, Model]:
        """The name of a model, which may be given as an alias, and the model; ``Problem`` of a
        status if it is unknown.
        """
        models = self.engine.models
        name = name if name in models else ALIASES.get(name, name)
        if name not in models:
            raise Problem(status, f"unknown model; available: {', '.join(models)}")
        return name, models[name]

    def choice(self, options: Options, explain: bool) -> tuple[str, Rule]:
        """The model's name and rule; ``Problem`` 422 if it is unknown, 501 if it cannot explain."""
        name, model = self.model(options.model or self.engine.default, 422)
        if explain and model.explainer is None:
            raise Problem(501, f"{name} has no guided graph; /v1/models lists the models that do")
        own = model.classifier.min_confidence
        least = own if options.min_confidence is None else options.min_confidence
        return name, Rule(least, options.max_yaw)


# Coroutines, because FastAPI would run a plain function in a thread.
async def of(connection: HTTPConnection) -> Service:
    """The service that handles a connection."""
    service: Service = connection.app.state.service
    return service


async def check(connection: HTTPConnection) -> None:
    """Refuse clients without access, with 401 or 403."""
    service = await of(connection)
    access.check_origin(connection, service.allow_origins)
    access.check_token(connection, service.token)


Here = Annotated[Service, Depends(of)]
CHECKED = Depends(check)
