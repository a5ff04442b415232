vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "@ORIGIN@"; }
sub vcl_recv {
    set req.url = regsub(req.url, "\?.*$", "");
    unset req.http.cookie;
    return (hash);
}
sub vcl_backend_response {
    set beresp.ttl = 1h;
    unset beresp.http.set-cookie;
}
