"""Random calls by tokens of every scope, over HTTP and sockets, against what other tokens of the same user have.

Whether each call is refused for its scope is compared with the table of docs/security.md; whatever was tried, the other
tokens' Blender, client, inbox, session and job must be as they were. By hand, with its seed printed:
`python3 tests/torture/scopes.py --calls 10000`. With `--user eve` the tokens are another user's, who finds nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import re
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness.mcp import Answer, LegacySession, ModernClient, login  # noqa: E402
from harness.peer import Peer, ToolRefused  # noqa: E402
from harness.workerd import Workerd  # noqa: E402
from oauth.flow import Flow  # noqa: E402

SCOPES = ("bus:read", "bus:dispatch", "peer")
SUBSETS = [" ".join(some) for size in (1, 2, 3) for some in itertools.combinations(SCOPES, size)]
# Beside the tools of the bus: one of a Blender that reads, one that does not, and two of the account.
OTHER_TOOLS = {
    "blender_get_scene_info": True,
    "blender_execute_code": False,
    "blender_list_access_tokens": True,
    "blender_revoke_access_token": False,
}
METHODS = [
    "server/discover",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "prompts/list",
    "tasks/get",
    "tasks/cancel",
    "subscriptions/listen",
]
# What some of the tokens are bound to: none of it is the victim's.
BOUNDS = ("", " blender=node-1", " group=farm")
BEYOND = "beyond_bound"
THEIRS = ("studio-1", "boss")
SOCKET_REFUSAL = "this token may not call"
MESSAGES = 5
# Stands in all that the victim has sent.
SECRET = "nobody-elses-business"


def table() -> dict[str, tuple[str, ...]]:
    """The rows of the page: name -> what it needs over HTTP and over a socket, and what a bound token has of it."""
    page = (ROOT / "docs" / "security.md").read_text()
    section = page.split("## What each scope allows")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([\w/]+)` \| (.+?) \| (.+?) \| (.+?) \| [^|]+ \|$", section, re.MULTILINE)
    assert len(rows) > 15, rows
    return {name: tuple(needs) for name, *needs in rows}


def meets(scopes: str, need: str) -> bool:
    held = scopes.split()
    if need == "any token":
        return True
    if need == "not served":
        return False
    if need == "`bus:dispatch`, or `peer` for its own":
        return "bus:dispatch" in held
    return any(f"`{scope}`" in need for scope in held)


def signed_in(base: str, scopes: str, program: str, username: str) -> str:
    """An access token by OAuth, of a client that registers anew under this name."""
    flow = Flow(base)
    assert flow.register(client_name=program).status_code == 201
    flow.sign_in(username)
    answer = flow.exchange(flow.callback(scope=scopes)["code"])
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    assert isinstance(token, str)
    return token


async def scoped(base: str, scopes: str, program: str = "Intruder", username: str = "demo") -> str:
    """An access token of a grant of its own, with these scopes."""
    return await asyncio.to_thread(signed_in, base, scopes, program, username)


@dataclass
class Intruder:
    """A token, what it is tried with, and its own client where it has one."""

    scopes: str
    client: ModernClient
    peer: Peer | None = None

    @property
    def is_bound(self) -> bool:
        return "=" in self.scopes


@dataclass
class Victim:
    """What other tokens of the user have."""

    client: ModernClient
    session: LegacySession
    peer: Peer
    job_id: str = ""


@dataclass
class Run:
    base: str
    ws_url: str
    random: random.Random
    rights: dict[str, tuple[str, ...]] = field(default_factory=table)
    calls: int = 0
    refused: int = 0
    # Calls of bound tokens that would have reached another's client.
    beyond: int = 0

    async def victim(self, stack: AsyncExitStack) -> Victim:
        token = await login(self.base)
        client = await stack.enter_async_context(ModernClient(f"{self.base}/", token))
        session = await stack.enter_async_context(LegacySession(f"{self.base}/mcp", token))
        peer = await stack.enter_async_context(Peer(self.ws_url, token, "studio-1"))
        victim = Victim(client, session, peer)
        await client.call("blender_register_client", client_uuid="boss", client_type="llm", is_persistent=True)
        for number in range(MESSAGES):
            await client.call("blender_send_message", payload={"number": number, "secret": SECRET}, target_uuid="boss")
        submitted = await client.call(
            "blender_submit",
            command="execute_code",
            params={"code": f"# {SECRET}"},
            target_uuid="studio-1",
            from_uuid="boss",
        )
        victim.job_id = submitted.document["job_id"]
        await asyncio.wait_for(peer.jobs.get(), 10)
        return victim

    def arguments(self, tool: str, victim: Victim, own: str) -> dict[str, Any]:
        """Arguments that aim at what is the victim's."""
        pick = self.random.choice
        name = pick(["studio-1", "boss", own, "server:demo"])
        job = pick([victim.job_id, victim.job_id, "j-000000000000"])
        return {
            "blender_register_client": {"client_uuid": name, "client_type": pick(["blender", "llm"])},
            "blender_unregister_client": {"client_uuid": name},
            "blender_send_message": {
                "payload": {"hostile": 1},
                "target_uuid": "studio-1",
                "from_uuid": pick(["boss", "studio-1"]),
            },
            "blender_job_update": {
                "job_id": job,
                "status": pick(["completed", "failed", "halfway"]),
                "result": "FORGED",
            },
            "blender_submit": {"command": "get_scene_info", "params": {}, "target_uuid": "nobody"},
            "blender_job_status": {"job_id": job},
            "blender_job_result": {"job_id": job},
            "blender_job_cancel": {"job_id": "j-000000000000"},
            "blender_receive_messages": {"client_uuid": "boss", "after": pick([None, str(2**53 - 1), "5"])},
            "blender_get_scene_info": {"target_uuid": "nobody"},
            "blender_execute_code": {"code": "1", "target_uuid": "nobody"},
            "blender_revoke_access_token": {"token_id": "g-000000000000000000000000"},
        }.get(tool, {})

    def expected(self, scopes: str, tool: str, side: int) -> bool:
        if tool in OTHER_TOOLS:
            return meets(scopes, "`bus:read` or `bus:dispatch`" if OTHER_TOOLS[tool] else "`bus:dispatch`")
        return meets(scopes, self.rights[tool][side])

    def judge(self, what: str, answer: Answer, allowed: bool) -> None:
        assert answer.status != 500, f"{what}: {answer.body}"
        assert (answer.status != 403) == allowed, f"{what}: {answer.status} {answer.body}"
        self.refused += not allowed

    async def over_http(self, by: Intruder, victim: Victim) -> None:
        tool = self.random.choice([*[name for name in self.rights if name.startswith("blender_")], *OTHER_TOOLS])
        arguments = self.arguments(tool, victim, f"own-{by.scopes}")
        answer = await by.client.call(tool, **arguments)
        what = f"{by.scopes} calls {tool} {arguments}"
        self.judge(what, answer, self.expected(by.scopes, tool, 0))
        if by.is_bound and answer.status == 200:
            self.judge_bound(what, tool, arguments, answer.result)

    def judge_bound(self, what: str, tool: str, arguments: dict[str, Any], result: dict[str, Any]) -> None:
        """A bound token is refused by name what the table says, and otherwise learns of nobody else."""
        left = self.rights[tool][2] if tool in self.rights else "names its own only"
        named = arguments.get("target_uuid") or arguments.get("client_uuid", "")
        if left == "names its own only" and (named in THEIRS or arguments.get("target_uuid")):
            assert result["isError"] and BEYOND in str(result), f"{what}: {result}"
            self.beyond += 1
        if left == "finds its own only":
            assert not any(name in str(result) for name in THEIRS), f"{what}: {result}"
            self.beyond += 1

    async def a_method(self, by: Intruder, victim: Victim) -> None:
        method = self.random.choice(
            [name for name in METHODS if name != "subscriptions/listen" or not meets_read(by.scopes)]
        )
        params = {
            "resources/read": {"uri": self.random.choice(["blender://bus/clients", "blender://inbox/boss"])},
            "tasks/get": {"taskId": victim.job_id},
            "tasks/cancel": {"taskId": "j-000000000000"},
            "subscriptions/listen": {"notifications": {"resourceSubscriptions": ["blender://inbox/boss"]}},
        }.get(method, {})
        answer = await by.client.request(method, params)
        if by.is_bound and answer.status == 200:
            said = str(answer.body).replace("inbox/boss", "")
            assert BEYOND in said or not any(name in said for name in THEIRS), said
        need = self.rights[method][0] if method in self.rights else "`bus:read` or `bus:dispatch`"
        self.judge(f"{by.scopes} asks {method}", answer, meets(by.scopes, need))

    async def in_the_session(self, by: Intruder, victim: Victim) -> None:
        """What is another grant's session is none, whatever is asked; without a scope that is said first."""
        headers = {**victim.session.headers, "Authorization": by.client.headers["Authorization"]}
        url, http = victim.session.url, by.client.http
        kind = self.random.choice(["delete", "stream", "ping", "subscribe", "cancel"])
        if kind == "delete":
            answer = await http.delete(url, headers=headers)
        elif kind == "stream":
            answer = await http.get(url, headers={**headers, "Accept": "text/event-stream"})
        else:
            asked = {
                "ping": {"id": 1, "method": "ping"},
                "subscribe": {"id": 1, "method": "resources/subscribe", "params": {"uri": "blender://inbox/boss"}},
                "cancel": {"method": "notifications/cancelled", "params": {"requestId": 1}},
            }[kind]
            answer = await http.post(url, headers=headers, json={"jsonrpc": "2.0", **asked})
        expected = (
            {202} if kind == "cancel" else {404} if kind in ("delete", "stream") or meets_read(by.scopes) else {403}
        )
        assert answer.status_code in expected, f"{by.scopes} {kind}: {answer.status_code} {answer.text}"
        self.refused += 1

    async def over_a_socket(self, by: Intruder, victim: Victim) -> None:
        peer, own = by.peer, f"own-{by.scopes}"
        if peer is None:
            await self.over_http(by, victim)
            return
        tool = self.random.choice([name for name in self.rights if name.startswith("blender_")])
        arguments = self.arguments(tool, victim, own)
        try:
            document = await peer.call(tool, **arguments)
        except ToolRefused as refused:
            reason = str(refused)
            assert (SOCKET_REFUSAL not in reason) or not meets(by.scopes, self.rights[tool][1]), reason
            self.refused += 1
            return
        need = self.rights[tool][1]
        assert meets(by.scopes, need) or "for its own" in need, f"{by.scopes} called {tool} {arguments}"
        if by.is_bound:
            assert not any(name in str(document) for name in THEIRS), (
                f"{by.scopes} called {tool} {arguments}: {document}"
            )
        name = arguments.get("client_uuid", own)
        assert name == own or document["status"] == "not_found", f"{by.scopes} called {tool} {arguments}"

    async def check(self, victim: Victim) -> None:
        """All that the victim has is as it was."""
        listed = (await victim.client.call("blender_list_available_clients")).document["persistent"]
        held = {entry["uuid"]: entry for entry in listed}
        assert held["studio-1"]["connected"] and held["studio-1"]["client_type"] == "blender", held["studio-1"]
        assert held["boss"]["client_type"] == "llm", held["boss"]
        inbox = (await victim.client.call("blender_receive_messages", client_uuid="boss")).document["messages"]
        assert [entry["payload"].get("number") for entry in inbox[:MESSAGES]] == list(range(MESSAGES)), inbox
        assert not [entry for entry in inbox if "FORGED" in str(entry["payload"]) and entry["from_uuid"] == "studio-1"]
        status = (await victim.client.call("blender_job_status", job_id=victim.job_id)).document
        assert status["status"] == "running", status
        pinged = await victim.session.request("ping")
        assert pinged.status == 200, pinged.body
        await victim.peer.call("blender_list_available_clients")

    async def of_another_user(self, by: Intruder, victim: Victim) -> None:
        """Whatever another user asks for by the victim's ids, nothing of the victim's is in the answer."""
        own = f"own-{by.scopes}"
        tool = self.random.choice([*[name for name in self.rights if name.startswith("blender_")], *OTHER_TOOLS])
        arguments = self.arguments(tool, victim, own)
        way = self.random.choice(["http", "http", "socket", "session", "method"])
        if way == "session":
            await self.in_the_session(by, victim)
            return
        if way == "socket" and by.peer is not None:
            try:
                said = str(await by.peer.call(tool, **arguments))
            except ToolRefused as refused:
                said = str(refused)
        elif way == "method":
            params = {
                "taskId": victim.job_id,
                "uri": self.random.choice(
                    [
                        f"blender://jobs/{victim.job_id}",
                        "blender://inbox/boss",
                        "blender://bus/clients",
                        "blender://bus/stats",
                    ]
                ),
            }
            said = str((await by.client.request(self.random.choice(METHODS[:-1]), params)).body)
        else:
            answer = await by.client.call(tool, **arguments)
            assert answer.status != 500, answer.body
            said = str(answer.body)
        assert SECRET not in said, f"{by.scopes} calls {tool} {arguments}: {said}"


