"""Scripts of the page that need no document, in Node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import serving
from genderscope.server.app import WEB

NODE = shutil.which("node")
LOOK = """
import fs from "node:fs";
import { look, models } from "./service.js";
import { settings } from "./settings.js";

const [address, file] = process.argv.slice(2);
const get = globalThis.fetch;
globalThis.fetch = (path, options) => get(new URL(path, address), options); // as in a page
settings.model = (await models()).models[0];
const picture = await fs.openAsBlob(file);
const answer = await look(picture);
fs.appendFileSync(file, "more");
const told = await look(picture).catch(({ message }) => message);
console.log(JSON.stringify([answer.width, told]));
process.exit();
"""


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_file_that_changed_is_not_a_service_that_is_lost(
    model: str, portrait: Path, tmp_path: Path
) -> None:
    for name in ("service.js", "settings.js"):
        (tmp_path / name).write_bytes((WEB / name).read_bytes())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "look.js").write_text(LOOK)
    picture = tmp_path / "portrait.jpg"
    picture.write_bytes(portrait.read_bytes())
    with serving.serving("--model", model) as (client, _):
        done = subprocess.run(
            [NODE, tmp_path / "look.js", str(client.base_url), picture],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    width, told = json.loads(done.stdout)
    assert width == 512
    assert told == "This is a folder, or a file that was changed or removed: choose it again."
