"""What a visitor does and sees, in the words of the stable hooks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

SECRET = "0123456789abcdef0123456789abcdef"

_OURS = re.compile(r"<!--consent-->.*?<!--/consent-->", re.DOTALL)
_HIDE_OURS = """() => {
  const walker = document.createTreeWalker(document, NodeFilter.SHOW_COMMENT);
  const starts = [];
  while (walker.nextNode()) if (walker.currentNode.data === "consent") starts.push(walker.currentNode);
  for (const start of starts)
    for (let node = start.nextSibling; node && node.data !== "/consent"; node = node.nextSibling)
      if (node instanceof HTMLElement) node.style.setProperty("display", "none", "important");
}"""


def without_ours(html: str) -> str:
    """A page's source with everything cut out that the middleware inserted."""
    return _OURS.sub("", html)


def looks(page: Page) -> bytes:
    """A picture of the page without what the middleware inserted."""
    page.evaluate(_HIDE_OURS)
    return page.screenshot(animations="disabled")


def jar(context: BrowserContext) -> dict[str, float]:
    """The browser's cookies by name: when each expires in epoch seconds, -1 for a session cookie."""
    return {cookie["name"]: cookie["expires"] for cookie in context.cookies()}


def errors(page: Page) -> list[str]:
    """Fills, from now on, with what goes wrong in the page: exceptions, console errors, addresses of ours that fail."""
    found: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        is_theirs = "Failed to load resource" in message.text and "/consent/" not in message.location["url"]
        if message.type == "error" and not is_theirs:
            found.append(message.text)

    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", on_console)
    return found


def press(page: Page, action: str, within: str = "#consent-banner") -> None:
    page.locator(f'{within} [data-consent-action="{action}"]').click()


def accept(page: Page) -> None:
    press(page, "accept_all")
    expect(page.locator("#consent-banner")).to_be_hidden()


def withdraw(page: Page) -> None:
    """As a visitor would: open the settings from the page, and take everything back. The page then loads afresh."""
    page.locator('[data-consent-action="open"]:visible').first.click()
    with page.expect_event("load"):
        press(page, "withdraw", "#consent-preferences")


def until(page: Page, condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Wait, with the browser going on, for something that only Python can see."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for: {what}")
        page.wait_for_timeout(20)
