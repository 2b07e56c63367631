"""What a frame shows that a page's own script inserted, and that the page guard holds back.

A document of ours in the frame itself: whoever made the frame finds nothing put beside it.
"""

from __future__ import annotations

from starlette.requests import Request

from consent_mw.core.urls import resolve
from consent_mw.web.page import make_judge
from consent_mw.web.problem import Problem
from consent_mw.web.site import Site
from consent_mw.web.visit import Visit


def frame_page(site: Site, request: Request, visit: Visit) -> bytes | None:
    """The placeholder for ``?address=``, in the language that ``?language=`` or the browser asks for. Its script
    knows what to return to.

    :returns: None when nothing is denied there: the guard was mistaken, and knows by now
    :raises Problem: when another site asks; to it this would be a page of ours that names whom it likes
    """
    # browsers say it to secure addresses only
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Problem(403, "Not from a page of this site", "allowed: Sec-Fetch-Site: same-origin")
    address = request.query_params.get("address", "")
    ids = make_judge(visit, request.scope).addresses([address])
    if not ids:
        return None
    target = resolve(address)
    return site.banner.frame_page(
        ids[0],
        visit.consent,
        site.locale(request, request.query_params.get("language", "")),
        host=target.host if target is not None else "",
        origin=request.scope.get("root_path", ""),
    )
