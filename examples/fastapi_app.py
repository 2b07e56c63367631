"""An API that asks for what it needs: run it with ``uvicorn examples.fastapi_app:app``."""

from __future__ import annotations

import os
import secrets
from typing import Any

from fastapi import FastAPI, Request

from consent_mw import ConsentMiddleware, get_consent, requires_consent

app = FastAPI(title="Consent, as an API sees it")
app.add_middleware(ConsentMiddleware, secret_key=os.environ.get("CONSENT_SECRET") or secrets.token_hex(32))


@app.get("/recommendations")
async def recommendations(request: Request) -> dict[str, Any]:
    """Works for everybody, and better with consent."""
    personal = get_consent(request).granted("personalization_analytics")
    return {"personal": personal, "stories": ["the ferry", "the nets"] if personal else ["the ferry"]}


@app.get("/nearby")
@requires_consent("geolocation")
async def nearby(request: Request, latitude: float = 0.0, longitude: float = 0.0) -> dict[str, float]:
    """Answers 403 until the visitor has allowed location.

    Until then the position does not arrive, so that required parameters would be missed before the consent is.
    """
    return {"latitude": round(latitude, 2), "longitude": round(longitude, 2)}
