"""Pictures of every kind that a caller may pass: paths, addresses, bytes, files, PIL, arrays."""

import os
from base64 import b64encode
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
import PIL.Image

from genderscope.core.errors import PictureError, UsageError
from genderscope.core.parallel import within
from genderscope.core.storage import is_web, redacted
from genderscope.core.types import Frame, Image
from genderscope.imaging import opening
from genderscope.imaging.decode import Encoded

ChannelOrder = Literal["bgr", "rgb"]
Picture = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | PIL.Image.Image
    | npt.NDArray[Any]
)  # fmt: skip
ACCEPTED = (
    "a path, an http:// or https:// address, bytes, a file opened for reading bytes, a PIL image, "
    "or an array (height, width[, 1, 3 or 4]) of uint8, or of floats from 0 to 1"
)
MAX_BYTES, TIMEOUT_S = 64 * 2**20, 20.0  # for a picture from an address
BLOCK_BYTES = 2**16


def is_one(picture: object) -> bool:
    """Whether a value is one picture, or no picture at all, rather than several pictures."""
    if isinstance(picture, np.ndarray):
        return picture.ndim < 4
    single = isinstance(picture, str | bytes | bytearray | memoryview | dict)
    return single or hasattr(picture, "read") or not isinstance(picture, Iterable)


def load(
    picture: Picture, channel_order: ChannelOrder = "bgr", name: str = "the picture"
) -> Frame | Encoded:
    """A picture of any accepted kind, else ``UsageError``; paths, addresses and bytes are not yet
    decoded.

    Args:
        picture: see ``ACCEPTED``. A PIL image is turned upright and transparency becomes white, as
            for files.
        channel_order: of an array with three or four channels.
        name: in errors, for a picture without a name.
    """
    if isinstance(picture, str) and is_web(picture):
        return Encoded(redacted(picture), partial(fetch, picture))
    if isinstance(picture, str | os.PathLike):
        if not (path := os.fsdecode(picture)):
            return Frame(name, error=f"the path of {name} is empty")
        return Encoded(path, Path(path))
    if isinstance(picture, bytes | bytearray | memoryview):
        return Encoded(name, bytes(picture))
    if isinstance(picture, PIL.Image.Image):
        if not all(picture.size):
            return Frame(name, error=f"{name} has no pixels")
        try:
            return Frame(name, opening.bgr(opening.upright(picture)))
        except Exception as error:  # what Pillow raises on broken data has no common base
            return Frame(name, error=f"{name} is broken ({error})")
    if isinstance(picture, np.ndarray):
        return Frame(name, _array(picture, channel_order))
    if hasattr(picture, "read"):
        file_name = getattr(picture, "name", None)
        name = file_name if file_name and isinstance(file_name, str) else name
        try:
            data = picture.read()
            if data == b"":
                return Frame(name, error=f"{name} is empty, or was read to its end: seek(0) first")
            if isinstance(data, bytes):
                return Encoded(name, data)
        except UnicodeDecodeError:
            pass  # opened for reading text
        except Exception as error:  # what files in archives raise has no common base
            return Frame(name, error=f"{name} cannot be read: {error}")
    raise UsageError(f"a picture is {ACCEPTED}, not {type(picture).__name__}")


def read(picture: Picture, channel_order: ChannelOrder = "bgr") -> Image:
    """The decoded picture; ``UsageError`` as in ``load``, ``PictureError`` if it cannot be read."""
    loaded = load(picture, channel_order)
    frame = loaded if isinstance(loaded, Frame) else loaded.frame()
    if frame.image is None:
        raise PictureError(frame.error)
    return frame.image


def fetch(address: str) -> bytes:
    """The content of an ``http(s)://`` address, at most ``MAX_BYTES`` in ``TIMEOUT_S``;
    ``PictureError`` if it does not answer in time, refuses, or sends more.
    """
    from http.client import HTTPException  # slow to import
    from urllib.error import HTTPError

    try:
        # The socket's timeout is per read: a server that sends single bytes would never exceed it.
        return within(TIMEOUT_S, partial(_get, address))
    except TimeoutError as error:
        problem: Exception = error
        reason = f"did not send a picture within {TIMEOUT_S:g} s"
    except HTTPError as error:
        problem, reason = error, " ".join(f"answered {error.code} {error.reason}".split())
        error.close()
    except (OSError, HTTPException, ValueError) as error:
        problem, reason = error, f"cannot be reached: {getattr(error, 'reason', error)}"
    raise PictureError(f"{redacted(address)} {reason}") from problem


def _get(address: str) -> bytes:
    from urllib import parse, request

    parts = parse.urlsplit(address)
    path, query = (parse.quote(part, safe="%/:=&;,+$!*'()@?~[]") for part in parts[2:4])
    user, _, host = parts.netloc.rpartition("@")
    wanted = request.Request(parts._replace(netloc=host, path=path, query=query).geturl())
    if user:  # not sent to the target of a redirect
        token = b64encode(parse.unquote_to_bytes(user)).decode()
        wanted.add_unredirected_header("Authorization", f"Basic {token}")
    # Without handlers for file:// and ftp://, so that no redirect leads there.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPDefaultErrorHandler,
        request.HTTPRedirectHandler,
        request.HTTPErrorProcessor,
        request.UnknownHandler,
    ):
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", "genderscope"), ("Accept", "image/*,*/*;q=0.1")]
    with opener.open(wanted, timeout=TIMEOUT_S) as answer:
        announced = answer.length or 0
        data: bytes = b"" if announced > MAX_BYTES else answer.read(MAX_BYTES + 1)
        if max(announced, len(data)) > MAX_BYTES:
            raise PictureError(f"{redacted(address)} is larger than {MAX_BYTES / 1e6:.0f} MB")
    return data


def _array(pixels: npt.NDArray[Any], channel_order: ChannelOrder) -> Image:
    """An array as (height, width, 3) uint8 BGR."""
    if channel_order not in ("bgr", "rgb"):
        raise UsageError(f"channel_order is 'bgr' or 'rgb', not {channel_order!r}")
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if not (pixels.ndim in (2, 3) and channels in (1, 3, 4) and pixels.size):
        raise UsageError(
            "an array's shape must be (height, width) or (height, width, 1, 3 or 4), not "
            f"{pixels.shape}"
        )
    floats = pixels.dtype.kind == "f"
    if not (floats or pixels.dtype == np.uint8):
        raise UsageError(
            f"an array must be of uint8, or of floats from 0 to 1, not of {pixels.dtype}"
        )
    if floats:
        if not (pixels.min() >= 0 and pixels.max() <= 1):  # NaN fails too
            raise UsageError(
                f"floats of a picture must be from 0 to 1, not {pixels.min():g} to {pixels.max():g}"
            )
        pixels = (pixels.astype(np.float32) * 255).round().astype(np.uint8)
    if channels == 1:
        pixels = pixels.reshape(pixels.shape[:2])
    elif channel_order == "bgr":
        if channels == 3:
            return np.ascontiguousarray(pixels)
        pixels = pixels[..., [2, 1, 0, 3]]
    return opening.bgr(PIL.Image.fromarray(pixels))
