"""A chat in the terminal with a model that works in your Blender.

Any OpenAI-compatible API will do. It offers the model the tools of the bus, runs what the model calls, shows it the
pictures that come back, and goes on until the model has done what you asked for. Ctrl-C stops what is going on, the
call in Blender included (not with --local), and keeps the conversation.

    pip install openai fastmcp
    export OPENAI_API_KEY=... CHAT_MODEL=gpt-5                  # or in a file .env beside you
    export OPENAI_BASE_URL=https://openrouter.ai/api/v1         # only for other services than OpenAI's own
    python chat.py                                              # the local server; a browser opens to sign in
    python chat.py https://bus.example.com/ --token TOKEN
    python chat.py --local                                      # no server: Blender on this computer, TCP port 9876

Commands: /new forgets the conversation, /quit or Ctrl-D ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

import openai
from dotenv import load_dotenv
from fastmcp import Client

SYSTEM = (
    "You work in the user's Blender through tools. Look before you change things, work in small steps, check what came "
    "of each, and look at a picture when you are done. Say briefly what you did."
)
MAX_TOOL_TEXT = 20_000  # characters of one tool's answer that the model gets
MAX_HISTORY = 200_000  # characters of conversation that are sent along
IMAGE_COST, IMAGES_KEPT = 4_000, 2  # characters a picture counts as; pictures that are sent along
TRIES, LONGEST_PAUSE = 5, 60.0
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # a model's text must not steer the terminal

Message = dict[str, Any]
Outcome = tuple[str, list[str]]  # what a tool answered: text, and pictures as data URLs


class BrokenOff(openai.OpenAIError):
    """The model's answer ended before its end."""


class BusTools:
    """The tools of a bus, by MCP."""

    def __init__(self, url: str, token: str | None) -> None:
        self.client = Client(url, auth=token or "oauth")
        self.specs: list[dict[str, Any]] = []

    async def __aenter__(self) -> BusTools:
        await self.client.__aenter__()
        for one in await self.client.list_tools():
            if "token" not in one.name:  # a model has no business with access tokens
                self.specs.append(spec(one.name, one.description or "", one.input_schema))
        return self

    async def __aexit__(self, *why: object) -> None:
        await self.client.__aexit__(None, None, None)

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        result = await self.client.call_tool(name, arguments, raise_on_error=False)
        images = [f"data:{it.mime_type};base64,{it.data}" for it in result.content if it.type == "image"]
        text = "".join(it.text for it in result.content if it.type == "text")
        return f"error: {text}" if result.is_error else text, images


LOCAL_TOOLS = {  # name: what it does, its parameters
    "get_scene_info": ("Overview of the open scene: its name, its objects, how many materials.", {}),
    "get_object_info": ("One object: place, size, materials, mesh.", {"name": "string"}),
    "browse_data": ("The names in one collection of bpy.data, such as objects or materials.", {"collection": "string"}),
    "execute_code": ("Runs Python in Blender, with bpy at hand, and returns what it printed.", {"code": "string"}),
    "get_viewport_screenshot": ("A picture of the 3D viewport, max_size pixels wide.", {"max_size": "integer"}),
}


