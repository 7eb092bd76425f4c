"""How many frames and bytes a socket may send."""


class Budget:
    """An amount of frames and bytes that is spent, and refilled with time up to where it began.

    Args:
        frames: how many may come at once.
        size: bytes that may come at once.
        frames_per_second: frames that are added each second.
        bytes_per_second: bytes that are added each second.
        now: the time, in seconds.
    """

    __slots__ = ("_bytes", "_bytes_left", "_bytes_rate", "_frames", "_frames_left", "_frames_rate", "_spent_at")

    def __init__(
        self, frames: int, size: int, now: float, *, frames_per_second: float = 0, bytes_per_second: float = 0
    ) -> None:
        self._frames = self._frames_left = float(frames)
        self._bytes = self._bytes_left = float(size)
        self._frames_rate = frames_per_second
        self._bytes_rate = bytes_per_second
        self._spent_at = now

    def spend(self, frames: int, size: int, now: float) -> bool:
        """Spend frames and bytes; return whether there were as many left."""
        elapsed = now - self._spent_at
        self._spent_at = now
        self._frames_left = min(self._frames, self._frames_left + elapsed * self._frames_rate) - frames
        self._bytes_left = min(self._bytes, self._bytes_left + elapsed * self._bytes_rate) - size
        return self._frames_left >= 0 and self._bytes_left >= 0
