"""Networks opened by the provider that was asked for, or by the CPU where it is not there."""

from pathlib import Path

import onnxruntime
import pytest

from genderscope.core import sessions
from genderscope.core.errors import ModelError, UsageError
from genderscope.inference.classifier import WEIGHTS, Classifier


@pytest.mark.parametrize("provider", ["cpu", "CPU", "qnn"])
def test_what_is_not_there_falls_back_to_the_cpu(model: str, provider: str) -> None:
    """Qualcomm's provider is in no build for this kind of machine."""
    session = sessions.create(WEIGHTS / f"{model}.onnx", 1, provider)
    assert sessions.provider_of(session) == "cpu"
    assert Classifier.load(model, 1, provider).provider == "cpu"


def test_what_is_there_is_used(model: str) -> None:
    for name in onnxruntime.get_available_providers():
        provider = name.removesuffix("ExecutionProvider").lower()
        session = sessions.create(WEIGHTS / f"{model}.onnx", 1, provider)
        assert sessions.provider_of(session) in (provider, "cpu")


def test_what_does_not_exist_is_refused(model: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no provider 'abacus'; there are: .*cpu.*cuda"):
        sessions.create(WEIGHTS / f"{model}.onnx", provider="abacus")
    broken = tmp_path / "broken.onnx"
    broken.write_text("no network")
    with pytest.raises(ModelError, match="cannot be opened"):
        sessions.create(broken)
