/** WebSocket messages in pieces (checklist, point 4): their number is bounded as their bytes are, and nothing is compressed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startNativeServer } from "../native/native-server.ts";
import { shakeHands } from "../native/web-socket-link.ts";
import { clientFrame, opcodes } from "../native/web-socket-wire.ts";
import { TextPeer } from "../support/text-peer.ts";

const hello = JSON.stringify({ op: "hello", user: "alice", device: "d" });
const piece = (text: string, first: boolean, fin: boolean) =>
  clientFrame(text, { opcode: first ? opcodes.text : opcodes.continuation, fin });

describe("a message in fragments", () => {
  it("of a byte each ends the connection long before its bytes are too many, and costs little", async (t) => {
    const { webSocketPort } = await startNativeServer(t);
    const peer = await TextPeer.connect(webSocketPort, { path: "/v1/ws" });
    peer.send(hello);
    await peer.next();
    const before = process.memoryUsage();
    const bytes = Buffer.concat([piece("x", true, false), ...new Array(100_000).fill(piece("x", false, false))]);
    peer.link.write(bytes);
    assert.equal((await peer.ended()).code, 1008);
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const cost = heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers;
    assert.ok(cost < 64 * 1024 * 1024, `${cost} bytes`);
  });

  it("of as many as a long message may have is taken, empty ones too", async (t) => {
    const { webSocketPort } = await startNativeServer(t);
    const peer = await TextPeer.connect(webSocketPort, { path: "/v1/ws" });
    peer.send(hello);
    await peer.next();
    const text = '{"op":"ping","ref":"in pieces"}';
    const empty = new Array<Buffer>(4_000).fill(piece("", false, false));
    peer.link.write(Buffer.concat([piece(text.slice(0, 9), true, false), ...empty, piece(text.slice(9), false, true)]));
    for (;;) {
      const { op, ref } = JSON.parse(await peer.next()) as { op: string; ref?: string };
      if (op !== "pong") continue;
      assert.equal(ref, "in pieces");
      return;
    }
  });
});

describe("compression", () => {
  it("is not agreed to, whatever is offered, on any listener of WebSockets", async (t) => {
    const { webSocketPort } = await startNativeServer(t);
    for (const offer of [
      "permessage-deflate",
      "permessage-deflate; client_max_window_bits=15, x-webkit-deflate-frame",
    ]) {
      const { status, headers, socket } = await shakeHands(webSocketPort, {
        headers: { "Sec-WebSocket-Extensions": offer },
      });
      assert.equal(status, 101);
      assert.equal(headers.has("sec-websocket-extensions"), false);
      socket.destroy();
    }
  });

  it("that was not agreed to ends the connection: a compressed bomb is not opened", async (t) => {
    const { webSocketPort } = await startNativeServer(t);
    const peer = await TextPeer.connect(webSocketPort, { path: "/v1/ws" });
    peer.sendFrame(Buffer.alloc(1000), { opcode: opcodes.text, reserved: 4 });
    assert.equal((await peer.ended()).code, 1002);
  });
});
