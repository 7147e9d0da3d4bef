"""Opens a notebook in JupyterLab in headless Chromium, runs it, and looks at the picture that it draws.

    python tests/jupyterlab/open_notebook.py target/jupyterlab.png

Wants the package with notebook extras, jupyterlab and selenium, and Chromium with its driver. Leaves a screenshot.
Ends with an error unless every cell has run without one, the table of calls is there, and the figure is in the page
with the colours of a spectrogram.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "1-find-the-robot.ipynb"
PATIENCE = 300
"""Seconds for each thing that is waited for."""


def wait(what: str, found: object) -> object:
    """Call `found` until it gives something."""
    assert callable(found)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if result := found():
                return result
        except Exception as error:  # a page that is still loading has many ways to refuse
            last = error
        else:
            last = None
        time.sleep(0.5)
    raise SystemExit(f"waited {PATIENCE} s for {what} in vain: {last}")


def free_port() -> int:
    """Find a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepared(folder: Path) -> None:
    """Lay out a copy of what the notebook uses, its outputs cleared."""
    (folder / "examples" / "notebooks").mkdir(parents=True)
    (folder / "corpus").symlink_to(ROOT / "corpus")
    notebook = json.loads((ROOT / "examples" / "notebooks" / NOTEBOOK).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    (folder / "examples" / "notebooks" / NOTEBOOK).write_text(json.dumps(notebook), encoding="utf-8")


def browser() -> WebDriver:
    """Start Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--window-size=1400,2600",
    ):
        options.add_argument(flag)
    driver = shutil.which("chromedriver")
    assert driver, "chromedriver is not there: install Debian's chromium-driver"
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def run(driver: WebDriver, address: str) -> None:
    """Open the notebook and run all cells from the menu."""
    driver.get(address)
    wait("the notebook", lambda: driver.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell"))
    kernel = "return document.querySelector('.jp-Notebook-ExecutionIndicator')?.dataset.status"
    wait("the kernel", lambda: driver.execute_script(kernel) == "idle")

    def chosen(text: str) -> bool:
        for item in driver.find_elements(By.CSS_SELECTOR, ".lm-MenuBar-itemLabel, .lm-Menu-itemLabel"):
            if item.text == text and item.is_displayed():
                item.click()
                return True
        return False

    wait("the menu Run", lambda: chosen("Run"))
    wait("Run All Cells", lambda: chosen("Run All Cells"))


def finished(driver: WebDriver) -> bool:
    """Tell whether every code cell has its number."""
    prompts = driver.find_elements(By.CSS_SELECTOR, ".jp-CodeCell .jp-InputArea-prompt")
    texts = [prompt.get_attribute("textContent") or "" for prompt in prompts]
    return bool(texts) and all(any(c.isdigit() for c in text) for text in texts)


def check(driver: WebDriver) -> None:
    """Assert what a person would look for."""
    errors = driver.find_elements(
        By.CSS_SELECTOR, '[data-mime-type="application/vnd.jupyter.stderr"], .jp-RenderedError'
    )
    assert not errors, [error.text for error in errors]
    tables = [
        table.get_attribute("textContent") or ""
        for table in driver.find_elements(By.CSS_SELECTOR, ".jp-OutputArea table")
    ]
    assert any("solar-11" in table and "no match" in table for table in tables), tables
    assert driver.find_elements(By.CSS_SELECTOR, ".jp-OutputArea table svg"), "no timelines in the table"
    images = driver.find_elements(By.CSS_SELECTOR, ".jp-RenderedImage img")
    assert len(images) == 5, f"{len(images)} pictures"
    taken_over, spectrogram = (seen(driver, images[number]) for number in (1, 3))
    red, green, blue = spectrogram
    purple = np.mean((red > green + 30) & (blue > green + 30))
    assert purple > 0.02, f"{purple:.3f} of the picture has the colours of a spectrogram"
    for what, colour in (("script", (230, 159, 0)), ("person", (86, 180, 233))):
        near = np.max(np.abs(taken_over - np.array(colour)[:, None]), axis=0) < 12
        assert near.mean() > 0.003, f"{near.mean():.4f} of the timeline is the bar of the {what}"


def seen(driver: WebDriver, picture: WebElement) -> NDArray[np.int64]:
    """Return the red, green and blue of a picture as the browser shows it."""
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", picture)
    time.sleep(1)
    pixels = np.asarray(Image.open(io.BytesIO(picture.screenshot_as_png)).convert("RGB")).astype(np.int64)
    assert min(pixels.shape[:2]) > 200, pixels.shape
    return pixels.reshape(-1, 3).T


def main(screenshot: Path) -> None:
    """Serve, open, run, check, keep the screenshot."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepared(folder)
        # Settings of its own: no question about news over the notebook.
        notices = folder / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        notices.parent.mkdir(parents=True)
        notices.write_text('{"fetchNews": "false", "checkForUpdates": false}', encoding="utf-8")
        port, token = free_port(), "callprint"
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
        settings = [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}", "--LabApp.news_url="]
        with (folder / "server.log").open("w") as log:
            server = subprocess.Popen(
                [*command, *settings, "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
                stdout=log,
                stderr=log,
                env=os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")},
            )
        driver = None
        try:
            base = f"http://127.0.0.1:{port}"
            wait("the server", lambda: urllib.request.urlopen(f"{base}/api?token={token}").status == 200)
            driver = browser()
            run(driver, f"{base}/lab/tree/examples/notebooks/{NOTEBOOK}?token={token}&reset")
            wait("the last cell", lambda: finished(driver))
            check(driver)
        except BaseException:
            print((folder / "server.log").read_text()[-3000:], file=sys.stderr)
            raise
        finally:
            if driver is not None:
                driver.save_screenshot(str(screenshot))
                driver.quit()
            server.terminate()
            server.wait()
    print(f"{NOTEBOOK} ran in JupyterLab; screenshot: {screenshot}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
