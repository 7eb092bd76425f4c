"""What the transactions write and when they try again, on an engine within this process."""


def test_nothing() -> None:
    pass
