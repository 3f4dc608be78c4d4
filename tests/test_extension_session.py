"""The extension in the hands of its user, against the real Worker: logging in, testing and losing the connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from harness.extension import ExtendedBlender
from harness.mcp import ModernClient, login
from harness.workerd import Workerd
from oauth.flow import Flow
from oauth.test_device import decide


@pytest_asyncio.fixture
async def blender(server: Workerd, tmp_path: Path) -> AsyncIterator[ExtendedBlender]:
    async with ExtendedBlender("4.2", tmp_path / "profile", server.url) as running:
        yield running


async def printed(server: Workerd, code: str) -> str:
    """What a job prints that the bus hands to the user's Blender."""
    async with ModernClient(f"{server.url}/", await login(server.url)) as client:
        answer = (await client.call("blender_execute_code", code=code)).document
    assert answer["status"] == "completed", answer
    return str(answer["result"])


async def test_login_by_code_connects_once_the_code_was_entered(server: Workerd, blender: ExtendedBlender) -> None:
    assert await blender.ask("press('login_by_code')") == ["FINISHED"]
    page, code = await blender.until("session.code and (session.code.page, session.code.user_code)")
    assert page == f"{server.url}/device"
    phone = Flow(server.url)
    phone.sign_in()
    assert decide(phone, code).status_code == 200
    await blender.until("session.status.message == 'Connected'")
    assert await blender.ask("(session.code, session.logging_in, session.note)") == [None, False, ""]
    assert await printed(server, "print('by code')") == "by code\n"
    # The login can be renewed, so that it lasts.
    assert await blender.ask("bool(prefs.credentials().refresh_token)") is True


async def test_login_by_code_that_is_refused_says_so(server: Workerd, blender: ExtendedBlender) -> None:
    await blender.ask("press('login_by_code')")
    code = await blender.until("session.code and session.code.user_code")
    phone = Flow(server.url)
    phone.sign_in()
    decide(phone, code, "deny")
    await blender.until("session.note.startswith('The login was refused')")
    assert await blender.ask("(session.code, session.logging_in, session.active)") == [None, False, False]


async def test_a_login_by_code_that_is_given_up_leaves_no_thread(server: Workerd, blender: ExtendedBlender) -> None:
    await blender.ask("press('login_by_code')")
    await blender.until("session.code")
    await blender.ask("press('cancel_login')")
    await blender.until("threads() == []", 3.0)
    assert await blender.ask("(session.code, session.note)") == [None, ""]


async def finding(blender: ExtendedBlender) -> tuple[bool, str]:
    assert await blender.ask("press('test_connection')") == ["FINISHED"]
    await blender.until("session.finding and not session.testing")
    fine, message = await blender.ask("(session.finding.fine, session.finding.message)")
    return fine, message


async def test_test_connection_tells_what_is_wrong_with_the_real_server(
    server: Workerd, blender: ExtendedBlender
) -> None:
    fine, message = await finding(blender)
    assert not fine and "you are not logged in" in message
    await blender.put("token", "bbp_nonsense")
    fine, message = await finding(blender)
    assert not fine and "does not accept your token" in message
    await blender.put("token", await login(server.url))
    fine, message = await finding(blender)
    assert fine and message.startswith("Fine: Blender Bus 0.") and message.endswith("takes your login")
    assert await blender.ask("session.active") is False
    server.kill()
    fine, message = await finding(blender)
    assert not fine and message.startswith("Cannot reach localhost:")
