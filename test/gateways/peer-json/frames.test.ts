/** `peer-json`, below its messages: where it listens, fragments, what is not text, what is too long, and silence. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shakeHands } from "../../native/web-socket-link.ts";
import { clientFrame, opcodes } from "../../native/web-socket-wire.ts";
import { JsonPeer, startPeerJsonServer } from "./json-peer.ts";

const message = '{"from":"alice","to":"alice","msg":"größer 🎉"}';

describe("the listener", () => {
  it("serves any path, with a query or without", async (t) => {
    const server = await startPeerJsonServer(t);
    for (const path of ["/", "/chat", "/v1/ws", "/a/b?c=d", "//"]) {
      const peer = await JsonPeer.connect(server, { path });
      peer.login("alice");
      assert.deepEqual(await peer.told(), [], path);
    }
  });

  it("takes pages of this machine and of configured origins, and no others", async (t) => {
    const server = await startPeerJsonServer(t, { "http.origins": ["https://chat.example", "null"] });
    for (const [origin, status] of [
      ["http://localhost:8000", 101],
      ["http://127.0.0.1:8000", 101],
      ["https://chat.example", 101],
      ["null", 101],
      ["https://evil.example", 403],
    ] as const) {
      const answer = await shakeHands(server.webSocketPort, { path: "/", headers: { Origin: origin } });
      assert.equal(answer.status, status, origin);
      answer.socket.destroy();
    }
  });

  it("says to a browser what it is", async (t) => {
    const { webSocketPort } = await startPeerJsonServer(t);
    const answer = await fetch(`http://127.0.0.1:${webSocketPort}/`);
    assert.equal(await answer.text(), `This is Parley. WebSockets: ws://127.0.0.1:${webSocketPort}/\n`);
  });
});

describe("frames", () => {
  it("may be split and merged at every byte", async (t) => {
    const peer = await JsonPeer.join(await startPeerJsonServer(t), "alice");
    const bytes = Buffer.concat([clientFrame(message), clientFrame(message)]);
    for (let at = 1; at < bytes.length; at++) {
      peer.text.link.write(bytes.subarray(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      peer.text.link.write(bytes.subarray(at));
    }
    for (let n = 0; n < 2 * (bytes.length - 1); n++) await peer.expectFrom("alice", "größer 🎉");
    for (const byte of bytes) {
      peer.text.link.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await peer.expectFrom("alice", "größer 🎉", "größer 🎉");
  });

  it("may come in fragments, cut within characters too, with pings between", async (t) => {
    const peer = await JsonPeer.join(await startPeerJsonServer(t), "alice");
    const bytes = Buffer.from(message);
    for (let at = 0; at <= bytes.length; at++) peer.text.sendFragments(bytes.subarray(0, at), bytes.subarray(at));
    for (let at = 0; at <= bytes.length; at++) await peer.expectFrom("alice", "größer 🎉");
    peer.text.sendFrame(bytes.subarray(0, 5), { fin: false });
    peer.text.sendFrame("ping", { opcode: opcodes.ping });
    peer.text.sendFrame(bytes.subarray(5), { opcode: opcodes.continuation });
    await peer.expectFrom("alice", "größer 🎉");
  });

  it("of bytes are refused in their turn, and the connection stays", async (t) => {
    const peer = await JsonPeer.connect(await startPeerJsonServer(t));
    peer.login("alice");
    peer.text.sendFrame(message, { opcode: opcodes.binary });
    peer.text.send(message, "nonsense");
    await peer.expect({ error: "this protocol is JSON text" });
    await peer.expectError("this is not JSON");
    await peer.expectFrom("alice", "größer 🎉");
  });

  for (const [what, bytes, code] of [
    ["longer than the limit", clientFrame("x".repeat(70_001)), 1009],
    ["said to be of 2^53 bytes", clientFrame("", { length: 2n ** 53n }), 1009],
    ["not UTF-8", clientFrame(Buffer.from([0x22, 0xff, 0x22])), 1007],
    ["not masked", clientFrame(message, { masked: false }), 1002],
    ["no WebSocket frames at all", Buffer.from("GET / HTTP/1.1\r\n\r\n"), 1002],
  ] as const) {
    it(`${what} end the connection with ${code}; what came before counts, others notice nothing`, async (t) => {
      const server = await startPeerJsonServer(t, { "limits.maxFrameBytes": 70_000 });
      const bob = await JsonPeer.join(server, "bob");
      const alice = await JsonPeer.join(server, "alice");
      alice.say("bob", "before");
      alice.text.link.write(bytes);
      const end = await alice.text.ended();
      assert.deepEqual({ code: end.code, torn: end.torn }, { code, torn: false });
      await bob.expectFrom("alice", "before");
      bob.say("alice", "are you there?");
      await bob.expectError("connection to alice closed");
    });
  }
});

describe("silence", () => {
  const settings = { "limits.idleMs": 300 };

  it("of a peer that answers pings is no reason to end it, logged in or not", async (t) => {
    const server = await startPeerJsonServer(t, settings);
    let pings = 0;
    const peer = await JsonPeer.connect(server, {
      onFrame: ({ opcode }) => {
        if (opcode === opcodes.ping) pings += 1;
      },
    });
    while (pings < 5) await new Promise((resolve) => setTimeout(resolve, 20));
    peer.login("alice");
    while (pings < 10) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(await peer.told(), []);
  });

  it("of one that does not ends it, logged in or not", async (t) => {
    const server = await startPeerJsonServer(t, settings);
    const early = await JsonPeer.connect(server, { answersPings: false });
    const alice = await JsonPeer.connect(server, { answersPings: false });
    alice.login("alice");
    assert.equal((await early.text.ended()).code, 4004);
    assert.equal((await alice.text.ended()).code, 4004);
    const bob = await JsonPeer.join(server, "bob");
    bob.say("alice", "are you there?");
    await bob.expectError("connection to alice closed");
  });
});
