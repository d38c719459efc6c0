"""Answers 413 before the body has come: `asgi` for uvicorn and hypercorn, `wsgi` for gunicorn."""

WORDS = b"too large\n"
FIELDS = [("Content-Type", "text/plain"), ("Content-Length", str(len(WORDS))), ("Connection", "close")]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    fields = [(name.lower().encode(), value.encode()) for name, value in FIELDS]
    await send({"type": "http.response.start", "status": 413, "headers": fields})
    await send({"type": "http.response.body", "body": WORDS})


def wsgi(environ, start_response):
    # WSGI leaves the field Connection to the server, which closes.
    start_response("413 Payload Too Large", FIELDS[:2])
    return [WORDS]
