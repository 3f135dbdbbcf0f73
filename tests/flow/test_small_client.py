"""The client over real connections: to whom it gives up, whom it does not believe."""

import datetime
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.flow.small_client import post

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"


def secured(sock, context):
    return sock if context is None else context.wrap_socket(sock, server_side=True)


@pytest.fixture
def server():
    """Answers each connection by what it is given, and keeps what it was sent; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard = []

    def start(answer, context=None):
        def serve():
            with suppress(OSError):
                while True:
                    sock, _ = listener.accept()
                    with suppress(OSError), sock, secured(sock, context) as line:
                        heard.append(line.recv(65_536))
                        answer(line)

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    start.heard = heard
    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_what_is_sent_and_what_is_answered(server):
    port = server(lambda sock: sock.sendall(OK))
    headers = [("Content-Type", "text/plain")]
    assert post(f"http://127.0.0.1:{port}/a/b?c=d", b"body", headers) == (200, b"fine")
    head, _, body = server.heard[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /a/b?c=d HTTP/1.1", b"Host: 127.0.0.1:%d" % port, b"Content-Length: 4",
        b"Connection: close", b"Content-Type: text/plain",
    ]  # fmt: skip
    assert body == b"body"


def test_a_redirect_is_an_answer_and_leads_nowhere(server):
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n"
    port = server(lambda sock: sock.sendall(moved % port))
    assert post(f"http://127.0.0.1:{port}/", b"name")[0] == 307
    assert len(server.heard) == 1


def test_no_proxy_is_asked(server, monkeypatch):
    port = server(lambda sock: sock.sendall(OK))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert post(f"http://127.0.0.1:{port}/", b"")[0] == 200


def trickle(sock):
    for byte in OK * 20:
        sock.sendall(bytes([byte]))
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (trickle, "timed out"),
        (lambda sock: sock.recv(1), "timed out"),
        (lambda sock: None, "closed without an answer|not HTTP"),
        (lambda sock: sock.sendall(OK[:-1]), "not HTTP"),
        (lambda sock: sock.sendall(b"\x00\xff" * 100), "not HTTP"),
        (lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000), "not HTTP"),
        (lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_001), "more than 1,000"),
    ],
    ids=["trickles", "silent", "closes", "cut", "garbage", "large head", "large body"],
)
def test_whoever_answers_badly_is_left(server, answer, why):
    port = server(answer)
    seconds = 0.3 if why == "timed out" else 20  # enough on a machine that has much to do
    began = time.monotonic()
    with pytest.raises(OSError, match=why):
        post(f"http://127.0.0.1:{port}/", b"", seconds=seconds, most=1_000)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("url", ["ftp://a/", "http:///", "a", "http://a:x/"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ValueError, match=r"no URL|[Pp]ort"):
        post(url, b"")


def certificate(folder):
    """A server's own, of 127.0.0.1, that nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(made.public_bytes(pem) + private)
    return path


def test_a_certificate_has_to_be_known_and_of_that_host(server, tmp_path, monkeypatch):
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    port = server(lambda sock: sock.sendall(OK), context)
    with pytest.raises(ssl.SSLCertVerificationError):
        post(f"https://127.0.0.1:{port}/", b"name")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    assert post(f"https://127.0.0.1:{port}/", b"name") == (200, b"fine")
    with pytest.raises(ssl.SSLCertVerificationError):
        post(f"https://localhost:{port}/", b"name")
    assert len(server.heard) == 1, "nothing is sent to whom is not believed"
