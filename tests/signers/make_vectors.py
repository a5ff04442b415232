"""Regenerates tests/vectors/edge_auth.json with the two independent signers.

    tests/run --env-only && . target/test-env/env
    "$COUNTERSIGN_TEST_PYTHON" tests/signers/make_vectors.py [--check]

The cases are enumerated, never drawn at random: two runs give the same bytes. With --check nothing
is written; the exit status is 1 if the committed file is not what the signers make today.

Before anything is written, the published vectors below must come out right: they were printed by
people who had nothing to do with this file, and pin both libraries and these drivers at once.
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent / "vectors" / "edge_auth.json"

START = 1893448800
END = 1893456000

# Tokens printed elsewhere: (name, options, token).
PUBLISHED = [
    (
        "nginx-vod-module-1279",
        {"key": "1234", "end": 1622136497, "acl": "/*"},
        "exp=1622136497~acl=/*"
        "~hmac=ec70c1b6fb2b2baa4dd58e3a4bc1b8e333b63288fdc2d13c5a9b5037d1bba5ea",
    ),
    (
        "nginx-akamai-token-validate-module-16",
        {"key": "1234", "start": 1528033089, "end": 1528036689, "acl": "/hls/*"},
        "st=1528033089~exp=1528036689~acl=/hls/*"
        "~hmac=75aa31dd3ddb3a5c64baf27879818f8b5d8223331fe6fe246df21ebf79a0b94c",
    ),
    (
        "both-libraries-url",
        {
            "key": "52a152a152a152a152a152a152a1",
            "start": 1800000000,
            "end": 1900000000,
            "url": "/akamai/edgeauth/*",
        },
        "st=1800000000~exp=1900000000"
        "~hmac=15cee6c2ae2014c1924466546b3a78636677d98db1fc42fef57b24471b872209",
    ),
    (
        "both-libraries-acl",
        {
            "key": "52a152a152a152a152a152a152a1",
            "start": 1800000000,
            "end": 1900000000,
            "acls": ["/a/*", "/b"],
        },
        "st=1800000000~exp=1900000000~acl=/a/*!/b"
        "~hmac=9df35bdc9e3f044e5029b1abd8c87077cd25d398e66202ac6c3ba01d1ba278d9",
    ),
    (
        "reference-acl",
        {
            "key": "aabbccddeeff00112233445566778899",
            "end": END,
            "acl": "/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912*",
        },
        "exp=1893456000~acl=/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912*"
        "~hmac=63b80557002ed3a097ada81e5e683fd0e793de0d2dbee7a185712c604cdc04cf",
    ),
    (
        "reference-acls",
        {
            "key": "aabbccddeeff00112233445566778899",
            "end": END,
            "acls": ["/private/videos/a/*", "/private/channels/7/*"],
        },
        "exp=1893456000~acl=/private/videos/a/*!/private/channels/7/*"
        "~hmac=5a63d81ccf2ed5c7dd26853cd8b99981b3ce0354ae7adc5f24aaf126a531fdd4",
    ),
    (
        "reference-all",
        {
            "key": "aabbccddeeff00112233445566778899",
            "ip": "192.168.2.1",
            "start": START,
            "end": END,
            "acl": "/private/*",
            "id": "s1",
            "data": "t=ag_01",
        },
        "ip=192.168.2.1~st=1893448800~exp=1893456000~acl=/private/*~id=s1~data=t=ag_01"
        "~hmac=1bf03c7c5e703dd27de7e3acd844db5210b20245babe354d999fcb8192c37665",
    ),
    (
        "reference-url",
        {
            "key": "aabbccddeeff00112233445566778899",
            "end": END,
            "url": "/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912",
        },
        "exp=1893456000~hmac=6a6303d2b0f4ebcbd78688fb19d0f1ef97ed58bd34edb03a32134de15623fa3a",
    ),
    (
        "reference-salt",
        {
            "key": "aabbccddeeff00112233445566778899",
            "end": END,
            "acl": "/private/*",
            "salt": "pepper",
        },
        "exp=1893456000~acl=/private/*"
        "~hmac=a129eaccfba2db87dbb3251b834ab4669f8fccc56e3c3a0f1953653033cee6c2",
    ),
]

SCOPES = {
    "acl-all": {"acl": "/*"},
    "acl-exact": {"acl": "/private/videos/-civ9qE3JUjntKQM1HnGtU/subtitles/EN"},
    "acl-tail": {"acl": "/private/videos/-civ9qE3JUjntKQM1HnGtU/*"},
    "acl-mixed": {"acl": "/vod/??r??/*/seg-?.ts"},
    "acl-encoded": {"acl": "/q_escape/%EC%95%88/*"},
    "acls": {"acls": ["/private/videos/a/*", "/private/channels/7/*", "/h"]},
    "url-plain": {"url": "/private/channels/7/attachments/12"},
    "url-query": {"url": "/vod/film.mp4?quality=720p&file-name=a%20b.mp4"},
    "url-encoded": {"url": "/vod/%EC%95%88%20a/film.mp4"},
    "url-letters": {"url": "/vod/안녕/été.mp4"},
}
CLIENTS = {
    "bare": {},
    "window": {"start": START, "window": 7200},
    "ip4": {"ip": "192.168.2.1"},
    "ip6": {"ip": "2001:db8::7:1", "start": START},
    "named": {"id": "s1", "data": "t=ag_01"},
    "salted": {"salt": "pepper", "id": "user-42"},
    "whole": {
        "ip": "203.0.113.9",
        "start": START,
        "id": "lnk_01J/9+x=",
        "data": "a=b&c=d;e,f",
        "salt": "s&p per",
    },
}
ALGORITHMS = ["sha256", "sha1", "md5"]
KEYS = [
    "aabbccddeeff00112233445566778899",
    "52A152A152A152A152A152A152A1",
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    "1234",
]
# Delimiters and names rotate through the cross product below, so that each meets each.
DELIMITERS = [
    {},
    {},
    {"field_delimiter": "^"},
    {"acl_delimiter": ","},
    {"field_delimiter": "|", "acl_delimiter": ";"},
]
NAMES = [{}, {}, {"token_name": "hdnts"}, {"token_name": "__hdnea__"}]

# Where the two libraries differ: each of these characters, escaped early, in each escaped field.
DISPUTED = {
    "space": " ",
    "exclamation": "!",
    "parentheses": "()",
    "tilde": "~",
    "asterisk": "*",
    "apostrophe": "'",
    "plus": "+",
    "percent": "%",
}


def cases():
    """(name, options) in a fixed order."""
    turn = 0
    for scope, client, algorithm in itertools.product(SCOPES, CLIENTS, ALGORITHMS):
        # SHA-1 and MD5 differ from SHA-256 in the digest alone: a third of the cross is enough.
        turn += 1
        if algorithm != "sha256" and turn % 3:
            continue
        for escape_early in (False, True):
            options = {"key": KEYS[turn % len(KEYS)], "algorithm": algorithm, **SCOPES[scope]}
            options.update(CLIENTS[client])
            if "window" not in options:
                options["end"] = END
            options.update(DELIMITERS[turn % len(DELIMITERS)])
            options.update(NAMES[turn % len(NAMES)])
            if escape_early:
                options["escape_early"] = True
            dialect = "escaped" if escape_early else "literal"
            yield f"{scope}/{client}/{algorithm}/{dialect}", options
    for name, text in DISPUTED.items():
        for field in ("url", "id", "data"):
            options = {"key": KEYS[0], "end": END, "escape_early": True}
            options["url"] = f"/vod/a{text}b" if field == "url" else "/vod/ab"
            if field != "url":
                options[field] = f"a{text}b"
            yield f"disputed/{name}/{field}", options


def answers(program, options):
    """What one driver answers to all the cases."""
    done = subprocess.run(
        program, input=json.dumps(options), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def vectors():
    """All vectors, the published ones first."""
    wanted = [(f"published/{name}", options) for name, options, _ in PUBLISHED] + list(cases())
    names = [name for name, _ in wanted]
    if len(set(names)) != len(names):
        raise SystemExit("two cases have one name")
    asked = [options for _, options in wanted]
    by_python = answers([sys.executable, str(HERE / "sign.py")], asked)
    by_node = answers(["node", str(HERE / "sign.cjs")], asked)
    made = []
    for (name, options), python, node in zip(wanted, by_python, by_node, strict=True):
        if not isinstance(python, str) or not isinstance(node, str):
            raise SystemExit(f"{name}: refused: python {python}, node {node}")
        if python == node:
            made.append({"name": name, "signers": ["python", "node"], "options": options, "token": python})
        else:
            made.append({"name": f"{name}/python", "signers": ["python"], "options": options, "token": python})
            made.append({"name": f"{name}/node", "signers": ["node"], "options": options, "token": node})
    by_name = {vector["name"]: vector["token"] for vector in made}
    for name, _, token in PUBLISHED:
        if by_name.get(f"published/{name}") != token:
            raise SystemExit(f"published/{name}: the libraries no longer make {token}")
    return made


def main():
    arguments = argparse.ArgumentParser(description="Regenerates tests/vectors/edge_auth.json.")
    arguments.add_argument("--check", action="store_true", help="compare, write nothing")
    checking = arguments.parse_args().check
    made = vectors()
    # One vector a line: a changed vector is one changed line in a diff.
    lines = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in made)
    text = '{"format": 1, "vectors": [\n' + lines + "\n]}\n"
    agreed = sum(1 for vector in made if len(vector["signers"]) == 2)
    print(f"{len(made)} vectors, {agreed} of them the same from both signers")
    if not checking:
        VECTORS.write_text(text, encoding="utf-8")
    elif VECTORS.read_text(encoding="utf-8") != text:
        raise SystemExit(f"{VECTORS.name} is not what the signers make: run make_vectors.py")


if __name__ == "__main__":
    main()
