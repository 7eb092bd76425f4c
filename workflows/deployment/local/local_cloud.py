"""Starts the local cloud for the server, or adopts one that runs already, and stops it."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.errors import ExpectedError
from models.settings import Settings
from workflows.deployment.local.credentials import Credentials
from workflows.deployment.local.door import HEALTH_PATH
from workflows.deployment.local.ministack_app import LOOPBACK, CloudProcess
from workflows.deployment.local.private_files import keep_private

_START_LIMIT = 30.0
_HEALTH_LIMIT = 3.0
# A save of some ten thousand rows and executions takes a few seconds.
_SAVE_LIMIT = 20.0
_POLL_SECONDS = 0.05
_MONITOR_SECONDS = 1.0
# The cloud is on this machine, which no proxy can reach.
_WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class LocalCloudError(ExpectedError):
    """The local cloud cannot run; the message is one line that says what to do."""


class LocalCloud:
    """A local AWS, in a process of its own that survives if the server is killed.

    Args:
        directory: where its state is saved between runs.
        settings: its region and account.
        origins: whose pages may use its user pools, such as `http://localhost:4200`.
    """

    def __init__(self, directory: Path, settings: Settings, origins: Collection[str] = ()) -> None:
        self._directory = directory.resolve()
        self._settings = settings
        self._origins = tuple(origins)
        self._server_lock: IO[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self.endpoint = ""

    @property
    def log(self) -> Path:
        """Return the file of what its process says."""
        return self._directory / "cloud.log"

    @property
    def environment(self) -> dict[str, str]:
        """Return the standard variables that point every AWS client to this cloud."""
        credentials = Credentials.find_or_make(self._directory)
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self._settings.region,
            "AWS_DEFAULT_REGION": self._settings.region,
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), LOOPBACK))),
        }

    def start(self) -> bool:
        """Start the cloud, or adopt the one that a killed server left behind.

        Returns:
            Whether it was adopted.

        Raises:
            LocalCloudError: another server uses this directory, or the cloud does not start.
        """
        keep_private(self._directory)
        self._server_lock = self._lock_directory()
        try:
            found = self._read_process() if self._is_running() else None
            here = found if found and self._is_usable(found) else self._launch(found)
        except BaseException:
            self._server_lock.close()
            raise
        self.endpoint = f"http://{LOOPBACK}:{here.port}"
        return here is found

    def stop(self) -> None:
        """Stop the cloud after it has saved its state, or kill it if that takes too long; may be called again."""
        if self._server_lock and self._is_running() and (here := self._read_process()):
            self._terminate(here.pid, within=_SAVE_LIMIT)
        if self._child:
            self._child.wait(timeout=_SAVE_LIMIT)
        if self._server_lock:
            self._server_lock.close()
            self._server_lock = None

    @contextmanager
    def monitored(self) -> Iterator[None]:
        """Interrupt this process if the cloud dies: its successor starts from the last save, which may be older.

        Raises:
            LocalCloudError: the cloud has died.
        """
        over, died = threading.Event(), threading.Event()

        def monitor() -> None:
            while not over.wait(_MONITOR_SECONDS):
                if not self._is_running():
                    died.set()
                    os.kill(os.getpid(), signal.SIGINT)
                    return

        threading.Thread(target=monitor, name="cloud-monitor", daemon=True).start()
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
        """Use the cloud that a running server of this directory has started.

        Raises:
            LocalCloudError: no cloud is running.
        """
        here = self._read_process() if self._is_running() else None
        if here is None:
            raise LocalCloudError("No local cloud is running here; start one with `make run` first.")
        self.endpoint = f"http://{LOOPBACK}:{here.port}"

    def _lock_directory(self) -> IO[str]:
        lock = (self._directory / "server.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise LocalCloudError(
                f"Another server uses {self._directory}; stop it, or set HOURBANK_LOCAL to another directory."
            ) from None
        return lock

    def _is_running(self) -> bool:
        """Return whether a cloud lives: it holds a lock for as long as it does."""
        if not self._directory.is_dir():
            return False
        with (self._directory / "cloud.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _read_process(self) -> CloudProcess | None:
        """Return the cloud that last announced itself in this directory, whether it still lives or not."""
        try:
            return CloudProcess(**json.loads((self._directory / "cloud.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _is_usable(self, found: CloudProcess) -> bool:
        """Return whether a running cloud answers and asks for our credentials: older versions asked for none."""
        ours = found.identity.startswith(f"{Credentials.find_or_make(self._directory).access_key} ")
        return ours and _is_healthy(found, within=_HEALTH_LIMIT)

    def _launch(self, hung: CloudProcess | None) -> CloudProcess:
        if hung:
            saves = _is_healthy(hung, within=_HEALTH_LIMIT)  # one with other credentials may have rows to save
            self._terminate(hung.pid, within=_SAVE_LIMIT if saves else _HEALTH_LIMIT)
        before = self._read_process()
        try:
            with self.log.open("wb") as log, _uninterrupted():
                self._child = self._popen(log)
            return self._wait_for(self._child, before)
        except BaseException:
            # Also when interrupted: the child may hold no lock yet by which anybody could find it.
            if self._child:
                self._child.kill()
                self._child.wait()
            raise

    def _popen(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 — this interpreter, our own module
            [
                sys.executable,
                "-Xutf8",  # MiniStack opens its files in the system's encoding, and rows are saved as UTF-8
                "-m",
                "workflows.deployment.local.ministack_app",
                str(self._directory),
                *self._origins,
            ],
            cwd=Path(__file__).parents[3],
            env={**os.environ, **self._account_variables()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the server, which then stops the cloud
        )

    def _wait_for(self, child: subprocess.Popen[bytes], before: CloudProcess | None) -> CloudProcess:
        for _ in _attempts(_START_LIMIT):
            here = self._read_process()
            if here and here != before and _is_healthy(here, within=_HEALTH_LIMIT):
                return here
            if child.poll() is not None:
                break
        raise LocalCloudError(f"The local cloud did not start; {self.log} says why.")

    def _account_variables(self) -> dict[str, str]:
        return {"HOURBANK_ACCOUNT": self._settings.account, "AWS_REGION": self._settings.region}

    def _terminate(self, pid: int, *, within: float) -> None:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                return
            for _ in _attempts(within):
                if not self._is_running():
                    return


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Delay SIGINT and SIGTERM until the context ends, so that no child process is started and then lost."""
    if threading.current_thread() is not threading.main_thread():  # Python handles signals in that one only
        yield
        return
    received: list[int] = []
    before = {
        sign: signal.signal(sign, lambda number, _frame: received.append(number))
        for sign in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
        for number in received:
            signal.raise_signal(number)


def _attempts(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
        yield


def _is_healthy(here: CloudProcess, *, within: float) -> bool:
    try:
        with _WITHOUT_PROXY.open(f"http://{LOOPBACK}:{here.port}{HEALTH_PATH}", timeout=within) as answer:
            return bool(answer.read().decode() == here.identity)
    except OSError:
        return False