def meets_read(scopes: str) -> bool:
    return meets(scopes, "`bus:read` or `bus:dispatch`")


async def storm(base: str, ws_url: str, calls: int, seed: int, username: str = "demo") -> Run:
    """Makes so many calls by tokens of this user and returns what was counted.

    AssertionError at the first that does what it must not.
    """
    run = Run(base, ws_url, random.Random(seed))
    async with AsyncExitStack() as stack:
        intruders = []
        for scopes in [f"{some}{bound}" for some in SUBSETS for bound in BOUNDS]:
            token = await scoped(base, scopes, username=username)
            client = await stack.enter_async_context(ModernClient(f"{base}/", token))
            intruders.append(Intruder(scopes, client))
            if "peer" in scopes:
                peer = Peer(ws_url, token, f"own-{scopes}")
                await peer.connect(register=False)
                stack.push_async_callback(peer.close)
                intruders[-1].peer = peer
        # Later than the others: the same program's later sign-in could take a name.
        victim = await run.victim(stack)
        ways = [run.over_http, run.over_http, run.a_method, run.in_the_session, run.over_a_socket, run.over_a_socket]
        if username != "demo":
            ways = [run.of_another_user]
        while run.calls < calls:
            by = run.random.choice(intruders)
            await run.random.choice(ways)(by, victim)
            run.calls += 1
            if run.calls % 250 == 0 or run.calls == calls:
                await run.check(victim)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--user", default="demo", help="whose the tokens are: demo, like the victim, or eve")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    variables = {"DEV_ACCOUNTS": "demo:demo,eve:eve"}
    with tempfile.TemporaryDirectory() as folder, Workerd(Path(folder) / "workerd", variables=variables) as server:
        began = time.monotonic()
        run = asyncio.run(storm(server.url, server.ws_url, options.calls, options.seed, options.user))
        took = f"{run.calls} calls in {time.monotonic() - began:.0f} s"
        print(f"{took}, {run.refused} refused, {run.beyond} beyond their bound, nothing taken")


if __name__ == "__main__":
    main()