class LocalTools:
    """The commands of the extension's local port, as JSON over TCP: one connection, one call at a time."""

    def __init__(self, address: str) -> None:
        self.host, _, self.port = address.rpartition(":")
        self.line = asyncio.Lock()
        self.stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.specs = []
        for name, (about, parameters) in LOCAL_TOOLS.items():
            types = {parameter: {"type": kind} for parameter, kind in parameters.items()}
            schema = {"type": "object", "properties": types, "required": list(types)}
            self.specs.append(spec(f"blender_{name}", about, schema))

    async def __aenter__(self) -> LocalTools:
        await self.call("ping", {})
        return self

    async def __aexit__(self, *why: object) -> None:
        if self.stream is not None:
            self.stream[1].close()
            self.stream = None

    async def call(self, name: str, arguments: dict[str, Any]) -> Outcome:
        async with self.line:
            try:
                reply = await self._ask({"type": name.removeprefix("blender_"), "params": arguments})
            except BaseException:
                await self.__aexit__()  # a late answer must not be taken for the next one
                raise
        if reply.get("status") != "success":
            return f"error: {reply.get('message')}", []
        result = reply.get("result")
        image = result.pop("image", None) if isinstance(result, dict) else None
        images = [f"data:{image['mime_type']};base64,{image['data']}"] if image else []
        return json.dumps(result, ensure_ascii=False), images

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.stream is None:
            self.stream = await asyncio.open_connection(self.host or "127.0.0.1", int(self.port))
        reader, writer = self.stream
        writer.write(json.dumps(request).encode())
        received = b""
        while piece := await reader.read(1 << 20):
            received += piece
            if received.endswith(b"}"):
                with contextlib.suppress(ValueError):  # an answer has ended when it can be read
                    return json.loads(received)
        raise ConnectionError("Blender closed the connection")


def spec(name: str, about: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}


class Chat:
    """A conversation as turns: each begins with what the user said and holds all that came of it."""

    def __init__(self, api: openai.AsyncOpenAI, model: str, tools: Any, steps: int, images: bool) -> None:
        self.api, self.model, self.tools, self.steps, self.images = api, model, tools, steps, images
        self.turns: list[list[Message]] = []
        self.running: asyncio.Task[None] | None = None

    async def say(self, said: str) -> None:
        """Take a turn to its end, to the last step allowed, or to its cancellation; the conversation stays sound."""
        turn: list[Message] = [{"role": "user", "content": said}]
        self.turns.append(turn)
        self.running = asyncio.current_task()
        try:
            await self._steps(turn)
        except asyncio.CancelledError:
            settle(turn, "(the user interrupted this)")
            show("\n[interrupted]\n")
        except openai.OpenAIError as error:
            settle(turn, "(this turn ended with an error of the model's service)")
            show(f"\n[error] {explained(error, self.model)}\n")

    async def _steps(self, turn: list[Message]) -> None:
        for _ in range(self.steps):
            trim(self.turns)
            answer = await self._answer()
            turn.append(answer)
            if not (calls := answer.get("tool_calls")):
                return
            await self._run(calls, turn)
        settle(turn, "(stopped: too many steps)")
        show(f'[stopped after {self.steps} steps; say "go on" to go on]\n')

    async def _answer(self) -> Message:
        """Ask the model until it has answered; be patient with a service that is busy or drops the line."""
        for attempt in range(TRIES):
            try:
                return await self._stream()
            except openai.BadRequestError:
                if not (self.images and forget_images(self.turns, 0)):
                    raise
                self.images = False
                show("[the model was refused its request; trying again without pictures]\n")
            except (BrokenOff, openai.RateLimitError, openai.APIConnectionError, openai.InternalServerError) as error:
                pause = pause_after(error, attempt)
                if pause is None or attempt == TRIES - 1:
                    raise
                show(f"\n[{type(error).__name__}: asking again in {pause:.0f} s]\n")
                await asyncio.sleep(pause)
        raise openai.OpenAIError("the model's service refused again and again")

    async def _stream(self) -> Message:
        """One request. Raises BrokenOff, and then nothing of the answer is acted upon."""
        sent = [{"role": "system", "content": SYSTEM}, *(message for turn in self.turns for message in turn)]
        asked = {"model": self.model, "messages": sent, "tools": self.tools.specs}
        stream = await self.api.chat.completions.create(**asked, stream=True)
        text, calls, finished = "", {}, False
        try:
            async for chunk in stream:
                for choice in chunk.choices[:1]:
                    if piece := choice.delta.content:
                        text += piece
                        show(piece)
                    for piece in choice.delta.tool_calls or []:
                        function = {"name": "", "arguments": ""}
                        begun = {"id": f"call-{piece.index}", "type": "function", "function": function}
                        call = calls.setdefault(piece.index, begun)
                        call["id"] = piece.id or call["id"]
                        if piece.function:
                            call["function"]["name"] += piece.function.name or ""
                            call["function"]["arguments"] += piece.function.arguments or ""
                    finished = finished or choice.finish_reason is not None
        except openai.OpenAIError:
            raise
        except Exception as error:  # of the HTTP library below
            raise BrokenOff(f"the answer broke off: {error}") from error
        if not finished:
            raise BrokenOff("the answer broke off")
        show("\n" if text else "")
        message: Message = {"role": "assistant", "content": text or None}
        return message | ({"tool_calls": [calls[index] for index in sorted(calls)]} if calls else {})

    async def _run(self, calls: list[dict[str, Any]], turn: list[Message]) -> None:
        """Run calls: those for one Blender one after the other, those for several at the same time."""
        lanes: dict[str, list[dict[str, Any]]] = {}
        for call in calls:
            arguments = decoded(call["function"])
            lanes.setdefault(str((arguments or {}).get("target_uuid")), []).append(call)
        pictures: list[dict[str, Any]] = []

        async def run_lane(lane: list[dict[str, Any]]) -> None:
            for call in lane:
                text, images = await self._call(call["function"])
                turn.append({"role": "tool", "tool_call_id": call["id"], "content": text})
                for image in images:
                    pictures.append({"type": "text", "text": f"The picture of {call['id']}:"})
                    pictures.append({"type": "image_url", "image_url": {"url": image}})

        await asyncio.gather(*map(run_lane, lanes.values()))
        if pictures and self.images:
            turn.append({"role": "user", "content": pictures})

    async def _call(self, function: dict[str, str]) -> Outcome:
        arguments = decoded(function)
        name, known = function["name"], [one["function"]["name"] for one in self.tools.specs]
        show(f"→ {name} {shortened(function['arguments'], 200)}\n")
        text, images = "", []
        if name not in known:
            text = f"error: there is no tool {name!r}; the tools are {', '.join(known)}"
        elif arguments is None:
            text = f"error: the arguments must be one JSON object; these are not: {function['arguments']!r}"
            function["arguments"] = "{}"  # some services refuse a conversation with what is no JSON
        else:
            try:
                text, images = await self.tools.call(name, arguments)
            except Exception as error:
                text = f"error: {type(error).__name__}: {error}"
        show(f"← {shortened(text, 200)}{' + a picture' * bool(images)}\n")
        return shortened(text, MAX_TOOL_TEXT), images


