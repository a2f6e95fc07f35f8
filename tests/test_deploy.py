"""The deployment files match the server: flags, paths, ports and grace periods."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

import app
from digits.config import environment_variable
from digits.serving import server
from tests.helpers.fake_server import fake_server

# The environment variables and routes of app.py.
VARIABLES = {environment_variable(name) for name in app.ServerSettings.model_fields}
ROUTES = {rule.rule for rule in app.create_app().url_map.iter_rules()}

DOCKERFILE = Path("Dockerfile").read_text().replace("\\\n", " ")
NGINX_CONF = Path("deploy/nginx.conf").read_text()
COMPOSE = yaml.safe_load(Path("deploy/compose.yaml").read_text())["services"]
KUBERNETES = {manifest["kind"]: manifest for manifest in yaml.safe_load_all(Path("deploy/kubernetes.yaml").read_text())}
POD = KUBERNETES["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


def lines(instruction: str) -> list[str]:
    """The arguments of every such instruction in the Dockerfile."""
    return re.findall(rf"^ *{instruction} +(.*)$", DOCKERFILE, re.MULTILINE)


def copied() -> list[str]:
    return [source.rstrip("/") for line in lines("COPY") for source in line.split()[:-1]]


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in lines("ENV") for pair in line.split())


# The image


def test_copied_files_are_tracked_and_not_in_dockerignore():
    allowed = set(re.findall(r"^!(.*)$", Path(".dockerignore").read_text(), re.MULTILINE))
    assert set(copied()) == allowed
    for source in copied():
        assert subprocess.run(["git", "ls-files", source], capture_output=True, text=True, check=True).stdout, source


def test_folders_keep_their_names_in_the_image():
    for line in lines("COPY"):
        source, *others, destination = line.split()
        assert destination == "./" or (source, others) == (destination, []), line


@pytest.mark.slow
def test_copied_files_are_sufficient_and_nothing_else_is_written(tmp_path):
    tracked = subprocess.run(["git", "ls-files", *copied()], capture_output=True, text=True, check=True).stdout.split()
    for name in tracked:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, tmp_path / name)
    program = "import app; client = app.create_app().test_client(); print(client.get('/').status_code)"
    options = {"cwd": tmp_path, "env": {**os.environ, **image_environment(), "PYTHONPATH": ""}}
    result = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, **options)
    assert result.stdout == "200\n", result.stderr
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(tracked)


def test_image_starts_app_py_without_a_shell_and_not_as_root():
    (command,) = lines("^CMD")
    assert json.loads(command) == ["python", "app.py"]
    (user,) = lines("USER")
    assert all(int(number) > 0 for number in user.split(":"))


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (None, False)])
def test_health_check_of_the_image_requests_readiness(status, healthy):
    (check,) = re.findall(r"HEALTHCHECK .*? CMD (.*)", DOCKERFILE)
    _, *words = json.loads(check)
    with fake_server((status or 0, b"", {})) as server:
        environment = {**os.environ, "DIGITS_PORT": str(server.port), "http_proxy": "http://127.0.0.1:9"}
        result = subprocess.run([sys.executable, *words], env=environment, capture_output=True, check=False)
    assert (result.returncode == 0) == healthy
    assert [path for path, _, _ in server.requests] == ["/readyz"]


def test_environment_variables_are_those_of_the_server():
    used = {name for name in image_environment() if name.startswith("DIGITS_")}
    used |= set(COMPOSE["digits"]["environment"]) | {variable["name"] for variable in CONTAINER["env"]}
    assert used <= VARIABLES


# Compose


def test_compose_runs_two_instances_behind_nginx_on_matching_ports():
    port = image_environment()["DIGITS_PORT"]
    assert lines("EXPOSE") == [port]
    assert COMPOSE["digits"]["deploy"]["replicas"] == 2
    assert f"server digits:{port} resolve" in NGINX_CONF
    (published,) = COMPOSE["nginx"]["ports"]
    assert f"listen {published.rpartition(':')[2]};" in NGINX_CONF
    (mounted,) = COMPOSE["nginx"]["volumes"]
    assert (Path("deploy") / mounted.split(":")[0]).samefile("deploy/nginx.conf")
    assert (Path("deploy") / COMPOSE["digits"]["build"] / "Dockerfile").samefile("Dockerfile")


def test_compose_trusts_only_nginx_and_gives_each_worker_a_cpu():
    assert COMPOSE["digits"]["environment"]["DIGITS_PROXIES"] == "1"
    assert "ports" not in COMPOSE["digits"]
    limits = COMPOSE["digits"]["deploy"]["resources"]["limits"]
    assert COMPOSE["digits"]["environment"]["DIGITS_WORKERS"] == limits["cpus"]


@pytest.mark.parametrize("name", ["digits", "nginx"])
def test_compose_restarts_limits_and_isolates_each_service(name):
    service = COMPOSE[name]
    assert service["restart"] == "unless-stopped"
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert int(service["stop_grace_period"].rstrip("s")) > server.DRAIN_SECONDS


# Kubernetes


@pytest.mark.parametrize("manifest", KUBERNETES.values(), ids=KUBERNETES)
def test_kubernetes_object_is_valid(manifest):
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_kubernetes_validator_rejects_unknown_fields():
    manifest = KUBERNETES["PodDisruptionBudget"] | {"spec": {"maxUnavailble": 1}}
    with pytest.raises(kubernetes_validate.ValidationError, match="maxUnavailble"):
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_probes_request_existing_routes_on_the_container_port():
    (port,) = CONTAINER["ports"]
    assert str(port["containerPort"]) == image_environment()["DIGITS_PORT"]
    probes = {name: CONTAINER[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {probe["port"] for probe in probes.values()} == {port["name"]}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/readyz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    annotations = POD["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])
    assert annotations["prometheus.io/path"] in ROUTES


def test_kubernetes_objects_reference_each_other():
    labels, deployment = POD["metadata"]["labels"], KUBERNETES["Deployment"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert KUBERNETES["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert KUBERNETES["Service"]["spec"]["selector"] == labels
    assert KUBERNETES["Service"]["spec"]["ports"][0]["targetPort"] == CONTAINER["ports"][0]["name"]
    target = KUBERNETES["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == {
        volume["name"] for volume in POD["spec"]["volumes"]
    }
    assert CONTAINER["image"].split(":")[0] == COMPOSE["digits"]["image"]


def test_pod_is_not_root_has_a_read_only_root_and_time_to_drain():
    user = POD["spec"]["securityContext"]
    assert user["runAsNonRoot"] is True
    assert [f"{user['runAsUser']}:{user['runAsGroup']}"] == lines("USER")
    locked = CONTAINER["securityContext"]
    assert (locked["readOnlyRootFilesystem"], locked["allowPrivilegeEscalation"]) == (True, False)
    assert locked["capabilities"] == {"drop": ["ALL"]}
    _, seconds = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert POD["spec"]["terminationGracePeriodSeconds"] > int(seconds) + server.DRAIN_SECONDS
    (workers,) = (variable["value"] for variable in CONTAINER["env"] if variable["name"] == "DIGITS_WORKERS")
    assert workers == CONTAINER["resources"]["limits"]["cpu"]
