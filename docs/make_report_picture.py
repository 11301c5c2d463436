"""Make docs/report.png: what the report of the sample data looks like, as Debian's chromium shows it.

Run in the development environment: ``python docs/make_report_picture.py``. Parts of the page are left out, so that the
picture is one that a README can hold.
"""

from __future__ import annotations

import io
import tempfile
from base64 import b64decode
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from segeval.cli.app import main as segeval

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parent / "sample_data"
WIDTH = 960
LEFT_OUT = "#confusion-chart, details, nav, .lead, .picture:not([data-shown]), footer"


def main() -> None:
    """Score, open, leave out, take the picture."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        pair = [str(SAMPLE / f"{name}.nii.gz") for name in ("prediction", "reference", "image")]
        words = [*pair[:2], "--images", pair[2], "--labels", str(SAMPLE / "labels.json"), "--window", "60,400"]
        if segeval(["score", *words, "-o", str(page), "--format", "csv"]) != 0:
            raise SystemExit("the sample data could not be scored")
        options = Options()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
            options.add_argument(argument)
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            driver.get(page.as_uri())
            drawn = "return document.querySelectorAll('figure > .chart:not([data-ready])').length === 0"
            WebDriverWait(driver, 30).until(lambda d: d.execute_script(drawn))
            driver.execute_script(
                "[...document.querySelectorAll('.picture')].at(-1).dataset.shown = 'yes';"
                f"document.querySelectorAll('{LEFT_OUT}').forEach(each => each.remove())"
            )
            size = {"width": WIDTH, "height": 600, "deviceScaleFactor": 1.5, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            shot = driver.execute_cdp_cmd(
                "Page.captureScreenshot", {"captureBeyondViewport": True, "clip": _whole(driver)}
            )
        finally:
            driver.quit()
    picture = Image.open(io.BytesIO(b64decode(shot["data"]))).convert("RGB")
    picture.quantize(128).save(HERE / "report.png", optimize=True)


def _whole(driver: webdriver.Chrome) -> dict[str, float]:
    height = driver.execute_script("return document.documentElement.getBoundingClientRect().height")
    return {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1}


if __name__ == "__main__":
    main()
