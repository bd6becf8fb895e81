"""The code blocks of the README and of the site, and a folder in which they run.

    python tests/documents.py PAGE ...

runs each page's blocks and writes what they print into the blocks after ``<!-- output -->``.
A block after ``<!-- not run: REASON -->`` is shown only, and one after ``<!-- background -->``
runs until the end of its page. ``<!-- needs MODULE -->`` names what a page cannot run without.
"""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from contextlib import ExitStack, chdir, contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import cv2
import numpy as np

import imdb_mat
from conftest import PORTRAIT, SHARED
from genderscope.imaging import decode

ROOT = Path(__file__).parents[1]
PAGES = sorted(file for part in ("", "deploy", "examples") for file in (ROOT / part).glob("*.md"))
PAGES += sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(
    r"(?P<comments>(?:^<!-- [^\n]* -->\n)*)^```(?P<language>[^\n]*)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
PICTURES = 16
"""Of each data set."""
CONFERENCE = {
    "marie_curie": (40, 180, 108),
    "hendrik_kramers": (226, 72, 120),
    "hendrik_lorentz": (364, 178, 132),
    "paul_dirac": (594, 64, 99),
    "albert_einstein": (768, 166, 113),
    "arthur_compton": (856, 72, 96),
}
"""Left, top and side of each face in the group photograph, within the boxes drawn there."""
FIRST_NAMES = ("Anna", "John", "Maria", "Peter", "Kim", "Robin")
TIMEOUT_S = 240


@dataclass(frozen=True)
class Block:
    """A fenced block; ``reason`` says why it is not run."""

    page: Path
    line: int
    language: str
    code: str
    reason: str
    background: bool

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def runs(self) -> bool:
        return self.language in ("sh", "python") and not self.reason


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found = []
    for match in FENCE.finditer(text):
        comments = match["comments"]
        reason = re.search(r"<!-- not run: (.*) -->", comments)
        line = text.count("\n", 0, match.start("language")) + 1
        found.append(
            Block(
                page,
                line,
                match["language"],
                match["code"],
                reason[1] if reason else "",
                "<!-- background -->" in comments,
            )
        )
    return found


def modules(page: Path) -> list[str]:
    """What ``<!-- needs MODULE -->`` asks for."""
    return re.findall(r"^<!-- needs (\w+) -->$", page.read_text(), re.MULTILINE)


def run(page: Path, folder: Path) -> dict[int, str]:
    """Run a page's blocks in order; what each printed, by its line."""
    printed, names = {}, {}
    with ExitStack() as stack:
        for block in blocks(page):
            if not block.runs:
                continue
            if block.background:
                stack.enter_context(_background(block, folder))
            elif block.language == "sh":
                printed[block.line] = _shell(block, folder).replace(f"{folder}/", "")
            else:
                with chdir(folder), redirect_stdout(StringIO()) as out:
                    exec(compile(block.code, block.name, "exec"), names)
                printed[block.line] = out.getvalue()
    return printed


def _environment() -> dict[str, str]:
    """With this Python's commands first, and output as on a terminal of 100 columns."""
    here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    weights = next((ROOT.parent / "shared" / "models").glob("face_detection_yunet*.onnx"), None)
    yunet = {"GENDERSCOPE_YUNET": str(weights)} if weights else {}
    return {**os.environ, **yunet, "PATH": here, "COLUMNS": "100", "NO_COLOR": "1"}


def _shell(block: Block, folder: Path) -> str:
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert result.returncode == 0, f"{block.name}\n{block.code}\n{result.stdout}"
    return result.stdout


@contextmanager
def _background(block: Block, folder: Path):
    """A server that runs in its own process group, once it answers."""
    process = subprocess.Popen(
        ["bash", "-c", block.code], cwd=folder, env=_environment(), start_new_session=True
    )
    port = re.search(r"--port (\d+)", block.code)
    address = f"http://127.0.0.1:{port[1] if port else 8000}/readyz"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(address)
                break
            except OSError:
                assert process.poll() is None, block.name
                time.sleep(0.1)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def make_folder(folder: Path) -> None:
    """Photographs, a video, tables of predictions and small data sets, as the pages name them."""
    hopper = _hopper()
    for name in ("photos", "faces", "results"):
        (folder / name).mkdir()
    for name in ("portrait.jpg", "photo.jpg", "photos/astronaut.jpg"):
        shutil.copy(PORTRAIT, folder / name)
    shutil.copy(hopper, folder / "photos" / "grace_hopper.jpg")
    cv2.imwrite(str(folder / "faces" / "1.jpg"), decode.read(PORTRAIT)[40:200, 150:310])
    cv2.imwrite(str(folder / "faces" / "2.jpg"), decode.read(hopper)[90:360, 140:410])
    (folder / "labels.csv").write_text("file,label\nfaces/1.jpg,woman\nfaces/2.jpg,woman\n")
    shutil.copy(ROOT / "results" / "leakage.json", folder / "results")
    (folder / "results" / "audit").symlink_to(ROOT / "results" / "audit")
    shutil.copytree(ROOT / "examples", folder / "examples")
    _video(folder / "talk.mp4")
    _people(folder / "people")
    _predictions(folder)
    _data_sets(folder / "data")


def _video(file: Path) -> None:
    """Two seconds in which the portrait moves to the right."""
    face = cv2.resize(decode.read(PORTRAIT), (360, 360))
    video = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"mp4v"), 15, (480, 360))
    for left in range(0, 120, 4):
        image = np.full((360, 480, 3), 120, np.uint8)
        image[:, left : left + 360] = face
        video.write(image)
    video.release()


