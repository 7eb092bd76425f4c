"""Time that has passed, without anybody having waited for it."""

import asyncio

import pytest


def leap(seconds: float) -> None:
    """Let so much time have passed for the running loop: what was due meanwhile is due now.

    It stays so, for the loop is one test's alone: set back, it would let the test's end wait as long.
    """
    loop = asyncio.get_running_loop()
    clock = loop.time
    pytest.MonkeyPatch().setattr(loop, "time", lambda: clock() + seconds)
