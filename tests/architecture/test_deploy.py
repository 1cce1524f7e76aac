"""What the compose file starts is there: commands, settings, secrets, folders, and hardening of our containers."""

import importlib.util
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from datchuan.stack.stack import MODULES
from services.evaluator.settings import EvaluatorSettings
from services.ingest.settings import IngestSettings
from services.notifier.settings import NotifierSettings
from shared.runtime.settings import PREFIX, RuntimeSettings, load

SETTINGS: dict[str, type[RuntimeSettings]] = {
    "ingest": IngestSettings,
    "evaluator": EvaluatorSettings,
    "notifier": NotifierSettings,
    "migrate": RuntimeSettings,
}
INTERPOLATION = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")
ENTRY = re.compile(r"^#? ?(?P<name>DATCHUAN_\w+)=(?P<value>.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    """The compose file with the defaults of its variables put in."""
    text = (root / "docker-compose.yml").read_text(encoding="utf-8")
    parsed: dict[str, Any] = yaml.safe_load(INTERPOLATION.sub(lambda match: match["default"], text))
    return parsed


@pytest.fixture(scope="module")
def secrets(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of secrets as `make secrets` writes them."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    subprocess.run([str(root / "deploy/make-secrets"), str(folder)], check=True, capture_output=True, timeout=30)
    return folder


@pytest.mark.parametrize("service", ["ingest", "evaluator", "notifier"])
def test_the_command_of_a_service_is_a_module_that_can_be_run(compose: dict[str, Any], service: str) -> None:
    command = compose["services"][service]["command"]

    assert command == ["python", "-m", MODULES[service]]
    assert importlib.util.find_spec(MODULES[service])


@pytest.mark.parametrize("service", SETTINGS)
def test_the_environment_of_a_service_is_accepted_by_its_settings(
    compose: dict[str, Any], secrets: Path, service: str
) -> None:
    given = compose["services"][service]["environment"]
    environment = {name: value.replace("/run/secrets/", f"{secrets}/") for name, value in given.items()}

    settings = load(SETTINGS[service], environment)

    assert {name.removesuffix("_FILE") for name in given} <= {
        f"{PREFIX}{f.upper()}" for f in type(settings).model_fields
    }
    assert settings.database_url.get_secret_value().endswith("@postgres:5432/datchuan")
    if service != "migrate":
        assert settings.redis_url.get_secret_value().endswith("@valkey:6379/0")
        assert (settings.host, settings.port) == ("0.0.0.0", 8080)  # noqa: S104 - inside its container


def test_a_service_gets_every_secret_that_its_environment_names(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        environment = service.get("environment", {})
        named = {value.removeprefix("/run/secrets/") for value in environment.values() if "/run/secrets/" in value}

        assert named <= set(service.get("secrets", [])), name


def test_the_script_makes_every_secret_and_never_touches_one_that_is_there(
    compose: dict[str, Any], root: Path, secrets: Path
) -> None:
    before = {path.name: path.read_text(encoding="utf-8") for path in secrets.iterdir()}

    subprocess.run([str(root / "deploy/make-secrets"), str(secrets)], check=True, capture_output=True, timeout=30)

    assert {Path(secret["file"]).name for secret in compose["secrets"].values()} <= set(before)
    assert {path.name: path.read_text(encoding="utf-8") for path in secrets.iterdir()} == before
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert all(before.values())


def test_no_secret_stands_in_an_environment_or_in_the_repository(compose: dict[str, Any], root: Path) -> None:
    variables = {name for service in compose["services"].values() for name in service.get("environment", {})}
    kept = {"README.md", ".gitignore"}

    assert [name for name in variables if re.search(r"PASSWORD|SECRET|_URL$", name) and "FILE" not in name] == []
    assert (root / "deploy/secrets/.gitignore").read_text(encoding="utf-8").split() == [
        "*",
        *(f"!{n}" for n in sorted(kept, reverse=True)),
    ]


def test_everything_a_container_waits_for_mounts_or_joins_is_declared(compose: dict[str, Any], root: Path) -> None:
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        assert set(service["networks"]) <= set(compose["networks"]), name
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        for volume in service.get("volumes", []):
            origin = volume.split(":")[0]
            assert (root / origin).is_dir() if origin.startswith("./") else origin in compose["volumes"], name


def test_whatever_is_published_listens_on_this_host_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("service", SETTINGS)
def test_our_containers_can_write_nothing_and_gain_nothing(compose: dict[str, Any], service: str) -> None:
    container = compose["services"][service]

    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]


def test_every_container_is_watched_and_comes_back(compose: dict[str, Any], root: Path) -> None:
    image_has_one = "HEALTHCHECK" in (root / "deploy/Dockerfile").read_text(encoding="utf-8")

    for name, service in compose["services"].items():
        assert service["restart"] == ("on-failure" if name == "migrate" else "unless-stopped"), name
        assert "healthcheck" in service or (image_has_one and "build" in service), name


def test_the_image_runs_as_a_user_that_is_not_root(root: Path) -> None:
    stages = (root / "deploy/Dockerfile").read_text(encoding="utf-8").split("FROM ")

    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", stages[-1], re.MULTILINE)
    assert "--require-hashes" in stages[1]


def test_the_image_gets_every_file_that_the_wheel_is_built_from(root: Path) -> None:
    copied = set(
        re.findall(r"^COPY (?!--)(.+) \S+$", (root / "deploy/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    names = {name for line in copied for name in line.split()}
    let_in = {line[1:] for line in (root / ".dockerignore").read_text(encoding="utf-8").split() if line.startswith("!")}

    assert names == let_in
    assert [name for name in names if not (root / name).exists()] == []


def test_the_example_of_the_environment_names_every_setting_with_its_default(root: Path) -> None:
    text = (root / "deploy/env.example").read_text(encoding="utf-8")
    written = {match["name"] for match in ENTRY.finditer(text)}
    fields = {f"{PREFIX}{name.upper()}" for settings in SETTINGS.values() for name in settings.model_fields}
    # These belong to a single container and are set by the compose file.
    of_the_container = {f"{PREFIX}{name}" for name in ("DATABASE_URL", "REDIS_URL", "HOST", "PORT", "INSTANCE")}

    # A setting may itself be a file: then there is none of which its value would be the file.
    assert {name if name in fields else name.removesuffix("_FILE") for name in written} == fields - of_the_container


def test_the_example_of_the_environment_shows_the_defaults(root: Path) -> None:
    text = (root / "deploy/env.example").read_text(encoding="utf-8")
    environment = {match["name"]: match["value"] for match in ENTRY.finditer(text) if match["value"]}

    for settings in SETTINGS.values():
        shown, default = load(settings, environment), load(settings, {})
        assert shown.model_dump(exclude={"instance"}) == default.model_dump(exclude={"instance"})


def test_the_scripts_can_be_executed(root: Path) -> None:
    for script in (".ci/run", "deploy/make-secrets"):
        assert os.access(root / script, os.X_OK), script
