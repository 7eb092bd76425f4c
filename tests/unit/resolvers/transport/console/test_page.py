"""The console's page: every machine in it, nothing that runs in it, and files that browsers ask for again."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from resolvers.apps.hourbank import HOURBANK
from resolvers.transport.console.page import ASSETS_PATH, PATH, Console
from schema.console import ASSETS
from workflows.drawing.statuses import STATES


@pytest.fixture
async def browser() -> AsyncIterator[AsyncClient]:
    app = Starlette(routes=Console('A "bank"', ["ann", "b<b"]).routes())
    async with AsyncClient(transport=ASGITransport(app), base_url="http://bank") as client:
        yield client


async def test_the_page_has_a_picture_of_every_machine(browser: AsyncClient) -> None:
    page = (await browser.get(PATH)).text
    assert sorted(re.findall(r'<template data-machine="(\w+)">', page)) == sorted(HOURBANK.machines)
    states = json.loads(unescape(re.findall(r'data-states="([^"]*)"', page)[0]))
    assert states == dict(STATES)


async def test_names_are_texts(browser: AsyncClient) -> None:
    page = (await browser.get(PATH)).text
    assert 'data-callers="ann b&lt;b"' in page
    assert "<title>A &quot;bank&quot; console</title>" in page


async def test_the_policy_lets_nothing_in_the_page_run(browser: AsyncClient) -> None:
    answer = await browser.get(PATH)
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", answer.text)
    assert re.findall(r"<script[^>]*>(.*?)</script>", answer.text) == [""]


async def test_every_file_that_the_page_names_is_served(browser: AsyncClient) -> None:
    page = (await browser.get(PATH)).text
    named = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    scripts = [path for path in ASSETS.iterdir() if path.suffix == ".js"]
    imported = {name for script in scripts for name in re.findall(r"from '\./([\w.]+)'", script.read_text())}
    for path in (*named, *(f"{ASSETS_PATH}/{name}" for name in imported)):
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-cache"
    assert {path.name for path in ASSETS.iterdir()} == {path.rpartition("/")[2] for path in named} | imported
