/**
 * Frames over WebSocket, byte by byte (PROTOCOL.md, "WebSocket"; RFC 6455, sections 5 and 7): lengths, fragments,
 * control frames, what ends the connection and with which close code, and that nothing before the fault is lost.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { webSocket } from "./carriers.ts";
import { type NativeServer, startNativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";
import type { BareWebSocketOptions } from "./web-socket-link.ts";
import { clientFrame, closeFrame, opcodes, type ServerFrame } from "./web-socket-wire.ts";

const maxFrameBytes = 70_000;
const invalidUtf8 = Buffer.from('{"op":"ping","pad":"\xff"}', "latin1");

async function alice(
  t: TestContext,
  options: BareWebSocketOptions = {},
): Promise<{ server: NativeServer; peer: Peer; frames: ServerFrame[] }> {
  const server = await startNativeServer(t, { "limits.maxFrameBytes": maxFrameBytes });
  const frames: ServerFrame[] = [];
  const peer = await Peer.webSocket(server, { ...options, onFrame: (frame) => frames.push(frame) });
  await peer.hello({ user: "alice", device: "d" });
  await peer.expect("live");
  return { server, peer, frames };
}

const ping = (ref: string) => JSON.stringify({ op: "ping", ref });
const control = (opcode: number, payload = "") => clientFrame(payload, { opcode });
/** A message in fragments. */
function fragments(...parts: readonly (string | Buffer)[]): Buffer[] {
  return parts.map((part, at) =>
    clientFrame(part, { opcode: at === 0 ? opcodes.text : opcodes.continuation, fin: at === parts.length - 1 }),
  );
}

describe("WebSocket messages", () => {
  for (const bytes of [125, 126, 65_535, 65_536, maxFrameBytes]) {
    it(`of ${bytes} bytes go both ways`, async (t) => {
      const { peer } = await alice(t);
      const empty = JSON.stringify({ op: "send", to: "alice", body: "" });
      const body = "x".repeat(bytes - empty.length);
      peer.sendTexts(JSON.stringify({ op: "send", to: "alice", body }));
      await peer.expect("message", { body });
      await peer.expect("ok");
    });
  }

  it("of every length around a header's edge come back with the shortest header", async (t) => {
    const { peer } = await alice(t);
    // The parser of `web-socket-wire.ts` throws where a length is not written as short as it can be.
    for (let length = 1; length <= 64; length++) {
      const ref = "r".repeat(length);
      await peer.ask({ op: "ping", ref }, "pong", { ref });
    }
  });

  it("may be split at every byte, header included", async (t) => {
    const { peer } = await alice(t);
    const frame = clientFrame(ping("é"));
    for (let at = 1; at < frame.length; at++) {
      peer.link.write(frame.subarray(0, at));
      await setImmediate();
      await setImmediate();
      peer.link.write(frame.subarray(at));
      await peer.expect("pong", { ref: "é" });
    }
  });

  it("may be fragmented at every byte, within a character too, with pings in between", async (t) => {
    const { peer, frames } = await alice(t);
    const text = Buffer.from(ping("é😀"));
    for (let at = 0; at <= text.length; at++) {
      const [first, second] = fragments(text.subarray(0, at), text.subarray(at)) as [Buffer, Buffer];
      peer.link.write(Buffer.concat([first, control(opcodes.ping, `at ${at}`), second]));
      await peer.expect("pong", { ref: "é😀" });
      assert.deepEqual(frames.at(-2), { opcode: opcodes.pong, payload: Buffer.from(`at ${at}`) });
    }
  });

  it("many at once are carried out in order", async (t) => {
    const { peer } = await alice(t);
    const refs = Array.from({ length: 2000 }, (_, n) => `${n}`);
    peer.sendTexts(...refs.map(ping));
    for (const ref of refs) await peer.expect("pong", { ref });
  });
});

