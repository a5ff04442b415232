"""Who is measured, and how each is started. To add one: a function that gives its argv, a line in
`contenders`."""

import base64
import dataclasses
import os
import shutil
import typing

from workloads import KEY, KEY_HEX

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a contender runs: its port, its folder, the origin's port, and what all share."""

    port: int
    folder: str
    origin: int
    shared: str
    countersign: str


@dataclasses.dataclass(frozen=True)
class Contender:
    """A name, the kinds of workload it takes part in, how its links are signed, its start."""

    name: str
    kinds: frozenset
    signer: str
    start: typing.Callable[[Place], list]
    tls: bool = False


def _fill(template, out, values):
    """Writes a template with its @PLACEHOLDERS@ filled; those without a value are empty."""
    with open(os.path.join(HERE, "conf", template), encoding="utf-8") as source:
        text = source.read()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    with open(out, "w", encoding="utf-8") as target:
        target.write(text)
    return out


def _certificate(place):
    return os.path.join(place.shared, "tls.pem"), os.path.join(place.shared, "tls.key")


PROXY = (
    'proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";'
    " proxy_max_temp_file_size 0;"
)
TUNED = " proxy_buffer_size 16k; proxy_buffers 16 64k; proxy_busy_buffers_size 512k;"
SECURE_LINK = (
    "secure_link $arg_md5,$arg_expires;"
    f' secure_link_md5 "$secure_link_expires$uri {KEY_HEX}";'
    ' if ($secure_link != "1") { return 403; } '
)
AKAMAI = f"akamai_token_validate $arg___token__; akamai_token_validate_key {KEY_HEX}; "
CACHED = "proxy_cache z; proxy_cache_key $uri; proxy_cache_valid 200 1h; "
CACHE_PATH = "proxy_cache_path @DIR@/cache keys_zone=z:10m max_size=500m;"
OPEN_FILES = "open_file_cache max=100; open_file_cache_valid 1h; "
FILES = "root @SHARED@/www; "


def nginx(location, http="", tls=False, module="", log="off"):
    """An nginx with this location block."""

    def start(place):
        certificate, key = _certificate(place)
        server = (
            f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;"
            " ssl_session_tickets off; ssl_session_cache off;"
        )
        values = {
            "MODULES": f"load_module {module};" if module else "",
            "LOG": f"{place.folder}/access.log" if log == "on" else "off",
            "HTTP": http,
            "LISTEN": "ssl http2" if tls else "",
            "SERVER": server if tls else "",
            "LOCATION": location,
            "PORT": place.port,
            "ORIGIN": place.origin,
            "DIR": place.folder,
            "SHARED": place.shared,
        }
        path = _fill("nginx.conf", f"{place.folder}/nginx.conf", values)
        return ["nginx", "-c", path, "-e", f"{place.folder}/error.log"]

    return start


# The same check as a configuration can do it: MAC, pattern by its first segment, expiry.
HAPROXY_CHECK = f"""    http-request set-var(txn.token) url_param(__token__)
    http-request set-var(txn.mac) var(txn.token),field(3,~),field(2,=)
    http-request set-var(txn.own) var(txn.token),field(1,~,2),hmac(sha256,{base64.b64encode(KEY).decode()}),hex,lower
    http-request set-var(txn.exp) var(txn.token),field(1,~),field(2,=)
    http-request set-var(txn.acl) var(txn.token),field(2,~),field(2,=),field(2,/)
    acl mac_fits var(txn.own),secure_memcmp(txn.mac)
    acl path_fits path,field(2,/),strcmp(txn.acl) eq 0
    acl not_expired date(),neg,add(txn.exp) gt 0
    http-request deny deny_status 403 unless mac_fits path_fits not_expired"""
HAPROXY_SPLICE = "    option splice-response\n    option splice-request"


def haproxy(frontend="", tls=False):
    """An HAProxy with these lines in its frontend."""

    def start(place):
        splices = "splice" in frontend
        bind = f"ssl crt {place.shared}/tls.all.pem alpn h2,http/1.1 ssl-min-ver TLSv1.3 no-tls-tickets"
        values = {
            # With splicing it wants two more descriptors for each connection.
            "MAXCONN": 4000 if splices else 9900,
            "BIND": bind if tls else "",
            "FRONTEND": frontend,
            "BACKEND": "    option splice-response" if splices else "",
            "PORT": place.port,
            "ORIGIN": place.origin,
        }
        return ["haproxy", "-db", "-f", _fill("haproxy.cfg", f"{place.folder}/haproxy.cfg", values)]

    return start


