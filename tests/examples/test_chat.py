"""The chat, run in a process of its own against a scripted model; Blender and the bus are real."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.blender import HeadlessBlender
from harness.mcp import ModernClient, login
from harness.workerd import Workerd
from PIL import Image, ImageStat

from .datacenter_facts import check_by_looking, check_the_picture, check_the_scene
from .model_double import Answers, Call, Hangs, ModelDouble, Refuses, Script, calls, says
from .running import ROOT, finished, read_until, run, started

_spec = importlib.util.spec_from_file_location("datacenter", ROOT / "examples" / "datacenter.py")
assert _spec is not None and _spec.loader is not None
datacenter: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(datacenter)

CODE = "blender_execute_code"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workerd]:
    """A server with one Blender, for all tests that leave both as they were."""
    folder = tmp_path_factory.mktemp("studio")
    with (
        Workerd(folder / "workerd") as running,
        HeadlessBlender(running.url, folder / "blender", uuid="studio"),
    ):
        yield running


def environment(model: ModelDouble) -> dict[str, str]:
    return {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-test", "CHAT_MODEL": "scripted"}


async def chat(
    server: Workerd, script: Script, *typed: str, options: list[str] | None = None
) -> tuple[str, ModelDouble]:
    """What the chat printed while these lines were typed, and the model, whose script must be at its end."""
    command = ["examples/chat.py", f"{server.url}/", "--token", await login(server.url), *(options or [])]
    with ModelDouble(script) as model:
        output = await run(*command, typed="\n".join(typed) + "\n", environment=environment(model))
    assert not model.complaints, model.complaints
    assert not model.script, output
    return output, model


def document(answer: str) -> dict[str, Any]:
    found = json.loads(answer)
    assert isinstance(found, dict)
    return found


async def test_a_question_is_answered_with_what_a_tool_said(studio: Workerd) -> None:
    script: Script = [
        calls(Call("blender_get_scene_info"), text="Let me look."),
        lambda messages: says(f"There are {json.loads(document(messages[-1]['content'])['result'])['object_count']}."),
    ]
    output, model = await chat(studio, script, "How many objects are there?")
    assert "Let me look." in output
    assert "→ blender_get_scene_info" in output
    assert "There are 3." in output
    assert model.keys == ["Bearer sk-test"] * 2
    offered = {tool["function"]["name"] for tool in model.asked[0]["tools"]}
    assert {CODE, "blender_get_viewport_screenshot", "blender_submit"} <= offered
    assert not [name for name in offered if "token" in name], "a model makes no access tokens"
    assert model.asked[0]["model"] == "scripted"
    assert model.asked[0]["messages"][0]["role"] == "system"


async def test_the_conversation_goes_on_and_can_be_forgotten(server: Workerd) -> None:
    output, model = await chat(
        server, [says("Hello."), says("As I said."), says("Who?")], "hi", "again", "/new", "anew"
    )
    texts = [[message["content"] for message in asked["messages"][1:]] for asked in model.asked]
    assert texts == [["hi"], ["hi", "Hello.", "again"], ["anew"]]
    assert "Who?" in output


async def test_parallel_calls_are_all_answered_in_order(studio: Workerd) -> None:
    three = [Call(CODE, {"code": f"print('part', {number}, len(bpy.data.objects))"}) for number in range(3)]
    _, model = await chat(studio, [calls(*three), says("Done.")], "three things")
    results = [document(answer)["result"] for answer in model.answers_to(1)]
    assert results == [f"part {number} 3\n" for number in range(3)]


async def test_parallel_calls_for_several_blenders_run_at_the_same_time(server: Workerd, tmp_path: Path) -> None:
    code = "import time; time.sleep(3); print(time.time())"
    both = [Call(CODE, {"code": code, "target_uuid": uuid}) for uuid in ("a", "b")]
    with (
        HeadlessBlender(server.url, tmp_path / "a", uuid="a"),
        HeadlessBlender(server.url, tmp_path / "b", uuid="b"),
    ):
        _, model = await chat(server, [calls(*both), says("Done.")], "both")
    ends = [float(document(answer)["result"]) for answer in model.answers_to(1)]
    assert abs(ends[0] - ends[1]) < 2.5


async def test_arguments_that_are_no_json_object_are_explained_to_the_model(studio: Workerd) -> None:
    wrong = ['{"code": "print(1)"', "print(1)", '["code"]', '"code"', "[" * 100_000]
    right = Call(CODE, {"code": "print('right')"})
    script: Script = [*[calls(Call(CODE, text)) for text in wrong], calls(right), says("Done.")]
    _, model = await chat(studio, script, "go")
    *refused, answer = model.answers_to(len(wrong) + 1)
    assert len(refused) == len(wrong)
    for told in refused:
        assert told.startswith("error: the arguments must be one JSON object")
        assert len(told) < 21_000
    assert document(answer)["result"] == "right\n"


async def test_wrong_arguments_and_errors_of_code_reach_the_model(studio: Workerd) -> None:
    script = [calls(Call(CODE, {"kode": "x"}), Call(CODE, {"code": "1/0"})), says("Oh.")]
    _, model = await chat(studio, script, "go")
    refused, failed = model.answers_to(1)
    known = "code, keep_names, deadline, changes, target_uuid, timeout_seconds"
    assert refused == f'error: unknown argument "kode": known are {known}'
    assert "ZeroDivisionError" in document(failed)["error"]


async def test_an_unknown_tool_is_explained_to_the_model(server: Workerd) -> None:
    script = [calls(Call("blender_make_coffee"), Call("blender_revoke_token")), says("Then not.")]
    output, model = await chat(server, script, "coffee")
    answers = model.answers_to(1)
    assert answers[0].startswith("error: there is no tool 'blender_make_coffee'; the tools are ")
    assert CODE in answers[0]
    assert "Then not." in output


async def test_without_a_blender_the_model_gets_the_hint(server: Workerd) -> None:
    _, model = await chat(server, [calls(Call("blender_get_scene_info")), says("Connect one.")], "look")
    assert document(model.answers_to(1)[0])["status"] == "no_client"


async def test_a_dropped_stream_is_asked_for_again_and_nothing_of_it_is_acted_upon(studio: Workerd) -> None:
    call = Call(CODE, {"code": "bpy.data.objects['Light'].location.x = 1; print('moved', len(bpy.data.objects))"})
    dropped = [Answers("", (call,), cut=3, rudely=True), Answers("", (call,), cut=3)]
    output, model = await chat(studio, [*dropped, calls(call), says("Moved once.")], "move it")
    assert output.count("asking again") == 2
    assert output.count(f"→ {CODE}") == 1
    assert [document(answer)["result"] for answer in model.answers_to(3)] == ["moved 3\n"]


async def test_a_rate_limit_is_waited_out_for_as_long_as_the_service_says(server: Workerd) -> None:
    script = [Refuses(429, "slow down", {"Retry-After": "2"}), Refuses(503), says("Here I am.")]
    output, model = await chat(server, script, "hi")
    assert "RateLimitError: asking again in 2 s" in output
    assert "Here I am." in output
    assert model.at[1] - model.at[0] >= 2


async def test_an_error_of_the_service_is_told_and_the_chat_goes_on(server: Workerd) -> None:
    refusals = {
        "check OPENAI_API_KEY": Refuses(401, "bad key"),
        "does not know 'scripted'; check CHAT_MODEL": Refuses(404, "no such model"),
        "pay first": Refuses(429, "pay first", code="insufficient_quota"),
        "tomorrow": Refuses(429, "tomorrow", {"Retry-After": "86400"}),
        "too long": Refuses(400, "too long"),
    }
    said = [f"turn {number}" for number in range(len(refusals) + 1)]
    output, model = await chat(server, [*refusals.values(), says("Now it works.")], *said)
    for told in refusals:
        assert re.search(rf"\[error\] .*{re.escape(told)}", output), told
    assert "Traceback" not in output
    assert "Now it works." in output
    assert [message["content"] for message in model.asked[-1]["messages"] if message["role"] == "user"] == said


def pictures(messages: list[dict[str, Any]]) -> list[str]:
    parts = [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


async def test_the_model_sees_the_latest_pictures(studio: Workerd) -> None:
    look = calls(Call("blender_get_viewport_screenshot", {"max_size": 64}))
    _, model = await chat(studio, [look, look, look, says("I see.")], "look thrice")
    assert [len(pictures(asked["messages"])) for asked in model.asked] == [0, 1, 2, 2]
    assert pictures(model.asked[1]["messages"])[0].startswith("data:image/png;base64,iVBOR")


async def test_a_model_that_takes_no_pictures_goes_on_without(studio: Workerd) -> None:
    look = calls(Call("blender_get_viewport_screenshot", {"max_size": 64}))
    script = [look, Refuses(400, "image input is not supported"), look, says("I have read about it.")]
    output, model = await chat(studio, script, "look")
    assert "trying again without pictures" in output
    assert [len(pictures(asked["messages"])) for asked in model.asked] == [0, 1, 0, 0]


async def test_a_model_that_never_ends_is_stopped(server: Workerd) -> None:
    script = [*[calls(Call("blender_list_available_clients"))] * 3, says("Yes?")]
    output, model = await chat(server, script, "loop", "and now?", options=["--steps", "3"])
    assert "stopped after 3 steps" in output
    assert "Yes?" in output


async def test_a_long_conversation_is_cut_at_its_beginning(studio: Workerd) -> None:
    long = Call(CODE, {"code": "print('x' * 100_000)"})
    script: Script = []
    for _ in range(12):
        script += [calls(long), says("Long.")]
    _, model = await chat(studio, script, *[f"turn {number}" for number in range(12)])
    sizes = [len(json.dumps(asked["messages"])) for asked in model.asked]
    assert max(sizes) < 230_000
    said = [message["content"] for message in model.asked[-1]["messages"] if message["role"] == "user"]
    assert said[0] != "turn 0" and said[-1] == "turn 11"


async def test_a_long_turn_is_cut_in_its_answers(studio: Workerd) -> None:
    long = Call(CODE, {"code": "print('x' * 100_000)"})
    _, model = await chat(studio, [*[calls(long)] * 14, says("Done.")], "a long turn")
    assert max(len(json.dumps(asked["messages"])) for asked in model.asked) < 230_000
    answers = model.answers_to(14)
    assert len(answers) == 14 and len(answers[0]) < 600 and len(answers[-1]) > 19_000


async def test_text_of_the_model_does_not_steer_the_terminal(server: Workerd) -> None:
    output, _ = await chat(server, [says("a\x1b[2Jb\x07c\r\nd")], "hi")
    assert "\x1b" not in output and "\x07" not in output


async def test_ctrl_c_cancels_the_call_in_blender_and_keeps_the_conversation(studio: Workerd) -> None:
    endless = Call(CODE, {"code": "import time\nwhile True:\n    progress(1)\n    time.sleep(0.05)"})
    after = Call("blender_get_scene_info")
    script = [calls(endless, after), says("It was stopped.")]
    command = ["examples/chat.py", f"{studio.url}/", "--token", await login(studio.url)]
    with ModelDouble(script) as model:
        async with started(*command, environment=environment(model)) as process:
            assert process.stdin is not None
            process.stdin.write(b"work for ever\n")
            read = await read_until(process, f"→ {CODE}")
            await running_job(studio)
            process.send_signal(2)
            read += await read_until(process, "[interrupted]")
            read += await finished(process, "what happened?\n")
    assert process.returncode == 0, read
    assert "Traceback" not in read
    assert "It was stopped." in read
    assert not model.complaints, model.complaints
    assert len(model.answers_to(1)) == 2, "both calls have an answer"
    async with ModernClient(f"{studio.url}/", await login(studio.url)) as client:
        async with asyncio.timeout(10):
            while (await client.call("blender_list_jobs")).document["jobs"][0]["status"] != "cancelled":
                await asyncio.sleep(0.1)


async def running_job(server: Workerd) -> None:
    async with ModernClient(f"{server.url}/", await login(server.url)) as client, asyncio.timeout(20):
        while not any(job["status"] == "running" for job in (await client.call("blender_list_jobs")).document["jobs"]):
            await asyncio.sleep(0.1)


async def test_ctrl_c_while_the_model_thinks_ends_the_turn_and_not_the_chat(server: Workerd) -> None:
    command = ["examples/chat.py", f"{server.url}/", "--token", await login(server.url)]
    with ModelDouble([Hangs(), says("Here.")]) as model:
        async with started(*command, environment=environment(model)) as process:
            assert process.stdin is not None
            process.stdin.write(b"think\n")
            async with asyncio.timeout(20):
                while not model.asked:
                    await asyncio.sleep(0.05)
            process.send_signal(2)
            read = await read_until(process, "[interrupted]")
            if not read.endswith("you> "):
                read += await read_until(process, "you> ")
            process.send_signal(2)  # at the prompt it ends nothing
            read += await read_until(process, "/quit ends")
            read += await finished(process, "there?\n")
    assert process.returncode == 0 and "Here." in read, read


async def test_a_file_beside_the_user_configures_it(server: Workerd, tmp_path: Path) -> None:
    with ModelDouble([says("Configured.")]) as model:
        lines = [f"{name}={value}" for name, value in environment(model).items()]
        (tmp_path / ".env").write_text("\n".join([*lines, f"BLENDER_BUS_TOKEN={await login(server.url)}"]))
        output = await run("examples/chat.py", f"{server.url}/", typed="hi\n", folder=tmp_path)
    assert "Configured." in output


async def test_what_is_missing_is_said(server: Workerd, tmp_path: Path) -> None:
    nothing = {"OPENAI_API_KEY": "", "CHAT_MODEL": ""}
    assert "OPENAI_API_KEY and CHAT_MODEL" in await run("examples/chat.py", status=2, environment=nothing)
    key = {"OPENAI_API_KEY": "sk", "CHAT_MODEL": "m"}
    output = await run("examples/chat.py", "http://localhost:1/", "--token", "t", status=1, environment=key)
    assert "http://localhost:1/ cannot be used" in output
    output = await run("examples/chat.py", "--local", "127.0.0.1:1", status=1, environment=key)
    assert "127.0.0.1:1 cannot be used" in output


async def test_local_needs_no_server(server: Workerd, tmp_path: Path) -> None:
    with HeadlessBlender(server.url, tmp_path / "blender", uuid="local", options=["--local-port", "0"]) as blender:
        server.kill()
        await talk_locally(blender)


async def talk_locally(blender: HeadlessBlender) -> None:
    port = re.search(r"Running on (\d+)", blender.log.read_text())
    assert port is not None
    script = [
        calls(Call("blender_get_scene_info"), Call("blender_get_viewport_screenshot", {"max_size": 64})),
        calls(Call(CODE, {"code": "print('ä' * 3)"}), Call(CODE, {"code": "1/0"}), Call("blender_get_object_info", {})),
        calls(Call(CODE, {"code": "print('}' * 300_000)"}), Call("blender_submit", {})),
        says("All local."),
    ]
    with ModelDouble(script) as model:
        command = ["examples/chat.py", "--local", f"127.0.0.1:{port[1]}"]
        output = await run(*command, typed="go\n", environment=environment(model))
    assert "All local." in output and not model.complaints
    first, second, third = (model.answers_to(number) for number in (1, 2, 3))
    assert document(first[0])["object_count"] == 3
    assert document(first[1])["success"] and len(pictures(model.asked[1]["messages"])) == 1
    assert document(second[2])["result"] == "äää\n"
    assert "ZeroDivisionError" in second[3]
    assert second[4].startswith("error: get_object_info: parameter 'name' is missing")
    assert third[5].startswith('{"executed": true') and len(third[5]) < 21_000
    assert "there is no tool 'blender_submit'" in third[6]


async def test_the_datacenter_is_built_in_a_conversation(server: Workerd, tmp_path: Path) -> None:
    token = await login(server.url)
    script: Script = []
    for title, code in datacenter.STEPS.items():
        script += [calls(Call(CODE, {"code": code}), text=f"I make {title}."), says("Done.")]
    render = datacenter.RENDER.format(width=320, height=180, samples=8)
    script += [
        calls(
            Call(CODE, {"code": render, "_timeout": 300}), Call("blender_get_viewport_screenshot", {"max_size": 200})
        ),
        says("There it is."),
    ]
    said = [*[f"Now {title}, please" for title in datacenter.STEPS], "Render it and show me the viewport"]
    with HeadlessBlender(server.url, tmp_path / "blender", uuid="studio"):
        output, model = await chat(server, script, *said)
        assert "There it is." in output
        async with ModernClient(f"{server.url}/", token) as client:
            await check_the_scene(client)
            jobs = (await client.call("blender_list_jobs")).document["jobs"]
            results = [(await client.call("blender_job_result", job_id=job["job_id"])).document for job in jobs]
            await check_by_looking(client, tmp_path)
    statuses = [document(answer)["status"] for answer in model.answers_to(-1)]
    assert statuses == ["completed"] * (len(datacenter.STEPS) + 2)
    [shown] = pictures(model.asked[-1]["messages"])
    viewport = Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2])))
    assert ImageStat.Stat(viewport.convert("L")).stddev[0] > 5
    [rendered] = [one["result"] for one in results if one["result"].startswith("/9j/")]
    (tmp_path / "picture.jpg").write_bytes(base64.b64decode(rendered))
    check_the_picture(tmp_path / "picture.jpg", 320)
