"""What schemathesis does not know by itself: how lines of JSON are sent, parts of uploads and
pictures."""

import schemathesis


@schemathesis.serializer(
    "application/x-ndjson", "application/offset+octet-stream",
    "image/gif", "image/jpeg", "image/png", "image/webp",
)
def as_it_is(context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
