"""``/v1/live``: a camera's frames in, what is in them out; the newest frame wins.

    client  bytes  one encoded picture; they count from 1
            text   {"model": ..., "min_confidence": ..., "explain": ..., "crops": ...}: each is
                   optional, and all hold until the next such message
    server  text   {"frame": 7, "model": ..., "min_confidence": ..., "width": ..., "height": ...,
                   "faces": [...]}: the faces as /v1/classify gives them
            text   {"frame": 7, "problem": {...}}, or without "frame" where options were refused

A frame that comes while another is worked on takes the place of one that still waits: that one
gets no answer. Knows nothing of tracks: each frame stands for itself.
"""

import asyncio
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from genderscope.core.errors import GenderscopeError
from genderscope.server import problems
from genderscope.server.access import SUBPROTOCOL
from genderscope.server.problems import Problem
from genderscope.server.schemas import LiveOptions, Picture
from genderscope.server.service import Service, check, of

router = APIRouter(prefix="/v1")
IDLE = 1001


class _Session:
    """One open socket."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket, self._service = socket, service
        self._options = LiveOptions()
        self._number = 0
        self._newest: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(1)

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
                await self._socket.close(IDLE, "nothing came for long; open another socket")
                return
            if message["type"] == "websocket.disconnect":
                return
            if (frame := message.get("bytes")) is not None:
                self._number += 1
                if self._newest.full():
                    self._newest.get_nowait()
                self._newest.put_nowait((self._number, frame))
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
            number, frame = await self._newest.get()
            options = self._options
            name, min_confidence = service.choice(options, options.explain)
            try:
                async with asyncio.timeout(service.limits.timeout_s), service.door.slots:
                    seen = await service.engine.see(
                        frame, name, min_confidence, options.explain, options.crops
                    )
            except GenderscopeError as error:
                await self._refuse(problems.of(error), frame=number)
            except TimeoutError:
                await self._refuse(Problem(504, "this frame took too long"), frame=number)
            else:
                picture = Picture.of(seen).model_dump(exclude_none=True)
                head = {"frame": number, "model": name, "min_confidence": min_confidence}
                await self._socket.send_json({**head, **picture})

    async def _refuse(self, problem: Problem, **head: Any) -> None:
        await self._socket.send_json({**head, "problem": problem.details().model_dump()})


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """Answer frames until the client leaves."""
    service = of(socket)
    try:
        check(socket)
        with service.door.live.one():
            offered = SUBPROTOCOL in socket.scope["subprotocols"]
            await socket.accept(SUBPROTOCOL if offered else None)
            await _Session(socket, service).run()
    except Problem as problem:  # only before the socket is accepted
        await socket.send_denial_response(problem.response())
