"""Answers as they leave the socket: head and body together, a head without a body alone, and none kept back."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from api.door import BODY_IS_HERE
from api.serving import bind, serve

app = FastAPI()


@app.api_route("/whole", methods=["GET", "HEAD"])
async def whole():
    return PlainTextResponse("all of it")


@app.get("/nothing")
async def nothing():
    return Response(status_code=204)


@app.get("/stream")
async def stream():
    async def words():
        await asyncio.Event().wait()
        yield b"never"

    return StreamingResponse(words())


@app.get("/broken")
async def broken():
    async def words():
        yield b"some"
        raise ConnectionError("the rest is lost")

    return StreamingResponse(words(), headers={"Content-Length": "100"})


@app.get("/a-body-like-a-head")
async def like_a_head():
    return PlainTextResponse("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")


@app.post("/was-it-here")
async def was_it_here(request: Request):
    return PlainTextResponse(f"{BODY_IS_HERE in request.scope.get('extensions', {})} {len(await request.body())}")


@asynccontextmanager
async def connected():
    sock, started, stop = bind("127.0.0.1", 0), asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve(app, sock, started, stop))
    await asyncio.wait_for(started.wait(), 10)
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        writer.close()
        stop.set()
        await asyncio.wait_for(serving, 15)


def asking(path: str, method: str = "GET", more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: here\r\n{more}\r\n".encode()


async def answered(reader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), 0)
    return head, await reader.readexactly(length)


async def test_head_and_body_come_in_one_piece():
    async with connected() as (reader, writer):
        for _ in range(20):
            writer.write(asking("/whole"))
            piece = await reader.read(65536)
            assert piece.startswith(b"HTTP/1.1 200 OK\r\n")
            assert piece.endswith(b"\r\n\r\nall of it")


@pytest.mark.parametrize(("path", "method", "status"), [("/whole", "HEAD", 200), ("/nothing", "GET", 204), ("/stream", "GET", 200)])
async def test_a_head_is_sent_where_no_body_follows_or_where_it_takes_long(path, method, status):
    async with connected() as (reader, writer):
        writer.write(asking(path, method))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(f"HTTP/1.1 {status} ".encode())


async def test_requests_in_one_piece_are_answered_in_their_order():
    async with connected() as (reader, writer):
        writer.write(asking("/whole") + asking("/a-body-like-a-head") + asking("/nothing") + asking("/whole"))
        bodies = [(await answered(reader))[1] for _ in range(4)]
        assert bodies == [b"all of it", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", b"", b"all of it"]


@pytest.mark.parametrize("more", ["Connection: close\r\n", ""])
async def test_an_answer_is_whole_before_the_connection_is_closed(more):
    async with connected() as (reader, writer):
        writer.write(asking("/whole", more=more))
        if not more:
            writer.write_eof()
        assert (await reader.read()).endswith(b"all of it")


async def test_an_answer_that_breaks_off_ends_with_its_connection():
    async with connected() as (reader, writer):
        writer.write(asking("/broken"))
        assert (await reader.read()).endswith(b"\r\n\r\nsome")


async def test_only_a_body_that_has_come_whole_is_said_to_be_here():
    async with connected() as (reader, writer):
        whole = asking("/was-it-here", "POST", "Content-Length: 6\r\n")
        writer.write(whole + b"abcdef")
        assert (await answered(reader))[1] == b"True 6"
        writer.write(asking("/was-it-here", "POST", "Content-Length: 6\r\nExpect: 100-continue\r\n"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")  # the application reads by now
        writer.write(b"abcdef")
        assert (await answered(reader))[1] == b"False 6"