def varnish(place):
    """Varnish with 512 MiB of memory."""
    work = f"{place.folder}/work"
    shutil.rmtree(work, ignore_errors=True)
    vcl = _fill("varnish.vcl", f"{place.folder}/varnish.vcl", {"ORIGIN": place.origin})
    return [
        "varnishd", "-F", "-a", f"127.0.0.1:{place.port}", "-f", vcl, "-s", "malloc,512M",
        "-n", work, "-j", "none", "-T", "none", "-p", "thread_pools=1",
        "-p", "timeout_idle=3600", "-p", "thread_pool_min=100",
    ]


def countersign(origin, tls=False, cache="off", log="off", tables=False):
    """Countersign; every route wants a token and is served from `origin`."""

    def start(place):
        certificate, key = _certificate(place)
        listener = (
            f'[[edge.listener]]\naddress = "127.0.0.1:{place.port}"\n'
            f'certificates = [{{ cert = "{certificate}", key = "{key}" }}]\n'
        )
        routes = "".join(
            f'  [[site.route]]\n  prefix = "/{size}/"\n  access = "token"\n  origin = "{origin}"\n'
            + (f'  cache = "{cache}"\n' if cache == "on" else "")
            for size in ("k1", "k64", "m1", "m100")
        )
        idle = "\n[edge.limits]\nidle_timeout = \"1h\"\n"
        edge = f'overrides = "{place.shared}/overrides.toml"\nblocklists = ["{place.shared}/million.netset"]\n' if tables else ""
        values = {
            "PLAIN": "" if tls else f'"127.0.0.1:{place.port}"',
            "LOG": "true" if log == "on" else "false",
            "EDGE": edge + idle,
            "LISTENER": listener if tls else "",
            "CACHE": "" if cache == "on" else '[cache]\nmemory = 0\n',
            "FILES": f"{place.shared}/www",
            "KEYFILE": f"{place.shared}/bench.hex",
            "ROUTES": routes,
            "ORIGIN": place.origin,
        }
        path = _fill("countersign.toml", f"{place.folder}/countersign.toml", values)
        return [place.countersign, "serve", "--config", path]

    return start


def contenders(akamai_module=""):
    """All of them. `akamai_module`: a prebuilt token module for nginx, which is not shipped."""
    listed = []

    def add(name, kinds, signer, start, tls=False):
        listed.append(Contender(name, frozenset(kinds.split()), signer, start, tls))

    add("nginx", "proxy", "plain", nginx(PROXY))
    add("nginx-tuned", "proxy-big", "plain", nginx(PROXY + TUNED))
    add("nginx-secure-link", "proxy", "secure-link", nginx(SECURE_LINK + PROXY))
    add("haproxy", "proxy", "plain", haproxy())
    add("haproxy-hmac", "proxy", "edge-auth", haproxy(HAPROXY_CHECK))
    add("haproxy-splice", "proxy-big", "plain", haproxy(HAPROXY_SPLICE))
    add("countersign", "proxy full", "edge-auth", countersign("upstream"))

    add("nginx-cache", "cache", "plain", nginx(CACHED + PROXY, http=CACHE_PATH))
    add("nginx-cache-tuned", "cache", "plain", nginx(CACHED + OPEN_FILES + PROXY, http=CACHE_PATH))
    add("varnish", "cache", "plain", varnish)
    add("countersign-cache", "cache", "edge-auth", countersign("upstream", cache="on"))
    if akamai_module:
        add("nginx-akamai", "proxy", "edge-auth", nginx(AKAMAI + PROXY, module=akamai_module))
        add(
            "nginx-cache-akamai", "cache", "edge-auth",
            nginx(AKAMAI + CACHED + PROXY, http=CACHE_PATH, module=akamai_module),
        )

    add("nginx-disk", "disk", "plain", nginx(FILES))
    add("nginx-disk-tuned", "disk", "plain", nginx(FILES + OPEN_FILES))
    add("countersign-disk", "disk", "edge-auth", countersign("files"))

    add("nginx-tls", "tls", "plain", nginx(PROXY, tls=True), tls=True)
    add("haproxy-tls", "tls", "plain", haproxy(tls=True), tls=True)
    add("countersign-tls", "tls", "edge-auth", countersign("upstream", tls=True), tls=True)

    everything = countersign("upstream", log="on", tables=True)
    add("countersign-full", "full", "edge-auth", everything)
    add("nginx-log", "full", "plain", nginx(PROXY, log="on"))
    return listed
