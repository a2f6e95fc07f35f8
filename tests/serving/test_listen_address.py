"""`digits.serving.listen_address` and TLS of `server`: IP addresses, ports, Unix domain sockets and certificates."""

import asyncio
import contextlib
import http.client
import json
import shutil
import socket
import ssl
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from digits import UserError
from digits.serving import listen_address, server
from tests.helpers.running_server import read_log, read_text, run_app

CERTIFICATE = ("-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1")


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


# -- addresses


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("localhost", "127.0.0.1"),
        ("::", "::"),
        ("[::]", "::"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
    ],
)
def test_host_may_be_an_ip_address(host, address):
    assert listen_address.parse_host(host) == (address, None)


@pytest.mark.parametrize(
    "host", ["", "no.such.host.invalid", "127.0.0.1:5000", "http://127.0.0.1", "1.2.3", "[", "[::1]:5000", "unix"]
)
def test_invalid_host_is_rejected_with_examples(host):
    with pytest.raises(UserError, match=r"not an IP address of this machine: name one, for example 127\.0\.0\.1"):
        listen_address.parse_host(host)


def test_host_may_be_a_unix_socket_in_an_existing_folder(tmp_path):
    assert listen_address.parse_host(f"unix:{tmp_path}/socket") == ("", tmp_path / "socket")
    for path in (tmp_path, tmp_path / "none" / "socket"):
        with pytest.raises(UserError, match="name a file in a folder"):
            listen_address.parse_host(f"unix:{path}")


@needs_ipv6
def test_server_on_all_addresses_accepts_ipv4_and_ipv6(server_log):
    with run_app(0, 1, "--host", "::", log=server_log.fileno()) as served:
        assert served.address == f"http://[::]:{served.port}"
        for host in ("127.0.0.1", "[::1]"):
            assert read_text(f"http://{host}:{served.port}") == "7"
    assert read_log(server_log).count("Every machine") == 1


@needs_ipv6
def test_server_on_an_ipv6_address_announces_a_url_with_brackets(server_log):
    with run_app(0, 1, "--host", "[::1]", log=server_log.fileno()) as served:
        assert served.address == f"http://[::1]:{served.port}"
        assert read_text(served.address) == "7"
    assert "Every machine" not in read_log(server_log)


def get_status_over_unix_socket(path: Path) -> str:
    """Request /healthz on a Unix domain socket. Returns: the status in the answer."""
    connection = http.client.HTTPConnection("localhost")
    with contextlib.closing(connection), socket.socket(socket.AF_UNIX) as connection.sock:
        connection.sock.connect(str(path))
        connection.request("GET", "/healthz")
        return json.load(connection.getresponse())["status"]


def test_server_replaces_a_stale_unix_socket(tmp_path, server_log):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with run_app(0, 1, "--host", f"unix:{path}", log=server_log.fileno()) as served:
        assert served.address == f"unix:{path}"
        assert get_status_over_unix_socket(path) == "alive"
    assert served.process.returncode == 0


def test_unix_socket_in_use_and_other_files_are_not_removed(tmp_path):
    path, file, free = tmp_path / "socket", tmp_path / "file", tmp_path / "free"
    file.touch()
    asyncio.run(listen_address.remove_stale_socket(free))
    with pytest.raises(UserError, match=f"{file} exists and is not a socket"):
        asyncio.run(listen_address.remove_stale_socket(file))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(UserError, match="Another server listens"):
            asyncio.run(listen_address.remove_stale_socket(path))
    assert (path.is_socket(), file.is_file()) == (True, True)
    asyncio.run(listen_address.remove_stale_socket(path))  # no server listens on it now
    assert not path.exists()


# -- certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """A folder with self-signed certificates: rsa.crt and rsa.key, ec.crt and ec.key (SEC 1); locked.key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificates")
    for arguments in (
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec.key"],
        ["req", *CERTIFICATE, "-key", "ec.key", "-out", "ec.crt"],
        ["req", *CERTIFICATE, "-newkey", "rsa:2048", "-keyout", "rsa.key", "-out", "rsa.crt"],
        ["rsa", "-aes128", "-passout", "pass:secret", "-in", "rsa.key", "-out", "locked.key"],
    ):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_https_is_served_with_a_certificate(certificates, server_log, kind):
    files = ("--tls-cert", f"{certificates}/{kind}.crt", "--tls-key", f"{certificates}/{kind}.key")
    with run_app(0, 1, *files, log=server_log.fileno()) as served:
        assert served.address == f"https://127.0.0.1:{served.port}"
        context = ssl.create_default_context(cafile=certificates / f"{kind}.crt")
        with urlopen(f"{served.address}/healthz", context=context) as response:
            assert json.load(response) == {"status": "alive"}
        old = ssl.create_default_context(cafile=certificates / f"{kind}.crt")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
        with urlopen(f"{served.address}/healthz", context=old) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    ("cert", "key", "words"),
    [
        ("rsa.crt", "", "belong together"),
        ("", "rsa.key", "belong together"),
        ("none.crt", "rsa.key", "No such file"),
        ("rsa.crt", "none.key", "No such file"),
        ("rsa.crt", "ec.key", "match"),
        ("rsa.crt", "locked.key", "without a pass phrase"),
        ("rsa.key", "rsa.crt", "PEM files"),
        ("", "", None),
        ("rsa.crt", "rsa.key", None),
    ],
)
def test_certificates_are_checked_at_the_start(certificates, cert, key, words):
    files = [str(certificates / name) if name else "" for name in (cert, key)]
    if words is None:
        server.check_certificate(*files)
    else:
        with pytest.raises(UserError, match=words):
            server.check_certificate(*files)


@needs_ipv6
def test_port_in_use_on_ipv4_is_not_free_on_all_addresses():
    with socket.create_server(("0.0.0.0", 0)) as taken:
        with pytest.raises(UserError, match="--port"):
            asyncio.run(listen_address.reserve_address("::", taken.getsockname()[1]))
        assert asyncio.run(listen_address.reserve_address("::", 0)) != taken.getsockname()[1]
