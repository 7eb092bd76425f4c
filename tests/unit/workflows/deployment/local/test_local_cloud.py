"""A signal that arrives while the local cloud's process is started takes effect once its id is kept."""

import signal

import pytest

from workflows.deployment.local.local_cloud import _uninterrupted


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_the_child_is_known(sign: signal.Signals) -> None:
    handled: list[int] = []
    before = signal.signal(sign, lambda number, _frame: handled.append(number))
    try:
        with _uninterrupted():
            signal.raise_signal(sign)
            assert handled == []
        assert handled == [sign]
        signal.raise_signal(sign)
        assert handled == [sign, sign]
    finally:
        signal.signal(sign, before)


def test_an_interruption_is_raised_at_the_end() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    begun = ended = False
    try:
        with pytest.raises(KeyboardInterrupt), _uninterrupted():  # noqa: PT012 — what follows the signal counts
            begun = True
            signal.raise_signal(signal.SIGINT)
            ended = True
    finally:
        signal.signal(signal.SIGINT, before)
    assert (begun, ended) == (True, True)
