"""Every odd kind of file that people have, made here and decoded by ``sources``."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from genderscope.core.errors import PictureError
from genderscope.core.types import Frame
from genderscope.imaging import decode, opening
from genderscope.imaging.limits import Limits

WIDTH, HEIGHT = 48, 32
# Four quarters: red, green, blue, yellow, as RGB.
QUARTERS = np.array([[(200, 30, 40), (30, 180, 60)], [(40, 60, 190), (220, 200, 30)]], np.uint8)
RGB = np.kron(QUARTERS, np.ones((HEIGHT // 2, WIDTH // 2, 1), np.uint8))
BGR = RGB[..., ::-1]
PICTURE = PIL.Image.fromarray(RGB)
RAMP = np.tile(np.linspace(0, 255, WIDTH), (HEIGHT, 1))
GREY = np.repeat(RAMP.round().astype(np.uint8)[..., None], 3, 2)


EXACT = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
    "TIFF": {},
    "WEBP": {"lossless": True},
}


def encoded(picture: PIL.Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def by_opencv(picture: np.ndarray, suffix: str) -> bytes:
    return cv2.imencode(suffix, picture)[1].tobytes()


def cmyk() -> PIL.Image.Image:
    """CMYK with some black ink, so that all four inks count."""
    inks = np.dstack([255 - RGB, np.full((HEIGHT, WIDTH), 60, np.uint8)])
    return PIL.Image.fromarray(inks, "CMYK")


def cmyk_bgr() -> np.ndarray:
    return np.round(BGR.astype(float) * (255 - 60) / 255)


def ycck() -> bytes:
    """The same inks as YCCK, which Pillow cannot write: YCC in CMYK's place, and the marker set."""
    inks = np.asarray(cmyk())
    turned = np.asarray(PIL.Image.fromarray(inks[..., :3]).convert("YCbCr"))
    stored = np.dstack([turned, 255 - inks[..., 3]])
    # Pillow writes inks inverted, as Adobe does.
    data = encoded(PIL.Image.fromarray(255 - stored, "CMYK"), "JPEG", quality=100, subsampling=0)
    marker = data.index(b"Adobe") + 11
    assert data[marker] == 0
    return data[:marker] + b"\2" + data[marker + 1 :]


def turned(orientation: int, kind: str) -> bytes:
    """A picture stored lying as the EXIF orientation says, which shows ``PICTURE`` when upright."""
    back = dict(opening.TURNS)
    back[6], back[8] = back[8], back[6]  # the others are their own inverse
    exif = PIL.Image.Exif()
    exif[opening.ORIENTATION_TAG] = orientation
    stored = PICTURE.transpose(back[orientation]) if orientation in back else PICTURE
    return encoded(stored, kind, exif=exif, **EXACT[kind])


def animated(kind: str, **options: object) -> bytes:
    other = PIL.Image.new("RGB", PICTURE.size, "black")
    return encoded(PICTURE, kind, save_all=True, append_images=[other, other], **options)


def translucent(mode: str) -> PIL.Image.Image:
    """The right half fully transparent over black."""
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:, WIDTH // 2 :] = 0
    hidden = RGB * (alpha > 0)[..., None]
    return PIL.Image.fromarray(np.dstack([hidden, alpha])).convert(mode)