def decoded(function: dict[str, str]) -> dict[str, Any] | None:
    """Return a call's arguments, or None if they are no JSON object."""
    try:
        arguments = json.loads(function["arguments"] or "{}")
    except (ValueError, RecursionError):
        return None
    return arguments if isinstance(arguments, dict) else None


def settle(turn: list[Message], why: str) -> None:
    """Make an unfinished turn one that can be sent: every call has an answer, and the last word is the model's."""
    asked = max((number for number, message in enumerate(turn) if message.get("tool_calls")), default=0)
    answered = {message.get("tool_call_id") for message in turn[asked:]}
    missing = [call["id"] for call in turn[asked].get("tool_calls", []) if call["id"] not in answered]
    turn += [{"role": "tool", "tool_call_id": identifier, "content": why} for identifier in missing]
    turn.append({"role": "assistant", "content": why})


def trim(turns: list[list[Message]]) -> None:
    """Keep the conversation within bounds: old pictures go first, then whole turns, then the length of old answers."""
    forget_images(turns, IMAGES_KEPT)
    while len(turns) > 1 and sum(map(size, turns)) > MAX_HISTORY:
        del turns[0]
    for message in turns[-1][:-1]:
        if sum(map(size, turns)) <= MAX_HISTORY:
            return
        if message["role"] == "tool":
            message["content"] = shortened(message["content"], 500)


def size(turn: list[Message]) -> int:
    pictures = sum(isinstance(message["content"], list) for message in turn)
    return pictures * IMAGE_COST + sum(len(json.dumps(m)) for m in turn if not isinstance(m["content"], list))


