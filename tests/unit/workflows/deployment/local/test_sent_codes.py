"""Codes are repeated where the person at the terminal sees them."""

from pathlib import Path

from tests.integration.polling import comes_true
from workflows.deployment.local import sent_codes


def test_what_is_announced_from_now_on_is_shown(tmp_path: Path) -> None:
    log, shown = tmp_path / "cloud.log", list[str]()
    log.write_text("Code for before@example.org: 1\n")
    with sent_codes.repeated(log, shown.append), log.open("a", buffering=1) as output:
        output.write("another line\nCode for dora@exam")
        output.flush()
        output.write("ple.org: 123456\nCode for +15551234567: 654321\nhalf a li")
        output.write("x" * 5000 + "\nCode for emil@example.org: 111111\n")
        wanted = [
            "Code for dora@example.org: 123456",
            "Code for +15551234567: 654321",
            "Code for emil@example.org: 111111",
        ]
        assert comes_true(lambda: len(shown) >= len(wanted), within=10)
    assert shown == wanted


def test_an_announcement_is_a_line(capsys: object) -> None:
    sent_codes.announce("dora@example.org", "123456")
    assert capsys.readouterr().out == "Code for dora@example.org: 123456\n"  # type: ignore[attr-defined]
