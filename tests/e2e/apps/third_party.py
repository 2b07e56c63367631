"""Third-party apps as their own documentation builds them: nothing in here knows about consent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from starlette.requests import Request

USER, PASSWORD = "root", "correct horse battery staple"


def fastapi_app() -> FastAPI:
    app = FastAPI(title="Boats")

    @app.get("/boats")
    def boats() -> list[str]:
        return ["dinghy", "yawl"]

    @app.get("/remember")
    def remember(response: Response) -> dict[str, bool]:
        response.set_cookie("_ga", "GA1.1.1", max_age=1000)
        response.set_cookie("csrftoken", "t0ken", max_age=1000)
        return {"remembered": True}

    @app.get("/seen")
    def seen(request: Request) -> dict[str, str]:
        return request.cookies

    return app


def datasette_app() -> tuple[Any, Any]:
    """Datasette over one small database in memory, with its own sign-in by a one-time token.

    :return: the Datasette instance, which hands out tokens, and its ASGI app
    """
    from datasette.app import Datasette

    datasette = Datasette([], memory=True, settings={"num_sql_threads": 1})
    return datasette, datasette.app()


def one_time_token(datasette: Any) -> str:
    """What ``datasette --root`` prints: good for one sign-in."""
    datasette._root_token = "a-token-for-one-sign-in"
    return f"/-/auth-token?token={datasette._root_token}"


@cache
def django_admin(folder: Path) -> Any:
    """Django's admin on a fresh SQLite file, with one superuser. Django's settings are global: one per process."""
    import django
    from django.conf import settings

    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1", "testserver"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "admin.sqlite3"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        ROOT_URLCONF="e2e.apps.django_urls",
        SECRET_KEY="a secret of the app itself, nothing to do with consent",
        STATIC_URL="/static/",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        USE_TZ=True,
    )
    django.setup()
    from django.contrib.auth import get_user_model
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
    from django.core.asgi import get_asgi_application
    from django.core.management import call_command
    from django.db import connections

    def fill() -> None:
        call_command("migrate", verbosity=0)
        get_user_model().objects.create_superuser(USER, "root@example.org", PASSWORD)
        connections.close_all()

    with ThreadPoolExecutor(1) as thread:  # Django refuses its ORM in a thread with a running loop, as Playwright's
        thread.submit(fill).result()
    return ASGIStaticFilesHandler(get_asgi_application())
