"""What is asked of every contender: the workloads, and the links they are made of."""

import base64
import dataclasses
import hashlib
import hmac
import os

KEY_HEX = "0123456789abcdef0123456789abcdef"
KEY = bytes.fromhex(KEY_HEX)
LINKS = 10_000
SIZES = {"k1": 1 << 10, "k64": 64 << 10, "m1": 1 << 20, "m100": 100 << 20}


@dataclasses.dataclass(frozen=True)
class Workload:
    """One row of the goals table.

    `kinds`: the kinds of contender that take part. `tool`: which client drives it. `requests`:
    how many are sent where the number is fixed; otherwise it runs for the time given.
    """

    kinds: frozenset
    size: str
    connections: int = 64
    tool: str = "h2load-h1"
    rate: int = 0
    requests: int = 0
    streams: int = 1


def _workload(kinds, size, **options):
    return Workload(frozenset(kinds.split()), size, **options)


WORKLOADS = {
    "proxy-1k-rate": _workload("proxy", "k1", rate=8000),
    "proxy-1k": _workload("proxy", "k1"),
    "proxy-64k": _workload("proxy proxy-big", "k64"),
    "proxy-1m": _workload("proxy proxy-big", "m1"),
    "proxy-100m": _workload("proxy proxy-big", "m100", connections=1, requests=12),
    "cache-1k": _workload("cache", "k1"),
    "disk-1k": _workload("disk", "k1"),
    "disk-1m": _workload("disk", "m1"),
    "disk-100m": _workload("disk", "m100", connections=1, requests=20),
    "tls-handshake": _workload("tls", "k1", tool="wrk-close", connections=16),
    "tls-1k": _workload("tls", "k1"),
    "h2-1k": _workload("tls", "k1", tool="h2load-h2", streams=4),
    "idle": _workload("proxy cache", "k1", tool="idle"),
    "everything-on": _workload("full", "k1"),
}


def _plain(path, number):
    return f"{path}?i={number}"


def _edge_auth(path, number):
    """Akamai EdgeAuth 2.0, an ACL token; every link another."""
    signed = f"exp={4_000_000_000 + number}~acl={path[: path.rindex('/')]}/*"
    mac = hmac.new(KEY, signed.encode(), hashlib.sha256).hexdigest()
    return f"{path}?__token__={signed}~hmac={mac}"


def _secure_link(path, number):
    """nginx `secure_link`: MD5 over expiry, path and secret."""
    expires = 4_000_000_000 + number
    digest = hashlib.md5(f"{expires}{path} {KEY_HEX}".encode()).digest()
    text = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return f"{path}?md5={text}&expires={expires}"


SIGNERS = {"plain": _plain, "edge-auth": _edge_auth, "secure-link": _secure_link}


def links(signer, size, base, folder):
    """A file of links, one a line, made once; `base` is scheme and authority."""
    name = f"{signer}-{size}-{base.split(':')[0]}-{base.rsplit(':', 1)[1]}.txt"
    path = os.path.join(folder, "links", name)
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as out:
            for number in range(LINKS):
                out.write(base + SIGNERS[signer](f"/{size}/o.bin", number) + "\n")
    return path


def files(folder):
    """The objects, random bytes, in `folder`/www."""
    for size, length in SIZES.items():
        path = os.path.join(folder, "www", size, "o.bin")
        if os.path.exists(path) and os.path.getsize(path) == length:
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        block = os.urandom(min(length, 1 << 20))
        with open(path, "wb") as out:
            for _ in range(max(1, length >> 20)):
                out.write(block)
