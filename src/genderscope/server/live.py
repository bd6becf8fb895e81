"""``/v1/live``: frames of a camera over a WebSocket, their faces back.

    client  bytes  one encoded picture; numbered from 1
            text   {"model": ..., "min_confidence": ..., "max_yaw": ..., "explain": ...,
                   "crops": ...}: each is optional, and they apply to the frames between this
                   and the next such message
    server  text   {"frame": 7, "model": ..., "min_confidence": ..., "width": ..., "height": ...,
                   "faces": [...]}: the faces as in /v1/classify
            text   {"frame": 7, "problem": {...}}, or without "frame" for invalid options

A new frame replaces one that still waits, which then gets no response. Faces are not tracked.
"""

import asyncio

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from genderscope.core.errors import GenderscopeError
from genderscope.server import problems
from genderscope.server.access import SUBPROTOCOL
from genderscope.server.problems import Problem
from genderscope.server.schemas import LiveAnswer, LiveOptions, LiveProblem
from genderscope.server.service import Service, check, of

router = APIRouter(prefix="/v1")
IDLE = 1001


class _Session:
    """One open socket."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket, self._service = socket, service
        self._options = LiveOptions()
        self._number = 0
        self._newest: asyncio.Queue[tuple[int, bytes, LiveOptions]] = asyncio.Queue(1)

    async def run(self) -> None:
        answering = asyncio.create_task(self._answer())
        receiving = asyncio.create_task(self._receive())
        try:
            await asyncio.wait((answering, receiving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            receiving.cancel()
            ends = await asyncio.gather(answering, receiving, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect):
                raise end

    async def _receive(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._service.limits.live_idle_s):
                    message = await self._socket.receive()
            except TimeoutError:
                await self._socket.close(IDLE, "idle for too long; open another socket")
                return
            if message["type"] == "websocket.disconnect":
                return
            if (frame := message.get("bytes")) is not None:
                self._number += 1
                if self._newest.full():
                    self._newest.get_nowait()
                self._newest.put_nowait((self._number, frame, self._options))
            else:
                await self._choose(message["text"])

    async def _choose(self, text: str) -> None:
        try:
            options = LiveOptions.model_validate_json(text)
            self._service.choice(options, options.explain)
        except ValidationError as error:
            first = error.errors()[0]
            place = " ".join(map(str, first["loc"])) or "options"
            await self._refuse(Problem(422, f"{place}: {first['msg']}"))
        except Problem as problem:
            await self._refuse(problem)
        else:
            self._options = options

    async def _answer(self) -> None:
        service = self._service
        while True:
            number, frame, options = await self._newest.get()
            name, rule = service.choice(options, options.explain)
            try:
                async with asyncio.timeout(service.limits.timeout_s), service.admission.slots:
                    results = await service.engine.process(
                        frame, name, rule, options.explain, options.crops
                    )
            except GenderscopeError as error:
                await self._refuse(problems.of(error), frame=number)
            except TimeoutError:
                await self._refuse(Problem(504, "this frame took too long"), frame=number)
            else:
                answer = LiveAnswer.of(
                    results, frame=number, model=name, min_confidence=rule.min_confidence
                )
                await self._socket.send_json(answer.model_dump(exclude_none=True))

    async def _refuse(self, problem: Problem, frame: int | None = None) -> None:
        answer = LiveProblem(frame=frame, problem=problem.details())
        await self._socket.send_json(answer.model_dump(exclude_none=True))


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Process frames until the client disconnects."""
    service = await of(socket)
    try:
        await check(socket)
        with service.admission.live.one():
            offered = SUBPROTOCOL in socket.scope["subprotocols"]
            await socket.accept(SUBPROTOCOL if offered else None)
            await _Session(socket, service).run()
    except Problem as problem:  # only before the socket is accepted
        await socket.send_denial_response(problem.response())