def on_white(picture: np.ndarray) -> np.ndarray:
    shown = picture.copy()
    shown[:, WIDTH // 2 :] = 255
    return shown


def keyed_palette() -> bytes:
    """A palette picture whose one colour is marked transparent, by bytes."""
    picture = PICTURE.quantize(8)
    key = picture.getpixel((WIDTH - 1, 0))
    other = picture.getpixel((WIDTH - 1, HEIGHT - 1))
    transparency = bytes(0 if index in (key, other) else 255 for index in range(8))
    return encoded(picture, "PNG", transparency=transparency)


GREY_BGR = cv2.cvtColor(cv2.cvtColor(BGR, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
BILEVEL = np.where(GREY > 127, 255, 0).astype(np.uint8)
DEEP = (RAMP / 255 * 65535).round().astype(np.uint16)


def floats(values: np.ndarray, outlier: float | None) -> bytes:
    """A TIFF of floats, with an outlier in a corner where it is white."""
    picture = values.astype(np.float32)
    if outlier is not None:
        picture[0, -1] = outlier
    return by_opencv(picture, ".tiff")


GOOD: dict[str, tuple[Callable[[], bytes], np.ndarray, float]] = {
    # name: how it is made, the BGR that it shows, the tolerance in grey levels
    "jpeg": (lambda: encoded(PICTURE, "JPEG", quality=100, subsampling=0), BGR, 3),
    "jpeg grey": (lambda: encoded(PICTURE.convert("L"), "JPEG", quality=100), GREY_BGR, 3),
    "jpeg progressive": (
        lambda: encoded(PICTURE, "JPEG", quality=100, subsampling=0, progressive=True),
        BGR,
        3,
    ),
    "jpeg cmyk": (lambda: encoded(cmyk(), "JPEG", quality=100, subsampling=0), cmyk_bgr(), 4),
    "jpeg ycck": (ycck, cmyk_bgr(), 4),
    "tiff cmyk": (lambda: encoded(cmyk(), "TIFF"), cmyk_bgr(), 1),
    "png": (lambda: encoded(PICTURE, "PNG"), BGR, 0),
    "png 16-bit colour": (lambda: by_opencv(BGR.astype(np.uint16) * 257, ".png"), BGR, 0),
    "png 16-bit grey": (lambda: by_opencv(DEEP, ".png"), GREY, 1),
    "png 16-bit grey, one transparent": (
        lambda: encoded(PIL.Image.fromarray(DEEP), "PNG", transparency=int(DEEP[0, 0])),
        np.where((DEEP[0, 0] == DEEP)[..., None], 255, GREY),
        1,
    ),
    "png 16-bit grey, dark": (lambda: by_opencv(DEEP // 8, ".png"), GREY // 8, 1),
    "pgm 16-bit": (lambda: by_opencv(DEEP, ".pgm"), GREY, 1),
    "tiff 16-bit grey": (lambda: by_opencv(DEEP, ".tiff"), GREY, 1),
    "tiff 16-bit grey, big-endian": (
        lambda: encoded(
            PIL.Image.frombytes("I;16B", DEEP.shape[::-1], DEEP.astype(">u2").tobytes()), "TIFF"
        ),
        GREY,
        1,
    ),
    "tiff 32-bit integers": (
        lambda: encoded(PIL.Image.fromarray((RAMP / 255 * (2**31 - 1)).astype(np.int32)), "TIFF"),
        GREY,
        1,
    ),
    "tiff floats to 1": (lambda: by_opencv((RAMP / 255).astype(np.float32), ".tiff"), GREY, 1),
    "tiff floats to 255": (lambda: by_opencv(RAMP.astype(np.float32), ".tiff"), GREY, 1),
    "tiff floats beyond": (lambda: by_opencv(RAMP.astype(np.float32) * 1e6, ".tiff"), GREY, 1),
    **{
        f"png {bits} of 16 bits": (
            partial(by_opencv, (DEEP >> (16 - bits)).astype(np.uint16), ".png"),
            GREY,
            1,
        )
        for bits in (8, 10, 12)
    },
    **{
        f"tiff floats, {name}": (partial(floats, RAMP / 255 * scale, outlier), GREY, tolerance)
        for name, scale, outlier, tolerance in (
            ("white at 3", 3, None, 30),
            ("one infinite", 1, np.inf, 1),
            ("one huge", 255, 1e30, 1),
        )
    },
    "dib": (lambda: encoded(PICTURE, "DIB"), BGR, 0),
    "tiff floats, none a number": (
        lambda: by_opencv(np.full((HEIGHT, WIDTH), np.nan, np.float32), ".tiff"),
        np.zeros_like(BGR),
        0,
    ),
    "png palette": (lambda: encoded(PICTURE.quantize(8), "PNG"), BGR, 1),
    "png palette with transparency": (keyed_palette, on_white(BGR), 1),
    "png alpha": (lambda: encoded(translucent("RGBA"), "PNG"), on_white(BGR), 0),
    "png grey alpha": (lambda: encoded(translucent("LA"), "PNG"), on_white(GREY_BGR), 1),
    "png one colour transparent": (
        lambda: encoded(translucent("RGBA").convert("RGB"), "PNG", transparency=(0, 0, 0)),
        on_white(BGR),
        0,
    ),
    "webp alpha": (lambda: encoded(translucent("RGBA"), "WEBP", lossless=True), on_white(BGR), 0),
    "png 1-bit": (
        lambda: encoded(
            PIL.Image.fromarray(GREY).convert("1", dither=PIL.Image.Dither.NONE), "PNG"
        ),
        BILEVEL,
        0,
    ),
    "gif animated": (lambda: animated("GIF"), BGR, 1),
    "webp animated": (lambda: animated("WEBP", lossless=True), BGR, 0),
    "apng": (lambda: animated("PNG"), BGR, 0),
    "avif": (lambda: encoded(PICTURE, "AVIF", quality=100, subsampling="4:4:4"), BGR, 6),
    "bmp": (lambda: encoded(PICTURE, "BMP"), BGR, 0),
    "jpeg 2000": (lambda: encoded(PICTURE, "JPEG2000"), BGR, 1),
    "tiff deflate": (lambda: encoded(PICTURE, "TIFF", compression="tiff_deflate"), BGR, 0),
    "jpeg with broken exif": (
        lambda: encoded(PICTURE, "JPEG", quality=100, subsampling=0, exif=b"Exif\0\0MM\0*\xff\xff"),
        BGR,
        3,
    ),
    **{
        f"{kind} turned {orientation}": (partial(turned, orientation, kind), BGR, 3)
        for kind in EXACT
        for orientation in range(1, 9)
    },
}


@pytest.mark.parametrize("name", GOOD)
def test_every_kind_shows_its_picture(name: str, tmp_path: Path) -> None:
    make, shown, tolerance = GOOD[name]
    file = tmp_path / "picture.jpg"  # the content counts, not the name
    file.write_bytes(make())
    image = decode.read(file)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.flags.writeable
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert abs(image.astype(float) - shown).max() <= tolerance
    np.testing.assert_array_equal(decode.read(make()), image)


def test_a_photograph_equals_opencv(portrait: Path) -> None:
    np.testing.assert_array_equal(decode.read(portrait), cv2.imread(str(portrait)))


def giant_png(width: int, height: int) -> bytes:
    """A header that promises pixels, with next to none behind it."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + bytes(9))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


NOISE = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
WHOLE = {
    "jpeg": encoded(NOISE, "JPEG"),
    "jpeg progressive": encoded(NOISE, "JPEG", progressive=True),
    "png": encoded(NOISE, "PNG"),
    "gif": encoded(NOISE, "GIF"),
    "webp": encoded(NOISE, "WEBP"),
    "bmp": encoded(NOISE, "BMP"),
    "tiff": encoded(NOISE, "TIFF"),
    "tiff deflate": encoded(NOISE, "TIFF", compression="tiff_deflate"),
    "jpeg 2000": encoded(NOISE, "JPEG2000"),
    "avif": encoded(NOISE, "AVIF"),
}
BAD = {
    "zero bytes": (b"", "is empty"),
    "text": (b"this is no picture\n" * 9, "is not a readable picture"),
    "a script for Ghostscript": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "not a readable picture",
    ),
    "above the limit": (giant_png(30_000, 5_000), "30000 x 5000 = 150,000,000 pixels, above"),
    "above Pillow's limit": (giant_png(30_000, 30_000), "too many pixels"),
    "no pixels": (giant_png(0, 9), ""),
    **{
        f"{kind} cut at {share:.0%}": (data[: int(len(data) * share)], "")
        for kind, data in WHOLE.items()
        for share in (0.02, 0.3, 0.9)
    },
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_one_line(name: str, tmp_path: Path) -> None:
    content, message = BAD[name]
    file = tmp_path / "broken.jpg"
    file.write_bytes(content)
    for source, who in ((file, str(file)), (content, "the picture")):
        with pytest.raises(PictureError) as caught:
            decode.read(source)
        line = str(caught.value)
        assert line.startswith(who)
        assert message in line
        assert "\n" not in line


@pytest.mark.parametrize("kind", WHOLE)
def test_those_that_were_cut_are_sound_when_whole(kind: str) -> None:
    assert decode.read(WHOLE[kind]).shape == (64, 64, 3)


def test_the_limit_is_the_callers() -> None:
    pixels = WIDTH * HEIGHT
    picture = encoded(PICTURE, "PNG")
    assert decode.read(picture, Limits(pixels)).shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(PictureError, match=rf"above the limit of {pixels - 1:,}; .*"):
        decode.read(picture, Limits(pixels - 1))


def test_size_is_refused_before_decoding(tmp_path: Path) -> None:
    """30,000 x 4,500 real pixels in a small file, of which only the header may be looked at."""
    file = tmp_path / "giant.png"
    PIL.Image.new("1", (30_000, 4_500)).save(file)
    code = (
        "import resource, sys; from pathlib import Path; from genderscope.imaging import decode\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: decode.read(Path(sys.argv[1]))\n"
        "except decode.PictureError as error: print(error)\n"
        "grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "sys.exit(grown > 50_000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "135,000,000 pixels" in done.stdout


def test_paths_that_lead_to_no_picture(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe.jpg", tmp_path / "link.jpg"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path, message in (
        (tmp_path / "absent.jpg", "is not there; check the path"),
        (tmp_path, "is a folder, not a picture"),
        (tmp_path / ("x" * 300), "cannot be read: File name too long"),
        (Path("/dev/zero"), "is not a regular file; save the picture as one"),
        (pipe, "is not a regular file; save the picture as one"),
        (link, "is not a regular file; save the picture as one"),
    ):
        with pytest.raises(PictureError) as caught:
            decode.read(path)
        assert str(caught.value) == f"{path} {message}"


def test_closed_files_and_folders(tmp_path: Path) -> None:
    paint(tmp_path, "closed.png", "folder/a.png", "open.png")
    closed, folder = tmp_path / "closed.png", tmp_path / "folder"
    decode.read(closed)
    closed.chmod(0)
    folder.chmod(0)
    for above in (tmp_path, *tmp_path.parents[:3]):
        above.chmod(0o755)
    root = os.geteuid() == 0  # whom no permission binds: be somebody else for a while
    if root:
        os.seteuid(65534)
    try:
        frames = list(decode.frames([closed, folder, folder / "a.png", tmp_path / "open.png"]))
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
    advice = "may not be read; change its permissions"
    for frame, path in zip(frames, (closed, folder, folder / "a.png"), strict=False):
        assert frame == Frame(str(path), error=f"{path} {advice}")
    assert len(frames) == 4
    assert frames[3].image is not None


def paint(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(PICTURE, "PNG"))


def test_find_walks_folders_in_order(tmp_path: Path) -> None:
    paint(tmp_path, "b.png", "a.JPG", "z/1.webp", "c/2.png", "c/deep/3.gif")
    paint(tmp_path, ".hidden.png", ".hidden/4.png", "notes.txt", "odd.name")
    (tmp_path / "c" / "loop").symlink_to(tmp_path)
    (tmp_path / "c" / "link.png").symlink_to(tmp_path / "b.png")
    os.mkfifo(tmp_path / "pipe.jpg")  # opening it would wait for ever
    named = [tmp_path / "odd.name", tmp_path, tmp_path / ".hidden.png"]
    assert [str(path.relative_to(tmp_path)) for path in decode.find(named)] == [
        *("odd.name", "a.JPG", "b.png", "c/2.png", "c/link.png", "c/deep/3.gif", "z/1.webp"),
        ".hidden.png",
    ]


def test_find_avoids_the_folder_that_is_written_to(tmp_path: Path) -> None:
    paint(tmp_path, "a.png", "out/b.png", "out/deep/c.png", "deep/out/d.png")
    found = list(decode.find([tmp_path], avoid=tmp_path / "deep" / ".." / "out"))
    assert found == [tmp_path / "a.png", tmp_path / "deep/out/d.png"]
    assert list(decode.find([tmp_path / "out"], avoid=tmp_path / "out")) != []


def test_find_streams(tmp_path: Path) -> None:
    paint(tmp_path, "a.png", "later/b.png")
    found = decode.find([tmp_path, tmp_path / "absent"])
    assert next(found) == tmp_path / "a.png"
    paint(tmp_path, "later/c.png")
    assert next(found) == tmp_path / "later/b.png"
    assert next(found) == tmp_path / "later/c.png"


def test_frames_put_an_error_in_a_pictures_place(tmp_path: Path) -> None:
    paint(tmp_path, "folder/a.png", "folder/c.png")
    (tmp_path / "folder" / "b.png").write_bytes(b"")
    (tmp_path / "folder" / "broken link.png").symlink_to(tmp_path / "nowhere")
    frames = list(decode.frames([tmp_path / "absent", tmp_path / "folder"]))
    assert [Path(frame.path).name for frame in frames] == [
        *("absent", "a.png", "b.png", "broken link.png", "c.png")
    ]
    assert [frame.error is not None for frame in frames] == [True, False, True, True, False]
    for frame in frames:
        if frame.error is None:
            np.testing.assert_array_equal(frame.image, BGR)
        else:
            assert frame.error.startswith(frame.path)


@pytest.mark.parametrize(
    ("kind", "longest_px", "reductions", "by"),
    [
        ("JPEG", 640, (2, 4, 8), 2),
        ("JPEG", 300, (2, 4, 8), 4),
        ("JPEG", 300, (2,), 2),
        ("JPEG", 641, (2, 4, 8), 1),
        ("JPEG", 1, (), 1),
        ("PNG", 300, (2, 4, 8), 1),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_can_be_decoded_smaller(
    kind: str, longest_px: int, reductions: tuple[int, ...], by: int, mode: str
) -> None:
    if (kind, mode) == ("PNG", "CMYK"):
        pytest.skip("PNG has no CMYK")
    picture = PICTURE.resize((960, 1281)).convert(mode)
    data = encoded(picture, kind)
    small, reduction = decode.read_reduced(data, longest_px=longest_px, reductions=reductions)
    assert reduction == by
    assert small.shape == (-(-1281 // by), 960 // by, 3)
    whole = decode.read(data)
    back = cv2.resize(whole, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(back.astype(int) - small).mean() < 2


def test_an_error_names_what_it_is_told_to() -> None:
    with pytest.raises(PictureError, match=r"^a\.tar/b\.jpg is not a readable picture"):
        decode.read(b"none", name="a.tar/b.jpg")


def test_threads_that_read_leave_the_warnings_as_they_were() -> None:
    before = list(warnings.filters)
    data = encoded(PICTURE, "PNG")
    with ThreadPoolExecutor(4) as pool:
        for picture in pool.map(decode.read, [data] * 200):
            np.testing.assert_array_equal(picture, BGR)
    assert warnings.filters == before
