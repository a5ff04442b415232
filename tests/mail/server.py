#!/usr/bin/env python3
"""A mail server (aiosmtpd), which keeps what it takes and shows it as Python's `email` reads it.

    server.py FOLDER

Listens on three free ports of 127.0.0.1: `open`, without TLS; `starttls`, which takes nothing before
STARTTLS and a login; and `tls`, with TLS from the first byte and a login. The certificate is
`mail.pem` and `mail.key` of FOLDER; who logs in is `post` with `stämp 1`. Says on one line, as JSON,
where it is. Each empty line on its standard input is answered with all letters so far, as one line of
JSON. It ends with its standard input.

What is before the @ of a recipient says what becomes of a letter: `never` is refused for good,
`later` the first time, `spam` once it is read; everybody else gets it.
"""

import asyncio
import json
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult

letters = []
seen = set()


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name == "never":
            return "550 5.1.1 There is nobody of that name"
        if name == "later" and address not in seen:
            seen.add(address)
            return "451 4.7.1 Greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if any(it.startswith("spam@") for it in envelope.rcpt_tos):
            return "554 5.7.1 This looks like spam"
        message = message_from_bytes(envelope.content, policy=policy.default)
        part = lambda kind: message.get_body((kind,)).get_content()
        letters.append(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "secured": server.transport.get_extra_info("ssl_object") is not None,
                "login": session.auth_data.decode() if session.auth_data else None,
                "headers": {name.lower(): str(value) for name, value in message.items()},
                "parts": [it.get_content_type() for it in message.walk()],
                "text": part("plain"),
                "html": part("html") if message.is_multipart() else None,
                "defects": [str(it) for it in message.defects],
                "raw": envelope.content.decode("latin-1"),
            }
        )
        return "250 2.0.0 Taken as %d" % len(letters)


def authenticate(server, session, envelope, mechanism, login):
    good = login.login == b"post" and login.password == "stämp 1".encode()
    return AuthResult(success=good, handled=False, auth_data=login.login)


async def main(folder):
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/mail.pem", f"{folder}/mail.key")
    common = {"hostname": "mail.test", "enable_SMTPUTF8": True, "loop": loop}
    login = {"authenticator": authenticate, "auth_required": True}
    ways = {
        "open": (lambda: SMTP(Handler(), **common), None),
        "starttls": (
            lambda: SMTP(
                Handler(), tls_context=context, require_starttls=True, **login, **common
            ),
            None,
        ),
        "tls": (lambda: SMTP(Handler(), auth_require_tls=False, **login, **common), context),
    }
    said = {}
    servers = []
    for name, (make, secured) in ways.items():
        server = await loop.create_server(make, "127.0.0.1", 0, ssl=secured)
        servers.append(server)
        said[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(said), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(letters), flush=True)


asyncio.run(main(sys.argv[1]))