def _people(folder: Path) -> None:
    """The portraits of examples/people.csv, cut out of the photographs that show them."""
    folder.mkdir()
    shutil.copy(ROOT / "examples" / "people.csv", folder)
    shutil.copy(PORTRAIT, folder / "eileen_collins.jpg")
    shutil.copy(_hopper(), folder / "grace_hopper.jpg")
    conference = decode.read(SHARED / "data" / "photos" / "solvay_conference.jpg")
    for name, (left, top, side) in CONFERENCE.items():
        part = conference[top : top + side, left : left + side]
        cv2.imwrite(str(folder / f"{name}.jpg"), part)


def _hopper() -> Path:
    import matplotlib.cbook

    return Path(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))


def _predictions(folder: Path) -> None:
    """Tables as of three methods: columns of the same 200 pictures."""
    random = np.random.default_rng(0)
    labels, races = (random.choice(words, 200) for words in (["woman", "man"], ["Black", "White"]))
    for name in ("vendor", "mine", "theirs"):
        noise = random.normal(0, 0.25, 200)
        scores = np.clip((labels == "man") * 0.6 + 0.2 + noise, 0, 1)
        rows = zip(
            range(200), labels, np.where(scores > 0.5, "man", "woman"), scores, races, strict=True
        )
        with (folder / f"{name}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["file", "label", "prediction", "score", "race"])
            for number, label, prediction, score, race in rows:
                table.writerow([f"{number}.jpg", label, prediction, f"{score:.4f}", race])


def _data_sets(folder: Path) -> None:
    """The first pictures of FairFace and UTKFace, and some of them in other data sets' layouts."""
    folder.mkdir()
    for archive in ("fairface_val", "fairface_train", "utkface_crop_part1"):
        with tarfile.open(SHARED / "data" / f"{archive}.tar") as files:
            pictures = 0
            while pictures < PICTURES:
                member = files.next()
                files.extract(member, folder, filter="data")
                pictures += member.name.endswith(".jpg")
    faces = sorted((folder / "fairface").rglob("*.jpg"))
    for split in ("train", "val"):
        table = folder / "fairface" / f"fairface_label_{split}.csv"
        table.write_text("".join(table.read_text().splitlines(keepends=True)[: PICTURES + 1]))
    for number, face in enumerate(faces):
        person = f"{FIRST_NAMES[number % 6]}_{'ABCDEF'[number // 6]}oe"
        place = folder / "lfw" / "lfw" / person / f"{person}_0001.jpg"
        place.parent.mkdir(parents=True)
        shutil.copy(face, place)
        with (folder / "lfw" / f"{('female', 'male')[number % 2]}_names.txt").open("a") as file:
            file.write(f"{place.name}\n")
    _imdb(folder / "imdb", faces[:8])


def _imdb(folder: Path, faces: list[Path]) -> None:
    columns = imdb_mat.table(len(faces))
    columns |= {
        "gender": np.arange(len(faces)) % 2.0,
        "face_location": [np.array([1.0, 1, 110, 110]) for _ in faces],
        "face_score": np.full(len(faces), 4.0),
        "second_face_score": np.full(len(faces), np.nan),
    }
    for name, face in zip(columns["full_path"], faces, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(face, folder / name)
    imdb_mat.write(folder / "imdb.mat", columns)


def with_outputs(page: Path, printed: dict[int, str]) -> str:
    """The page, each output block with what the block before it printed."""
    latest = ""

    def fill(match: re.Match[str]) -> str:
        nonlocal latest
        line = page.read_text().count("\n", 0, match.start("language")) + 1
        if "<!-- output -->" not in match["comments"]:
            latest = "\n".join(map(str.rstrip, printed.get(line, "").rstrip().splitlines()))
            return match[0]
        return f"{match['comments']}```{match['language']}\n{latest}\n```"

    return FENCE.sub(fill, page.read_text())


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as scratch:
            make_folder(Path(scratch))
            page = Path(name).resolve()
            page.write_text(with_outputs(page, run(page, Path(scratch))))
