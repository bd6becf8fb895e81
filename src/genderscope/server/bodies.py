"""Request bodies: read within the limits and split into pictures, in memory.

File names are ignored.
"""

import asyncio
import logging

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header
from starlette.requests import ClientDisconnect, Request

from genderscope.server.limits import Limits
from genderscope.server.problems import Problem

FIELD = b"file"
logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns about every hostile body


async def read(request: Request, limits: Limits) -> bytes:
    """The whole body. Raises ``Problem``: 413 too large, 408 too slow, 400 incomplete."""
    too_large = Problem(
        413,
        f"the body exceeds the limit of {limits.max_body_bytes:,} bytes; send fewer or smaller "
        "pictures",
    )
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limits.max_body_bytes:
        raise too_large
    start = asyncio.get_running_loop().time()
    body = bytearray()
    chunks = aiter(request.stream())
    try:
        while True:
            end = start + limits.body_timeout_s + len(body) / limits.body_bytes_per_s
            async with asyncio.timeout_at(end):
                body += await anext(chunks)
            if len(body) > limits.max_body_bytes:
                raise too_large
    except StopAsyncIteration:
        return bytes(body)
    except TimeoutError as error:
        raise Problem(
            408, "the body arrived too slowly; send it faster", {"Connection": "close"}
        ) from error
    except ClientDisconnect as error:
        raise Problem(400, "the connection closed before the body was complete") from error


def pictures(body: bytes, content_type: str, max_files: int) -> list[bytes]:
    """The encoded pictures in a body: the files of a multipart form, or the body itself. Raises
    ``Problem``: 400 invalid form, 413 too many files, 415 wrong content type, 422 no file or
    another field.
    """
    kind, parameters = parse_options_header(content_type)
    if kind == b"multipart/form-data":
        if not (boundary := parameters.get(b"boundary")):
            raise Problem(
                400,
                "the form's Content-Type has no boundary; use an HTTP library to build the form",
            )
        return _files(body, boundary, max_files)
    if not kind or kind.startswith(b"image/") or kind == b"application/octet-stream":
        return [body]
    raise Problem(
        415,
        "send a multipart form with pictures in the field 'file', or a picture's bytes with a "
        "Content-Type such as image/jpeg",
    )


def _files(body: bytes, boundary: bytes, max_files: int) -> list[bytes]:
    files: list[bytearray] = []
    header, value = bytearray(), bytearray()
    names: list[bytes] = []

    def header_end() -> None:
        if header == b"content-disposition":
            names.append(parse_options_header(bytes(value))[1].get(b"name", b""))
        header.clear()
        value.clear()

    def headers_finished() -> None:
        if names != [FIELD]:
            raise Problem(422, "send pictures in fields named 'file', and no other fields")
        if len(files) == max_files:
            raise Problem(413, f"more than {max_files} files; send them in several requests")
        names.clear()
        files.append(bytearray())

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_header_field": lambda data, start, end: header.extend(data[start:end].lower()),
                "on_header_value": lambda data, start, end: value.extend(data[start:end]),
                "on_header_end": header_end,
                "on_headers_finished": headers_finished,
                "on_part_data": lambda data, start, end: files[-1].extend(data[start:end]),
            },
        )
        parser.write(body)
    except FormParserError as error:
        message = "the body is not a multipart form; use an HTTP library to build it"
        raise Problem(400, message) from error
    if parser.state != MultipartState.END:
        raise Problem(400, "the multipart form is incomplete; send all of it")
    if not files:
        raise Problem(422, "the form has no file; send pictures in the field 'file'")
    return [bytes(file) for file in files]
