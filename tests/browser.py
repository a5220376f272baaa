"""Headless Chromium and Firefox, driven with the standard library.

Chromium by chromedriver's HTTP protocol (W3C WebDriver); Firefox by Marionette, which it speaks itself: over TCP,
messages ``LENGTH:JSON``.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")

SECONDS = 120  # that an answer may take

CHROMIUM_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

FIREFOX_PREFERENCES: dict[str, bool | int | str] = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "marionette.port": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.server": "",
}


class Browser(ABC):
    """One page in one browser."""

    @abstractmethod
    def run(self, script: str) -> Any:
        """Run a function's body in the page and return its value."""

    @abstractmethod
    def go(self, url: str) -> None:
        """Load an address."""

    @abstractmethod
    def close(self) -> None:
        """End the session, and the browser with it."""

    def wait(self, script: str) -> Any:
        """Run a function's body until its value is true or a text, and return that."""
        deadline = time.monotonic() + SECONDS
        while not (value := self.run(script)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{script} is {value!r} after {SECONDS} seconds")
            time.sleep(0.02)
        return value


class Chromium(Browser):
    def __init__(self, base: str, profile: str) -> None:
        options = {
            "binary": CHROMIUM,
            "args": [*CHROMIUM_ARGUMENTS, f"--user-data-dir={profile}"],
        }
        capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = _post(f"{base}/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"{base}/session/{made['sessionId']}"

    def go(self, url: str) -> None:
        _post(f"{self._session}/url", {"url": url})

    def open(self, path: Path, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """Load a file at a width, in a colour scheme."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"features": features})
        self.go(path.as_uri())

    def run(self, script: str) -> Any:
        return _post(f"{self._session}/execute/sync", {"script": script, "args": []})

    def console(self) -> list[dict[str, Any]]:
        """Everything on the console since the last call, network errors and policy violations included."""
        return _post(f"{self._session}/se/log", {"type": "browser"})

    def press(self, keys: str) -> None:
        """Press keys where the focus is; WebDriver has code points for those without a character."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        _post(f"{self._session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def screenshot(self, path: Path) -> None:
        """Save the whole page, not only the part in view."""
        options = {"captureBeyondViewport": True, "format": "png"}
        path.write_bytes(base64.b64decode(self._devtools("Page.captureScreenshot", options)["data"]))

    def close(self) -> None:
        request = urllib.request.Request(self._session, method="DELETE")
        urllib.request.urlopen(request, timeout=20).close()

    def _devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return _post(f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})


class Firefox(Browser):
    def __init__(self, port: int) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self._stream = self._connection.makefile("rb")
        self._number = 0
        self._receive()  # the greeting
        self._command("WebDriver:NewSession", {})

    def go(self, url: str) -> None:
        self._command("WebDriver:Navigate", {"url": url})

    def run(self, script: str) -> Any:
        return self._command("WebDriver:ExecuteScript", {"script": script, "args": []})["value"]

    def close(self) -> None:
        self._command("Marionette:Quit", {"flags": ["eForceQuit"]})
        self._stream.close()
        self._connection.close()

    def _command(self, name: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        message = json.dumps([0, self._number, name, parameters])
        self._connection.sendall(f"{len(message)}:{message}".encode())
        _, _, error, value = self._receive()
        if error is not None:
            raise RuntimeError(error["message"])
        return value

    def _receive(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += self._stream.read(1) or b"0:"
        return json.loads(self._stream.read(int(length[:-1])))


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Start driver and browser; end both."""
    if CHROMIUM is None or CHROMEDRIVER is None:
        pytest.skip("no browser: install chromium and chromedriver to run this")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        log = Path(profile, "driver.log")
        command = [CHROMEDRIVER, "--port=0", f"--log-path={log}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
            try:
                page = Chromium(f"http://127.0.0.1:{_port(driver)}", f"{profile}/profile")
                try:
                    yield page
                finally:
                    page.close()
            finally:
                driver.terminate()


@contextmanager
def firefox() -> Iterator[Firefox]:
    """Start the browser and end it."""
    if FIREFOX is None:
        pytest.skip("no browser: install firefox to run this")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in FIREFOX_PREFERENCES.items()
        ]
        Path(profile, "user.js").write_text("\n".join(lines))
        command = [FIREFOX, "--headless", "--no-remote", "--marionette", "--profile", profile]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                page = Firefox(_marionette_port(Path(profile, "MarionetteActivePort")))
                try:
                    yield page
                finally:
                    page.close()
            finally:
                process.terminate()


BROWSERS: dict[str, Callable[[], Any]] = {"chromium": chromium, "firefox": firefox}


def _port(driver: subprocess.Popen[str]) -> int:
    """The port, from the line "ChromeDriver was started successfully on port N."."""
    for line in driver.stdout or ():
        if "successfully on port" in line:
            return int(line.rstrip().rstrip(".").rsplit(" ", 1)[1])
    raise RuntimeError("chromedriver did not start")


def _marionette_port(path: Path) -> int:
    """The port that Firefox writes into its profile."""
    deadline = time.monotonic() + SECONDS
    while not (path.exists() and path.read_text()):
        if time.monotonic() > deadline:
            raise RuntimeError("firefox did not start")
        time.sleep(0.05)
    return int(path.read_text())


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(error.read().decode()) from error
