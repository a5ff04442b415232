"""What schemathesis does not know by itself: how lines of JSON are sent, and parts of uploads."""

import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/offset+octet-stream")
def as_it_is(context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
