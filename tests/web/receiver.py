"""A partner's server for the tests of webhooks, in a process of its own: ``python receiver.py PORT FOLDER``.

It answers with the status that ``FOLDER/status`` holds, and writes what it accepts to ``FOLDER/received``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def app(folder: Path) -> Starlette:
    async def hook(request: Request) -> Response:
        body, status = await request.body(), int((folder / "status").read_text())
        name = "received" if status == 200 else "refused"
        with (folder / name).open("a") as file:
            file.write(json.dumps({"headers": dict(request.headers), "body": body.decode()}) + "\n")
        return Response(status_code=status, headers={"location": "/elsewhere"} if status == 307 else {})

    return Starlette(routes=[Route("/hook", hook, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(app(Path(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