def forget_images(turns: list[list[Message]], kept: int) -> int:
    """Replace all pictures but the last ones by words; return how many were replaced."""
    shown = [message for turn in turns for message in turn if isinstance(message["content"], list)]
    forgotten = shown[: len(shown) - kept]
    for message in forgotten:
        message["content"] = "(a picture was here)"
    return len(forgotten)


def pause_after(error: openai.OpenAIError, attempt: int) -> float | None:
    """Return the seconds to wait before the next try, or None if there is no use in it."""
    if getattr(error, "code", None) == "insufficient_quota":
        return None
    try:
        asked = float(error.response.headers["retry-after"])  # type: ignore[attr-defined]
    except (AttributeError, KeyError, ValueError):
        return min(LONGEST_PAUSE, 2.0**attempt)
    return asked if 0 <= asked <= LONGEST_PAUSE else None


def explained(error: openai.OpenAIError, model: str) -> str:
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return f"the service refused the key; check OPENAI_API_KEY and OPENAI_BASE_URL ({error})"
    if isinstance(error, openai.NotFoundError):
        return f"the service does not know {model!r}; check CHAT_MODEL and OPENAI_BASE_URL ({error})"
    return f"{type(error).__name__}: {error}"


def shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return f"{text[: limit // 2]} [... {len(text) - limit} characters ...] {text[-limit // 2 :]}"


def show(text: str) -> None:
    print(CONTROL.sub("", text), end="", flush=True)


class Background:
    """An event loop on a thread of its own, so that the prompt has the main thread, where Ctrl-C arrives."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine: Any, chat: Chat | None = None) -> Any:
        """Wait for a coroutine; with a chat, Ctrl-C cancels its turn."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        while True:
            try:
                return future.result(0.5)
            except TimeoutError:
                if future.done():
                    return future.result()
            except KeyboardInterrupt:
                if chat is None:
                    raise
                self.loop.call_soon_threadsafe(lambda: chat.running and chat.running.cancel())


def converse(background: Background, chat: Chat) -> None:
    while True:
        try:
            said = input("\nyou> ").strip()
            if said == "/quit":
                return
            if said == "/new":
                chat.turns.clear()
            elif said:
                background.run(chat.say(said), chat)
        except KeyboardInterrupt:
            show("\n[Ctrl-D or /quit ends]")
        except EOFError:
            return


def main() -> None:
    load_dotenv(Path.cwd() / ".env")
    parser = argparse.ArgumentParser(description="Chat with a model that works in your Blender.")
    parser.add_argument("url", nargs="?", default="http://localhost:8787/", help="MCP endpoint of the server")
    parser.add_argument("--token", default=os.environ.get("BLENDER_BUS_TOKEN"), help="without one a browser opens")
    parser.add_argument("--local", nargs="?", const="127.0.0.1:9876", metavar="HOST:PORT", help="no server")
    parser.add_argument("--model", default=os.environ.get("CHAT_MODEL"), help="(CHAT_MODEL)")
    parser.add_argument("--steps", type=int, default=40, help="calls of the model in one turn")
    parser.add_argument("--no-images", dest="images", action="store_false", help="for models that take no pictures")
    options = parser.parse_args()
    if not options.model or not os.environ.get("OPENAI_API_KEY"):
        parser.error("OPENAI_API_KEY and CHAT_MODEL (or --model) must be set, in the environment or in .env")
    background = Background()
    tools = LocalTools(options.local) if options.local else BusTools(options.url, options.token)
    try:
        background.run(tools.__aenter__())
    except Exception as error:
        sys.exit(f"{options.local or options.url} cannot be used: {error}")
    chat = Chat(openai.AsyncOpenAI(max_retries=0, timeout=120.0), options.model, tools, options.steps, options.images)
    show(f"{options.model} with {len(tools.specs)} tools of {options.local or options.url}\n")
    try:
        converse(background, chat)
    finally:
        background.run(tools.__aexit__())


if __name__ == "__main__":
    main()
