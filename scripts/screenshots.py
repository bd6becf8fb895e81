"""Screenshots of the web page for the documentation, with the package's portrait.

    python scripts/screenshots.py --out docs/images

Needs the extras [serve] and [dev], Chromium, and YuNet's weights.
"""

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import PIL.Image
from playwright.sync_api import Browser, Page

from genderscope.imaging import decode

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import browsing

DESKTOP = {"width": 1200, "height": 900}
PHONE = {"width": 390, "height": 844}


def opened(browser: Browser, address: str, **options: Any) -> Page:
    page = browser.new_page(**options)
    page.goto(address)
    page.wait_for_selector("#all:not([hidden])")
    return page


def start_camera(page: Page) -> None:
    page.click("#camera-tab")
    page.click("#camera-start")
    page.wait_for_selector("#tally dd:text('1')")
    page.wait_for_timeout(1000)


def save(page: Page, file: Path, **options: Any) -> None:
    """Save a screenshot as a PNG with 96 colours, a quarter of the size."""
    picture = PIL.Image.open(io.BytesIO(page.screenshot(**options))).convert("RGB")
    picture.quantize(96, kmeans=1, dither=PIL.Image.Dither.NONE).save(file, optimize=True)


def take(browser: Browser, address: str, folder: Path) -> None:
    page = opened(browser, address, viewport=DESKTOP)
    page.set_input_files("#files", decode.PORTRAIT)
    page.wait_for_selector("#progress:text('1 picture, 1 face.')")
    save(page, folder / "page-pictures.png")
    page.fill("#threshold", "0.9")
    page.evaluate("scrollTo(0, 230)")
    save(page, folder / "page-threshold.png")

    page = opened(browser, address, viewport=DESKTOP, color_scheme="dark")
    start_camera(page)
    save(page, folder / "page-camera.png")

    page = opened(browser, address, viewport=PHONE)
    start_camera(page)
    page.evaluate("scrollTo(0, 460)")
    save(page, folder / "page-phone.png")


def main() -> None:
    """Start the service and Chromium, and take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    folder = parser.parse_args().out
    command = [sys.executable, "-c", "from genderscope.cli import main; main()"]
    options = ["serve", "--port", "0", "--detector", "yunet"]
    service = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    assert service.stdout
    try:
        address = service.stdout.readline().split()[-1]
        with tempfile.TemporaryDirectory() as scratch:
            camera = Path(scratch) / "camera.mjpeg"
            face = cv2.resize(decode.read(decode.PORTRAIT)[:360, 60:420], (480, 480))
            browsing.to_and_fro(face, camera, 640)
            with browsing.chromium(camera) as browser:
                take(browser, address, folder)
    finally:
        service.terminate()
        service.wait()


if __name__ == "__main__":
    main()
