"""The two framings of the local port, without sockets."""

from __future__ import annotations

import json
import time

import pytest

from addon.link.local_framing import BadRequest, Framing, RequestReader, failure, success

EXECUTE = b'{"type":"execute","code":"1","strict_json":true}'


def read(*pieces: bytes, max_bytes: int = 1_000_000) -> tuple[RequestReader, list[dict[str, object]]]:
    reader, found = RequestReader(max_bytes), []
    for piece in pieces:
        reader.feed(piece)
        while (request := reader.next_request()) is not None:
            found.append(request.body)
    return reader, found


def test_first_request_with_a_nul_is_nul_framed() -> None:
    reader, found = read(b'{"type":"execute"}\0')
    assert (reader.framing, found) == (Framing.NUL, [{"type": "execute"}])


@pytest.mark.parametrize("rest", [b"", b"\n", b"\0"])
def test_execute_with_strict_json_is_nul_framed_whatever_follows(rest: bytes) -> None:
    reader, found = read(EXECUTE + rest)
    assert reader.framing is Framing.NUL
    assert len(found) == 1


@pytest.mark.parametrize("text", [b'{"type":"execute","code":"1"}', b'{"type":"ping"}', b' \n{"strict_json":true}'])
def test_any_other_complete_object_is_bare(text: bytes) -> None:
    assert read(text)[0].framing is Framing.BARE


def test_request_in_single_bytes_is_complete_with_its_last_brace() -> None:
    text = json.dumps(
        {"type": "x", "params": {"a": ["}", '"', "\\", "é€😀", {"b": "]{["}]}}, ensure_ascii=False
    ).encode()
    reader, found = read(*(bytes([byte]) for byte in text[:-1]))
    assert (found, reader.partial, reader.framing) == ([], True, Framing.UNKNOWN)
    reader.feed(text[-1:])
    request = reader.next_request()
    assert request is not None
    assert request.body == json.loads(text)


def test_cut_utf8_sequence_is_incomplete_not_wrong() -> None:
    text = '{"type":"é"}'.encode()
    reader, found = read(text[:10])
    assert found == []
    reader.feed(text[10:])
    assert reader.next_request() is not None


def test_requests_in_one_piece_come_out_in_order() -> None:
    _, found = read(b'{"type":"a"}{"type":"b"}\n {"type":"c"} {"typ', b'e":"d"}')
    assert [body["type"] for body in found] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "garbage",
    [b"POST / HTTP/1.1\r\n", b"[1]", b"123", b'"x"', b"\xff\xfe", b"nonsense\0", b'{"a":}', b'{"a":1]', b"\0",
     b'{"a":"\x00"}', b'{"a":"\xff"}', b'{"a":' * 50_000 + b"1" + b"}" * 50_000],
)  # fmt: skip
def test_garbage_is_refused_at_once(garbage: bytes) -> None:
    with pytest.raises(BadRequest):
        read(garbage)


def test_too_large_a_request_is_refused_before_it_is_complete() -> None:
    with pytest.raises(BadRequest, match="at most 1000 bytes"):
        read(b'{"a":"', b"x" * 2000, max_bytes=1000)


def test_large_request_in_small_pieces_is_read_in_linear_time() -> None:
    text = b'{"type":"x","params":{"code":"' + b"\\n" * 4_000_000 + b'"}}'
    started = time.monotonic()
    _, found = read(*(text[at : at + 4096] for at in range(0, len(text), 4096)), max_bytes=32_000_000)
    assert len(found) == 1
    assert time.monotonic() - started < 10


def test_replies_have_the_shape_of_their_framing() -> None:
    assert success(Framing.BARE, '{"pong":true}') == b'{"status":"success","result":{"pong":true}}'
    assert success(Framing.NUL, '{"result":1,"stdout":""}') == b'{"status":"ok","result":1,"stdout":""}\0'
    assert failure(Framing.BARE, "no") == b'{"status": "error", "message": "no"}'
    assert failure(Framing.NUL, "no") == b'{"status": "error", "message": "no"}\0'


def published_loop(reply: bytes) -> object:
    """Receive as every published server does: pieces of 8192 bytes, each time all of it decoded and parsed."""
    data = b""
    for at in range(0, len(reply), 8192):
        data += reply[at : at + 8192]
        try:
            return json.loads(data.decode("utf-8"))
        except json.JSONDecodeError:
            continue
    raise AssertionError("incomplete")


@pytest.mark.parametrize("text", ["\u6905" * 3000, "\U0001f600" * 3000, "\u00e9" * 9000, "\ud800 lone"])
@pytest.mark.parametrize("shift", range(4))
def test_bare_replies_survive_being_cut_anywhere(text: str, shift: int) -> None:
    result = json.dumps("a" * shift + text, ensure_ascii=False)
    assert published_loop(success(Framing.BARE, result)) == {"status": "success", "result": "a" * shift + text}
    reply = published_loop(failure(Framing.BARE, "a" * shift + text.replace("\ud800", "")))
    assert reply == {"status": "error", "message": "a" * shift + text.replace("\ud800", "")}


def test_first_request_with_a_command_is_framed_by_lines() -> None:
    reader, found = read(b'{"id":"1","command":"ping","params":{}}\n{"id":"2","command":"ping"}\n')
    assert (reader.framing, len(found)) == (Framing.LINES, 2)
    assert (
        success(Framing.LINES, '{"a":"\u00e9\\n"}', "1") == b'{"id":"1","success":true,"result":{"a":"\\u00e9\\n"}}\n'
    )
    told = failure(Framing.LINES, "no\nway", 7)
    assert told.count(b"\n") == 1
    assert json.loads(told) == {"id": 7, "success": False, "error": "no\nway"}
