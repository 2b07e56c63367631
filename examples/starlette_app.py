"""The whole integration, in one line: run it with ``uvicorn examples.starlette_app:app``."""

from __future__ import annotations

import os
import secrets

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from consent_mw import ConsentMiddleware

PAGE = """<!doctype html>
<html lang="en">
<title>One line</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script>
<h1>Nothing on this page calls anybody until you say so.</h1>
</html>
"""


async def front(request: Request) -> Response:
    response = HTMLResponse(PAGE)
    response.set_cookie("_ga", "GA1.1.1234.5678", max_age=63_072_000)
    return response


site = Starlette(routes=[Route("/", front)])
app = ConsentMiddleware(site, secret_key=os.environ.get("CONSENT_SECRET") or secrets.token_hex(32))
