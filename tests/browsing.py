"""A window on a page, for tests that drive a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Browser:
    """A window on a page; everything that it complains about or asks the network for is a failure."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, *, width: int = 1200, dark: bool = False, motion: bool = True) -> None:
        """The page, drawn to its end."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "no-preference" if motion else "reduce"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(page.resolve().as_uri())
        self.wait_for_charts()

    def wait_for_charts(self) -> None:
        """Until all are drawn."""
        self.wait("document.querySelectorAll('figure > .chart:not([data-ready])').length === 0")

    def run(self, script: str, *arguments: Any) -> Any:
        """What JavaScript of the test's own gives, in the page."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, condition: str, seconds: float = 20) -> None:
        """Until it holds."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds, 0.02).until(lambda _: self.run(f"return {condition}"))

    def texts(self, selector: str) -> list[str]:
        """Of all elements."""
        return list(self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector))

    def click(self, selector: str) -> None:
        """As a pointer would, after scrolling there."""
        self.run(
            "document.querySelector(arguments[0]).scrollIntoView({block: 'center', behavior: 'instant'})", selector
        )
        self.driver.find_element("css selector", selector).click()

    def point_at(self, selector: str, place: int, *, click: bool = False) -> None:
        """Move the pointer to the middle of one of the elements, and click there."""
        from selenium.webdriver import ActionChains
        from selenium.webdriver.common.actions.pointer_input import PointerInput

        x, y = self.run(
            "const found = document.querySelectorAll(arguments[0])[arguments[1]];"
            "found.scrollIntoView({block: 'center', behavior: 'instant'}); const box = found.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]",
            selector,
            place,
        )
        actions = ActionChains(self.driver, devices=[PointerInput("mouse", "mouse")])
        actions.w3c_actions.pointer_action.move_to_location(int(x) - 2, int(y))
        actions.w3c_actions.pointer_action.move_to_location(int(x), int(y))
        if click:
            actions.w3c_actions.pointer_action.click()
        actions.perform()

    def fill(self, selector: str, text: str) -> None:
        """Type into an input."""
        found = self.driver.find_element("css selector", selector)
        found.clear()
        found.send_keys(text)

    def choose(self, selector: str, text: str) -> None:
        """An entry of a list."""
        from selenium.webdriver.support.ui import Select

        Select(self.driver.find_element("css selector", selector)).select_by_visible_text(text)

    def complaints(self) -> list[str]:
        """Of the console, since they were last asked for."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Everything that was asked for beside the page itself."""
        entries = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        urls = [e["params"]["request"]["url"] for e in entries if e["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("file:", "data:", "blob:", "chrome:"))]
