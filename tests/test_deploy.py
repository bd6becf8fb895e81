"""What is in ``deploy/`` agrees with the command that it runs."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from packaging.requirements import Requirement

from genderscope import cli
from genderscope.detection.downloads import DOWNLOADS

yaml = pytest.importorskip("yaml")
connections = pytest.importorskip("genderscope.server.connections")

from genderscope.server.limits import Limits  # noqa: E402

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
TOKEN = ["--token", "a-token-of-some-length"]
# Of the process before it has any picture, and of the process that decodes for a worker.
IDLE_BYTES, DECODER_BYTES = 200_000_000, 40_000_000
SUFFIXES = {"g": 2**30, "G": 2**30, "Gi": 2**30}

if not DEPLOY.is_dir():
    pytest.skip("needs the repository's deploy/", allow_module_level=True)


def parsed(arguments: list[str]) -> dict[str, Any]:
    """What the command makes of arguments; it must know them all."""
    command = typer.main.get_command(cli.app).get_command(None, "serve")
    return dict(command.make_context("serve", list(arguments)).params)


def dockerfile() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.partition(" ")[2]) for line in lines]


def entry_point() -> list[str]:
    [words] = [json.loads(rest) for word, rest in dockerfile() if word == "ENTRYPOINT"]
    assert words[:2] == ["genderscope", "serve"]
    return list(words[2:])


def compose() -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"][
        "genderscope"
    ]
    return service


def kubernetes() -> dict[str, Any]:
    documents = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    return {document["kind"]: document for document in documents}


def unit() -> dict[str, str]:
    lines = (DEPLOY / "genderscope.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and line[0] not in "#[")


def unit_arguments() -> list[str]:
    return shlex.split(unit()["ExecStart"])[2:]


def enough(arguments: list[str], memory: str, grace_s: int) -> None:
    options = parsed(arguments)
    limits = Limits(
        **{name: options[name] for name in options.keys() & Limits.__dataclass_fields__.keys()}
    )
    places = limits.max_concurrent + limits.queue + 2 * limits.max_live
    pictures = limits.max_memory * 2**20 + options["workers"] * DECODER_BYTES
    number, suffix = re.fullmatch(r"(\d+)(\w+)", memory).groups()  # type: ignore[union-attr]
    bodies = places * limits.max_body_bytes
    assert bodies + pictures + IDLE_BYTES <= int(number) * SUFFIXES[suffix]
    assert connections.drain_s(limits) < grace_s


def test_the_image() -> None:
    steps = dockerfile()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    [installed] = re.findall(r"pip install [^&]*'\.\[(\w+)\]'", str(steps))
    assert installed in extras
    for word, rest in steps:
        if word == "COPY" and not rest.startswith("--from"):
            kept = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists()
                assert f"!{source}" in kept
    for source in project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]:
        assert any(word == "COPY" and source in rest.split() for word, rest in steps)
    last = [word for word, _ in steps][::-1].index("FROM")
    final = dict(steps[-last:])
    assert final["USER"] == "65532:65532"
    assert parsed(entry_point() + TOKEN)["port"] == int(final["EXPOSE"])
    assert f"http://127.0.0.1:{final['EXPOSE']}/readyz" in final["HEALTHCHECK"]
    pulled = f"/opt/cache/genderscope/{DOWNLOADS['yunet'].file.name}"
    assert f"GENDERSCOPE_YUNET={pulled} " in final["ENV"]


def test_the_lock_has_a_version_of_every_requirement() -> None:
    lines = (DEPLOY / "requirements.lock").read_text().splitlines()
    locked = dict(line.split()[0].split("==") for line in lines if "==" in line)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"] + project["optional-dependencies"]["serve"]:
        requirement = Requirement(text)
        assert locked[requirement.name] in requirement.specifier
    entries = re.split(r"\n(?=\S+==)", "\n".join(["", *lines]))[1:]
    assert len(entries) == len(locked)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry) for entry in entries)


def test_compose() -> None:
    service = compose()
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    arguments = entry_point() + service["command"]
    assert service["ports"] == [f"127.0.0.1:8000:{parsed(arguments)['port']}"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["environment"].keys() == {"GENDERSCOPE_TOKEN"}
    enough(arguments, service["mem_limit"], int(service["stop_grace_period"].rstrip("s")))


def test_kubernetes() -> None:
    documents = kubernetes()
    pod = documents["Deployment"]["spec"]["template"]
    [container] = pod["spec"]["containers"]
    arguments = entry_point() + container["args"]
    [port] = container["ports"]
    assert port["containerPort"] == parsed(arguments)["port"]
    assert documents["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    for probe, path in (
        ("startupProbe", "/readyz"),
        ("readinessProbe", "/readyz"),
        ("livenessProbe", "/healthz"),
    ):
        assert container[probe]["httpGet"] == {"path": path, "port": port["name"]}
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    labels = pod["metadata"]["labels"]
    assert documents["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert documents["Service"]["spec"]["selector"] == labels
    assert documents["NetworkPolicy"]["spec"] == {
        "podSelector": {"matchLabels": labels},
        "policyTypes": ["Egress"],
    }
    enough(
        arguments,
        container["resources"]["limits"]["memory"],
        pod["spec"]["terminationGracePeriodSeconds"] - 5,  # of preStop
    )


def test_the_unit() -> None:
    options = parsed(unit_arguments())
    assert options["host"] == "127.0.0.1"
    enough(unit_arguments(), unit()["MemoryMax"], int(unit()["TimeoutStopSec"]))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_systemd_takes_the_unit_and_finds_it_closed(tmp_path: Path) -> None:
    text = (DEPLOY / "genderscope.service").read_text()
    here = tmp_path / "genderscope.service"
    here.write_text(text.replace("/opt/genderscope/bin/genderscope", "/bin/true"))

    def analyze(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["systemd-analyze", *words, str(here)], capture_output=True, text=True, check=False
        )

    verified = analyze("verify", "--recursive-errors=no")
    assert (verified.returncode, verified.stderr) == (0, "")
    # Its scale goes from 100, no protection, to 0.
    closed = analyze("security", "--offline=true", "--threshold=15")
    assert closed.returncode == 0, closed.stdout + closed.stderr


def test_the_table_of_limits_has_the_defaults() -> None:
    text = (DEPLOY / "README.md").read_text()
    rows = re.findall(r"^\|[^|]+\| (`--[^|]+) \| ([\d,. ]+) \|", text, re.MULTILINE)
    assert len(rows) == 11
    options = parsed([])
    for names, values in rows:
        for name, value in zip(names.split(", "), values.split(", "), strict=True):
            key = name.strip("`-").replace("-", "_")
            assert options[key] == float(value.replace(",", "")), name
