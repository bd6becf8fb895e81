"""Chromium before the page of a real server, with a camera that plays a file."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from genderscope.core.types import Image

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
SHOWN = "#all:not([hidden])"


def to_and_fro(picture: Image, file: Path, width: int = 320, step: int = 4) -> None:
    """A Motion JPEG file in which a picture moves from side to side; one that is as wide as the
    film leaves it a little.
    """
    height, own_width = picture.shape[:2]
    reach = width - own_width or 40
    with file.open("wb") as video:
        for left in [*range(0, reach, step), *range(reach, 0, -step)]:
            image = np.full((height, width, 3), 120, np.uint8)
            image[:, left : left + own_width] = picture[:, : width - left]
            video.write(cv2.imencode(".jpg", image)[1].tobytes())


@contextmanager
def chromium(camera: Path | None = None) -> Iterator[Any]:
    arguments = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ]
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(
            executable_path=CHROMIUM, args=arguments if camera else []
        )
        yield running
        running.close()


@contextmanager
def opened(browser: Any, address: str, wait_for: str = SHOWN, **options: Any) -> Iterator[Any]:
    """The page, once it is there; on leaving, nothing went wrong in it or left its origin.

    Its attribute ``asked`` holds all addresses that it asked for.
    """
    context = browser.new_context(**options)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.asked = []
    errors: list[str] = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("websocket", lambda socket: page.asked.append(socket.url.replace("ws:", "http:")))
    page.on("response", lambda answer: answer.status == 404 and errors.append(answer.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda said: (
            said.type == "error"
            and "Failed to load resource: the server responded" not in said.text  # a refusal
            and errors.append(said.text)
        ),
    )
    try:
        page.goto(address)
        page.wait_for_selector(wait_for)
        yield page
        own = (address, "data:", "blob:")
        assert [other for other in page.asked if not other.startswith(own)] == []
        assert errors == []
    finally:
        context.close()


def until(page: Any, condition: Callable[[], bool], timeout_ms: int = 20_000) -> None:
    for _ in range(timeout_ms // 50):
        if condition():
            return
        page.wait_for_timeout(50)
    assert condition(), page.locator("body").inner_text()


def upload(page: Any, *files: Path, bad: str = "", faces: int = 1) -> None:
    """Choose pictures, and a text of the name ``bad``, and wait for as many faces."""
    contents = {file.name: file.read_bytes() for file in files} | ({bad: b"text"} if bad else {})
    chosen = [
        {"name": name, "mimeType": "image/jpeg", "buffer": content}
        for name, content in contents.items()
    ]
    page.set_input_files("#files", chosen)
    begin = re.compile(rf"{len(chosen)} pictures?, {faces} ")
    until(page, lambda: begin.match(page.inner_text("#progress")) is not None)


def film(page: Any, label: str = "woman") -> None:
    """Start the camera, and wait for its one face."""
    page.click("#camera-tab")
    page.click("#camera-start")
    until(page, lambda: labels(page, "#camera") == [label])


def labels(page: Any, panel: str = "#pictures") -> list[str]:
    texts: list[str] = page.locator(f"{panel} tbody .label").all_inner_texts()
    return texts


def saved(page: Any, button: str) -> tuple[str, bytes]:
    """The name and the content of a download."""
    with page.expect_download() as download:
        page.click(button)
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def slide(page: Any, key: str) -> None:
    """Move the threshold's slider with a key."""
    page.focus("#threshold")
    page.keyboard.press(key)