/** What breaks the carrier's rules: the bytes, the close code, and whether an `error` has to come first. */
const faults: readonly [string, readonly Buffer[], closeCode: number, error?: string][] = [
  ["a binary message", [clientFrame(ping("x"), { opcode: opcodes.binary })], 1003, "bad_frame"],
  ["invalid UTF-8", [clientFrame(invalidUtf8)], 1007],
  ["invalid UTF-8 in fragments", fragments(invalidUtf8.subarray(0, 10), invalidUtf8.subarray(10)), 1007],
  ["half a character at the end", [clientFrame(Buffer.from([0x7b, 0xc3]))], 1007],
  ["one byte too many", [clientFrame("x".repeat(maxFrameBytes + 1))], 1009],
  ["one byte too many, in fragments", fragments("x".repeat(maxFrameBytes), "x"), 1009],
  ["a length of 2^31", [clientFrame("", { length: 2 ** 31 })], 1009],
  ["a length of 2^53", [clientFrame("", { length: 2n ** 53n })], 1009],
  ["a length of 2^63", [clientFrame("", { length: 2n ** 63n })], 1009],
  ["a frame without a mask", [clientFrame(ping("x"), { masked: false })], 1002],
  ["a reserved bit", [clientFrame(ping("x"), { reserved: 4 })], 1002],
  ["an opcode that does not exist", [clientFrame("", { opcode: 3 })], 1002],
  ["a control opcode that does not exist", [clientFrame("", { opcode: 11 })], 1002],
  ["a continuation of nothing", [clientFrame("x", { opcode: opcodes.continuation })], 1002],
  ["a message within a message", [...fragments("{", "").slice(0, 1), clientFrame(ping("x"))], 1002],
  ["a ping in fragments", [clientFrame("", { opcode: opcodes.ping, fin: false })], 1002],
  ["a ping of 126 bytes", [clientFrame("x".repeat(126), { opcode: opcodes.ping })], 1002],
  ["a close of one byte", [clientFrame("x", { opcode: opcodes.close })], 1002],
  ["a close with a code that must not be sent", [closeFrame(1005)], 1002],
  ["a close with a reason that is not UTF-8", [closeWithReason(Buffer.from([0xff]))], 1007],
];

function closeWithReason(reason: Buffer): Buffer {
  return clientFrame(Buffer.concat([Buffer.from([0x03, 0xe8]), reason]), { opcode: opcodes.close });
}

describe("WebSocket faults", () => {
  for (const [what, bytes, closeCode, error] of faults) {
    it(`${what} ends the connection with ${closeCode}; what came before is done and answered, what comes after is not`, async (t) => {
      const { server, peer, frames } = await alice(t);
      const send = (body: string) => clientFrame(JSON.stringify({ op: "send", to: "alice", body }));
      const before = process.memoryUsage().arrayBuffers;
      peer.link.write(Buffer.concat([send("before"), clientFrame(ping("1")), ...bytes, send("after")]));
      await peer.expect("pong", { ref: "1" });
      if (error) await peer.expect("error", { code: error, reconnect: false });
      const { code, torn } = await peer.ended();
      assert.deepEqual({ code, torn }, { code: closeCode, torn: false });
      assert.equal(frames.at(-1)?.opcode, opcodes.close, "nothing follows a close frame");
      assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024);
      const again = await Peer.connect(webSocket, server);
      await again.hello({ user: "alice", device: "d" });
      await again.expectBodies("before");
      await again.expect("live");
    });
  }

  it("a peer that does not answer the close is let go of, and is offline at once", async (t) => {
    const { server, peer } = await alice(t, { answersClose: false });
    const other = await Peer.login(webSocket, server, "bob");
    await other.ask({ op: "watch", users: ["alice"] }, "ok");
    await other.untilPresence("alice", true);
    peer.link.write(clientFrame("", { opcode: 3 }));
    await other.untilPresence("alice", false);
    peer.link.cut();
  });
});

describe("WebSocket control frames", () => {
  it("pings are answered with their payload, before hello too", async (t) => {
    const server = await startNativeServer(t);
    const frames: ServerFrame[] = [];
    const peer = await Peer.webSocket(server, { onFrame: (frame) => frames.push(frame) });
    for (const payload of ["", "hello", "x".repeat(125)]) {
      peer.link.write(control(opcodes.ping, payload));
      peer.send({ op: "ping", ref: "after" });
      await peer.expect("pong", { ref: "after" });
      assert.deepEqual(frames.at(-2), { opcode: opcodes.pong, payload: Buffer.from(payload) });
    }
  });

  it("pongs that nobody asked for are ignored", async (t) => {
    const { peer } = await alice(t);
    peer.link.write(control(opcodes.pong, "unasked"));
    await peer.silence();
  });

  for (const [what, frame, code] of [
    ["with a code", closeFrame(1001, "going away"), 1001],
    ["with a code of the application", closeFrame(4321), 4321],
    ["without a code", closeFrame(), undefined],
  ] as const) {
    it(`a close ${what} is answered with the same, after what waits to be written`, async (t) => {
      const { server, peer, frames } = await alice(t);
      const other = await Peer.login(webSocket, server, "bob");
      await other.ask({ op: "watch", users: ["alice"] }, "ok");
      await other.untilPresence("alice", true);
      peer.link.write(Buffer.concat([clientFrame(ping("1")), frame, clientFrame(ping("2"))]));
      await peer.expect("pong", { ref: "1" });
      const { code: closeCode, torn } = await peer.ended();
      assert.deepEqual({ closeCode, torn }, { closeCode: code, torn: false });
      assert.deepEqual(
        frames.slice(-2).map(({ opcode }) => opcode),
        [opcodes.text, opcodes.close],
      );
      await other.untilPresence("alice", false);
    });
  }
});
