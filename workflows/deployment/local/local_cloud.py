"""The local cloud, seen from the server: started, adopted if it is there already, and stopped."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.errors import ExpectedError
from models.settings import Settings
from workflows.deployment.local.ministack_app import HEALTH_PATH, LOOPBACK, Whereabouts

_START_LIMIT = 30.0
_HEALTH_LIMIT = 3.0
# A save of some ten thousand rows and executions takes a few seconds.
_SAVE_LIMIT = 20.0
_LOOK_EVERY = 0.05
_WATCH_EVERY = 1.0
# A proxy leads nowhere on the way to one's own machine.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class LocalCloudError(ExpectedError):
    """The local cloud cannot run; the message is one line that says what to do."""


class LocalCloud:
    """An AWS of one's own, in a process that outlives a server that is killed.

    Args:
        directory: where its state is kept from one run to the next.
        settings: its region and account.
    """

    def __init__(self, directory: Path, settings: Settings) -> None:
        self._directory = directory.resolve()
        self._settings = settings
        self._held: IO[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self.endpoint = ""

    @property
    def environment(self) -> dict[str, str]:
        """Return the standard variables that lead every AWS client to this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self._settings.region,
            "AWS_DEFAULT_REGION": self._settings.region,
            # MiniStack takes twelve digits for the account.
            "AWS_ACCESS_KEY_ID": self._settings.account,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), LOOPBACK))),
        }

    def start(self) -> bool:
        """Start the cloud, or adopt the one that a killed server left behind, and tell which: True is adopted.

        Raises:
            LocalCloudError: another server uses this directory, or the cloud does not start.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._held = self._hold()
        try:
            found = self._whereabouts() if self._is_running() else None
            here = found if found and _answers(found, within=_HEALTH_LIMIT) else self._launch(found)
        except BaseException:
            self._held.close()
            raise
        self.endpoint = f"http://{LOOPBACK}:{here.port}"
        return here is found

    def stop(self) -> None:
        """Stop the cloud once it has saved its state, or kill it if it takes too long; again is no error."""
        if self._held and self._is_running() and (here := self._whereabouts()):
            self._end(here.pid, within=_SAVE_LIMIT)
        if self._child:
            self._child.wait(timeout=_SAVE_LIMIT)
        if self._held:
            self._held.close()
            self._held = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Interrupt this process if the cloud dies: the next goes on from its last save, not from what we know.

        Raises:
            LocalCloudError: it has died.
        """
        over, died = threading.Event(), threading.Event()

        def watch() -> None:
            while not over.wait(_WATCH_EVERY):
                if not self._is_running():
                    died.set()
                    os.kill(os.getpid(), signal.SIGINT)
                    return

        threading.Thread(target=watch, name="cloud-watch", daemon=True).start()
        try:
            yield
        except KeyboardInterrupt:
            if died.is_set():
                raise LocalCloudError(
                    "The local cloud has died; start again, it goes on from its last save."
                ) from None
            raise
        finally:
            over.set()

    def attach(self) -> None:
        """Use the cloud that a server of this directory runs.

        Raises:
            LocalCloudError: there is none.
        """
        here = self._whereabouts() if self._is_running() else None
        if here is None:
            raise LocalCloudError("No local cloud is running here; start one with `make run` first.")
        self.endpoint = f"http://{LOOPBACK}:{here.port}"

    def _hold(self) -> IO[str]:
        held = (self._directory / "server.lock").open("w")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            raise LocalCloudError(
                f"Another server uses {self._directory}; stop it, or set HOURBANK_LOCAL to another directory."
            ) from None
        return held

    def _is_running(self) -> bool:
        """Tell whether a cloud lives, by the lock that it holds for as long as it does."""
        if not self._directory.is_dir():
            return False
        with (self._directory / "cloud.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _whereabouts(self) -> Whereabouts | None:
        try:
            return Whereabouts(**json.loads((self._directory / "cloud.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _launch(self, hung: Whereabouts | None) -> Whereabouts:
        if hung:
            self._end(hung.pid, within=_HEALTH_LIMIT)
        before = self._whereabouts()
        with (self._directory / "cloud.log").open("wb") as log:
            self._child = subprocess.Popen(  # noqa: S603 — this very interpreter, our own module
                [sys.executable, "-m", "workflows.deployment.local.ministack_app", str(self._directory)],
                cwd=Path(__file__).parents[3],
                env={**os.environ, **self._account()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the server, which then stops the cloud
            )
        try:
            return self._await(self._child, before)
        except BaseException:
            # Interrupted, too: it holds no lock yet by which anybody could find it.
            self._child.kill()
            self._child.wait()
            raise

    def _await(self, child: subprocess.Popen[bytes], before: Whereabouts | None) -> Whereabouts:
        for _ in _looks(_START_LIMIT):
            here = self._whereabouts()
            if here and here != before and _answers(here, within=_HEALTH_LIMIT):
                return here
            if child.poll() is not None:
                break
        raise LocalCloudError(f"The local cloud did not start; {self._directory / 'cloud.log'} says why.")

    def _account(self) -> dict[str, str]:
        return {"HOURBANK_ACCOUNT": self._settings.account, "AWS_REGION": self._settings.region}

    def _end(self, pid: int, *, within: float) -> None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                return
            for _ in _looks(within):
                if not self._is_running():
                    return


def _looks(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(_LOOK_EVERY)
        yield


def _answers(here: Whereabouts, *, within: float) -> bool:
    try:
        with _DIRECTLY.open(f"http://{LOOPBACK}:{here.port}{HEALTH_PATH}", timeout=within) as answer:
            return bool(answer.read().decode() == here.identity)
    except OSError:
        return False
