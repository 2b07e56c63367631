"""A page as sites have it before anybody thought of consent: ten cookies and ten trackers, in ordinary markup."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

COOKIES = {
    "_ga": "GA1.1.1.1",
    "_gid": "GA1.1.2.2",
    "_fbp": "fb.1.1.1",
    "_hjSessionUser_1": "abc",
    "_clck": "1abc",
    "_pk_id.1": "f00.1",
    "hubspotutk": "b0b",
    "_uetsid": "c0c",
    "bcookie": "v2",
    "IDE": "d0d",
}
EXEMPT = {"csrftoken": "t0ken"}

TRACKERS = {
    "cdn.matomo.cloud": '<link rel="preload" as="script" href="http://cdn.matomo.cloud/boats.matomo.cloud/matomo.js">',
    "api.mapbox.com": '<link rel="stylesheet" href="http://api.mapbox.com/mapbox-gl-js/v3.9.0/mapbox-gl.css">',
    "www.googletagmanager.com": '<script src="http://www.googletagmanager.com/gtag/js?id=G-1"></script>',
    "www.clarity.ms": """<script>
        ran.push("clarity snippet");
        (function (c, l, a, r, i, t, y) {
            c[a] = c[a] || function () { (c[a].q = c[a].q || []).push(arguments) };
            t = l.createElement(r); t.async = 1; t.src = "http://www.clarity.ms/tag/" + i;
            y = l.getElementsByTagName(r)[0]; y.parentNode.insertBefore(t, y);
        })(window, document, "clarity", "script", "boats1");
    </script>""",
    "static.hotjar.com": '<script src="http://static.hotjar.com/c/hotjar-1.js?sv=6"></script>',
    "px.ads.linkedin.com": '<img alt="" width="1" height="1" src="http://px.ads.linkedin.com/collect.gif?pid=1">',
    "mc.yandex.ru": '<img alt="" srcset="http://mc.yandex.ru/watch/1.gif 1x, http://mc.yandex.ru/watch/2.gif 2x">',
    "open.spotify.com": '<iframe title="Shanties" width="300" src="//open.spotify.com/embed/s.html"></iframe>',
    "analytics.tiktok.com": '<script type="module" src="http://analytics.tiktok.com/i18n/pixel/events.js"></script>',
    "js.hs-scripts.com": '<script id="hs-script-loader" src="http://js.hs-scripts.com/1.js"></script>',
}
"""The markup of each tracker by the host that it contacts, in document order."""

IN_ORDER = ["www.googletagmanager.com", "clarity snippet", "static.hotjar.com", "js.hs-scripts.com"]
"""What runs one after the other in an ordinary page: neither async nor a module."""

_HEAD = ("cdn.matomo.cloud", "api.mapbox.com")
_PIXEL = '<noscript><img alt="" height="1" width="1" src="http://ad.doubleclick.net/activity.gif"></noscript>'
NOSCRIPT = "ad.doubleclick.net"
"""A pixel for visitors without JavaScript."""

HOSTS = [*TRACKERS, NOSCRIPT]

PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Boats</title>
<link rel="icon" href="data:,">
<link rel="preconnect" href="http://static.hotjar.com">
<script>window.ran = [];</script>
{"".join(TRACKERS[host] for host in _HEAD)}
</head>
<body>
<h1>Boats</h1>
{"".join(markup for host, markup in TRACKERS.items() if host not in _HEAD)}
{_PIXEL}
<p>Two masts or one?</p>
</body>
</html>
"""


def shop() -> Starlette:
    """The app. ``app.state.seen`` lists the cookies of each request for the page, as the app saw them."""

    async def page(request: Request) -> HTMLResponse:
        app.state.seen.append(dict(request.cookies))
        response = HTMLResponse(PAGE)
        for name, value in {**COOKIES, **EXEMPT}.items():
            response.set_cookie(name, value, max_age=30 * 24 * 3600)
        return response

    app = Starlette(routes=[Route("/", page), Route("/boats/{name}", page)])
    app.state.seen = []
    return app
