"""Signs links with the EdgeAuth library published for Python, an implementation not ours.

Reads a JSON array of cases on stdin and prints a JSON array of the same length: a token for each
case, or {"error": text} where the library refuses it. The keys of a case are described in
tests/vectors/README.md; an unknown key is an error, so that a misspelt option cannot go unnoticed.

Needs the packages of requirements.txt; run it with $COUNTERSIGN_TEST_PYTHON.
"""

import json
import sys

from akamai.edgeauth import EdgeAuth, EdgeAuthError

# What a case calls an option -> what the library calls it.
OPTIONS = {
    "key": "key",
    "algorithm": "algorithm",
    "start": "start_time",
    "end": "end_time",
    "window": "window_seconds",
    "ip": "ip",
    "id": "session_id",
    "data": "payload",
    "salt": "salt",
    "field_delimiter": "field_delimiter",
    "acl_delimiter": "acl_delimiter",
    "escape_early": "escape_early",
    "token_name": "token_name",
}
SCOPES = ("acl", "acls", "url")


def sign(case):
    """The token for one case."""
    unknown = sorted(case.keys() - OPTIONS.keys() - set(SCOPES))
    if unknown:
        raise ValueError(f"unknown options: {', '.join(unknown)}")
    scopes = [scope for scope in SCOPES if scope in case]
    if len(scopes) != 1:
        raise ValueError("exactly one of acl, acls and url is needed")
    signer = EdgeAuth(**{OPTIONS[name]: case[name] for name in case.keys() & OPTIONS.keys()})
    if scopes == ["url"]:
        return signer.generate_url_token(case["url"])
    return signer.generate_acl_token(case[scopes[0]])


def main():
    answers = []
    for case in json.load(sys.stdin):
        try:
            answers.append(sign(case))
        except (EdgeAuthError, ValueError, TypeError) as refusal:
            answers.append({"error": str(refusal)})
    json.dump(answers, sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
