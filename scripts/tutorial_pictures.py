"""Pictures of the demo, the tutorials and explanations for docs/images.

    python scripts/tutorial_pictures.py

Runs the code blocks of the tutorials and saves parts of their results. Needs the extras [lab] and
[dev], Chromium, and the photographs and data sets beside the repository.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import PIL.Image
from playwright.sync_api import sync_playwright
from screenshots import save

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT / "tests"))

import documents  # noqa: E402

FRAME = 25
"""The frame of each video to save; its faces are tracked by then."""
LONGER_SIDE = 480
PAGE = {"width": 1000, "height": 760}


def photograph(source: Path, name: str) -> None:
    """An annotated photograph, scaled down."""
    image = cv2.imread(str(source))
    scale = LONGER_SIDE / max(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(IMAGES / name), small, [cv2.IMWRITE_JPEG_QUALITY, 90])


def frame(source: Path, name: str) -> None:
    """A frame of a video."""
    video = cv2.VideoCapture(str(source))
    video.set(cv2.CAP_PROP_POS_FRAMES, FRAME)
    found, image = video.read()
    video.release()
    assert found, source
    cv2.imwrite(str(IMAGES / name), image, [cv2.IMWRITE_JPEG_QUALITY, 90])


def page(source: Path, name: str) -> None:
    """The top of a page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        tab = browser.new_page(viewport=PAGE)
        tab.goto(source.as_uri())
        save(tab, IMAGES / name)
        browser.close()


def demo(folder: Path) -> None:
    """The demo as on a new installation, with the detector in the package."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder), "GENDERSCOPE_YUNET": ""}
    subprocess.run(
        ["genderscope", "demo", "--out", "demo.jpg"], cwd=folder, env=environment, check=True
    )
    shutil.copy(folder / "demo.jpg", IMAGES)


def explanation(folder: Path, method: str) -> None:
    """A method's explanation of the portrait, in 256 colours."""
    command = f"genderscope explain portrait.jpg --method {method} --out {method}".split()
    subprocess.run(command, cwd=folder, check=True)
    [drawn] = (folder / method).glob("*.png")
    picture = PIL.Image.open(drawn).convert("RGB").quantize(256, kmeans=1)
    picture.save(IMAGES / f"explain-{method}.png", optimize=True)


def main() -> None:
    """Run the tutorials and save their pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        documents.make_folder(folder)
        demo(folder)
        for name in ("pictures", "live", "audit"):
            documents.run(ROOT / "docs" / "tutorials" / f"{name}.md", folder)
        photograph(folder / "out" / "grace_hopper.jpg", "tutorial-annotated.jpg")
        frame(folder / "out.mp4", "tutorial-live.jpg")
        frame(folder / "blurred.mp4", "tutorial-privacy.jpg")
        page(folder / "audit" / "audit.html", "tutorial-audit.png")
        for method in ("guided", "saliency", "grad-cam"):
            explanation(folder, method)


if __name__ == "__main__":
    main()
