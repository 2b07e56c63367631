"""A service that a site names, with all that the preferences tell of one."""

from __future__ import annotations

SERVICES = [
    {
        "id": "film",
        "name": "Film",
        "owner": "Film AG",
        "country": "CH",
        "purposes": ["media"],
        "paths": ["/film.html"],
        "cookies": [{"name": "reel", "days": 30}],
        "policy_url": "https://film.example/privacy",
    }
]
