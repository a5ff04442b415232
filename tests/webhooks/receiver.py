"""Receives webhooks over HTTPS, and verifies them with the library of Standard Webhooks.

receiver.py CERTIFICATE KEY SECRETS: prints its port, then a line of JSON for each message. SECRETS is a
file with a secret for each line, which is read again for each message. The path says how to answer:
/good, /down (500 once for each message, then 204), /hangs (until whoever asked goes away), /away (a
redirection to /good), /endless (200 and a body without an end).
"""

import http.server
import json
import ssl
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

CERTIFICATE, KEY, SECRETS = sys.argv[1:]
SEEN = set()


def verified(body, headers):
    """The message, as each secret verifies it."""
    with open(SECRETS, encoding="utf-8") as lines:
        secrets = lines.read().split()
    verdicts = []
    for secret in secrets:
        try:
            verdicts.append(Webhook(secret).verify(body, headers))
        except WebhookVerificationError as error:
            verdicts.append(str(error))
    return verdicts


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        identity = headers["webhook-id"]
        said = {"path": self.path, "id": identity, "verified": verified(body, headers)}
        print(json.dumps(said), flush=True)
        is_first = identity not in SEEN
        SEEN.add(identity)
        if self.path == "/hangs" and is_first:
            self.rfile.read(1)
            self.close_connection = True
        elif self.path == "/down" and is_first:
            self.answer(500)
        elif self.path == "/away":
            self.answer(307, location="/good")
        elif self.path == "/endless":
            self.endless()
        else:
            self.answer(204)

    def answer(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def endless(self):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b"a" * 65536)
        except OSError:
            pass

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_port, flush=True)
server.serve_forever()
