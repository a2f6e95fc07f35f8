"""What servers are sent: pictures of digits whose reading is known, and requests that nobody should send.

The same each time: digits and faults come from generators with a seed.
"""

import base64
import io
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from PIL import Image

import model
from bench.reading import png
from digits import picture, synthetic
from digits.reader import Reader

BROAD = 17 * 1024**2  # bytes of body: more than the server takes
BROAD_EVERY = 300  # requests; each costs as much as a hundred others
DEEP = 100_000  # nested brackets: more than Python's parser follows


@dataclass(frozen=True)
class Known:
    """A whole request and what is to be read in its picture."""

    request: bytes
    text: str


@dataclass(frozen=True)
class Fault:
    """What a client sends that it should not.

    `cut`: it sends no more than this, and says so. `sound`: as HTTP it is in order, so an answer is due.
    """

    kind: str
    request: bytes
    cut: bool = False
    sound: bool = True


def request(body: bytes, method: str = "POST", path: str = "/api", **headers: object) -> bytes:
    """A request whose headers are as they should be, but for those given."""
    fields = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": len(body)}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def body(content: bytes) -> bytes:
    """The JSON object for a picture's bytes."""
    return json.dumps({"image": base64.b64encode(content).decode()}).encode()


def known(count: int) -> list[Known]:
    """Synthetic digits as 28x28 PNG files, each with what our own reader reads in it."""
    reader = Reader(model.load("mnist.pth"))
    files = [png(image) for image in synthetic.digits(count, torch.Generator().manual_seed(count)).images]
    return [Known(request(body(file)), reader.read(picture.decode(file)).text) for file in files]


def faults(count: int, seed: int = 0) -> Iterator[Fault]:
    """`count` faults of all kinds in turn, no two of one kind alike, with a few that are too large among them."""
    dice = random.Random(seed)
    file = png(synthetic.digits(1, torch.Generator().manual_seed(seed)).images[0])
    stream = io.BytesIO()
    Image.open(io.BytesIO(file)).resize((56, 56)).save(stream, "JPEG")
    files = (file, stream.getvalue())
    kinds = (*of_json(), *of_pictures(files), *of_http(file), *of_headers(file))
    for number in range(count):
        if number % BROAD_EVERY == BROAD_EVERY // 2:
            yield too_large(dice)
        else:
            yield kinds[number % len(kinds)](dice)


Kind = Callable[[random.Random], Fault]


def cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def garbage(dice: random.Random, most: int = 2_000) -> bytes:
    return dice.randbytes(dice.randrange(1, most))


def too_large(dice: random.Random) -> Fault:
    content = b'{"image": "' + b"A" * (BROAD + dice.randrange(1000)) + b'"}'
    return Fault("too large", request(content, Connection="close"))


def of_json() -> tuple[Kind, ...]:
    """Bodies that are no JSON, or not the JSON that was asked for."""
    shapes = (
        "[]",
        "{}",
        "7",
        "null",
        '"text"',
        '{"image": %d}',
        '{"image": [%d]}',
        '{"image": null}',
        '{"picture": %d}',
    )
    return (
        lambda dice: Fault("random bytes", request(garbage(dice))),
        lambda dice: Fault("another shape", request(dice.choice(shapes).replace("%d", str(dice.random())).encode())),
        lambda dice: Fault("deep nesting", request(dice.choice((b"[", b'{"image":')) * dice.randrange(1000, DEEP))),
        lambda dice: Fault("empty", request(b"")),
    )


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def of_pictures(files: tuple[bytes, ...]) -> tuple[Kind, ...]:
    """JSON with what is no picture, or a broken one, in it."""

    def flipped(dice: random.Random) -> Fault:
        content = bytearray(dice.choice(files))
        for _ in range(dice.randrange(1, 6)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        return Fault("changed picture", request(body(bytes(content))))

    def claims(dice: random.Random) -> Fault:
        size = struct.pack(">2I5B", 30_000 + dice.randrange(1000), 30_000, 8, 0, 0, 0, 0)
        chunks = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
        return Fault("claims 30,000 x 30,000", request(body(b"\x89PNG\r\n\x1a\n" + chunks)))

    return (
        lambda dice: Fault("cut base64", request(b'{"image": "' + cut(base64.b64encode(files[0]), dice) + b'"}')),
        lambda dice: Fault("cut picture", request(body(cut(dice.choice(files), dice)))),
        lambda dice: Fault("cut JSON", request(cut(body(files[0]), dice))),
        lambda dice: Fault("no picture", request(body(garbage(dice)))),
        flipped,
        claims,
    )


def of_http(file: bytes) -> tuple[Kind, ...]:
    """Bodies that do not arrive as their headers say."""
    good = body(file)

    def length(dice: random.Random) -> Fault:
        wrong = dice.choice((len(good) + dice.randrange(1, 1000), -1, "ten", "1 2", 10**30, dice.randrange(len(good))))
        return Fault("wrong length", request(good, Content_Length=wrong), cut=True, sound=False)

    def chunks(dice: random.Random) -> Fault:
        pieces = (f"{len(good):x}\r\n".encode() + good + b"\r\n", b"zzz\r\n", b"-1\r\n", b"5\r\nab", garbage(dice))
        content = b"".join(dice.choices(pieces, k=3))
        broken = request(content, Content_Length=None, Transfer_Encoding="chunked")
        return Fault("broken chunks", broken, cut=True, sound=False)

    return (
        length,
        chunks,
        lambda dice: Fault("cut request", cut(request(good), dice), cut=True, sound=False),
        lambda dice: Fault("no HTTP", garbage(dice), cut=True, sound=False),
    )


def of_headers(file: bytes) -> tuple[Kind, ...]:
    """Requests with a head that asks for something else, or for too much."""
    good = body(file)
    methods = ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW", "post")
    types = ("", "text/plain", "image/png", "application/json; charset=utf-99", "multipart/form-data", "?/?", "a" * 500)

    def parts(dice: random.Random) -> Fault:
        content = b"--x\r\nContent-Disposition: form-data; name=" + garbage(dice) + dice.choice((b"", b"\r\n--x--\r\n"))
        return Fault("broken multipart", request(content, Content_Type="multipart/form-data; boundary=x"))

    def long_head(dice: random.Random) -> Fault:
        long = {f"X-{i}": "a" * dice.randrange(100, 9_000) for i in range(dice.randrange(1, 40))}
        return Fault("huge head", request(good, **long), cut=True, sound=False)

    return (
        parts,
        long_head,
        lambda dice: Fault("another method", request(good, method=dice.choice(methods))),
        lambda dice: Fault("another type", request(good, Content_Type=dice.choice(types))),
    )
