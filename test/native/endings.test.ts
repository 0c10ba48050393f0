/** How connections end: bye, idle, shutting_down (PROTOCOL.md, "Life of a connection" 7 and 9, `ping`, `bye`, "Errors"). */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { overEachCarrier, tcp, webSocket } from "./carriers.ts";
import { startNativeServer } from "./native-server.ts";
import { Peer } from "./peer.ts";
import { tcpFrame } from "./tcp-link.ts";
import { closeFrame, opcodes } from "./web-socket-wire.ts";

const idleMs = 300;

overEachCarrier("ping", (carrier) => {
  it("is answered by pong with its ref and the server's clock", async (t) => {
    const peer = await Peer.login(carrier, await startNativeServer(t), "alice");
    const before = Date.now();
    const { ts, ...pong } = await peer.ask({ op: "ping", ref: "10" }, "pong");
    assert.deepEqual(pong, { op: "pong", ref: "10" });
    assert.ok(ts >= before && ts <= Date.now());
    assert.deepEqual(Object.keys(await peer.ask({ op: "ping" }, "pong")).sort(), ["op", "ts"]);
  });
});

overEachCarrier("bye", (carrier) => {
  it("closes after what was sent before it is done; what comes after it is not taken", async (t) => {
    const server = await startNativeServer(t);
    const bob = await Peer.login(carrier, server, "bob");
    await bob.ask({ op: "watch", users: ["alice"] }, "ok");
    await bob.expect("presence");
    const alice = await Peer.login(carrier, server, "alice");
    await bob.untilPresence("alice", true);
    const send = (body: string) => ({ op: "send", to: "bob", body });
    alice.send(send("before"), { op: "ping" }, { op: "bye" }, send("after"), { op: "ping" });
    await alice.expect("pong");
    await alice.endsBy("bye");
    await bob.expectBodies("before");
    await bob.untilPresence("alice", false);
    await bob.silence();
  });
});

overEachCarrier("idle", (carrier) => {
  it("is told after limits.idleMs without a byte, and asks to connect again", async (t) => {
    const server = await startNativeServer(t, { "limits.idleMs": idleMs });
    const options = { answersPings: false };
    const peer = carrier === webSocket ? await Peer.webSocket(server, options) : await Peer.connect(carrier, server);
    await peer.hello({ user: "alice" });
    const quietSince = performance.now();
    await peer.expect("live");
    await peer.expect("error", { code: "idle", reconnect: true });
    const quietMs = performance.now() - quietSince;
    await peer.endsBy("idle");
    assert.ok(quietMs > idleMs * 0.9, `${quietMs}`);
    assert.ok(quietMs < idleMs * 2.5, `${quietMs}`);
  });

  it("does not come to who says something in time, be it a part of a frame", async (t) => {
    const server = await startNativeServer(t, { "limits.idleMs": idleMs });
    const other = await Peer.webSocket(server, {});
    await other.hello({ user: "bob" });
    await other.expect("live");
    const options = { answersPings: false };
    const peer = carrier === webSocket ? await Peer.webSocket(server, options) : await Peer.connect(carrier, server);
    await peer.hello({ user: "alice" });
    await peer.expect("live");
    const frame = peer.link.frame(JSON.stringify({ op: "ping", ref: "at last", pad: "x".repeat(50) }));
    const end = performance.now() + idleMs * 3;
    for (let at = 0; at < frame.length - 1; at++) {
      peer.link.write(frame.subarray(at, at + 1));
      const next = performance.now() + (idleMs * 3) / frame.length;
      while (performance.now() < next) await other.told();
    }
    assert.ok(performance.now() >= end * 0.9);
    peer.link.write(frame.subarray(-1));
    await peer.expect("pong", { ref: "at last" });
  });
});

describe("idle over WebSocket", () => {
  it("does not come to who only answers the server's pings", async (t) => {
    const server = await startNativeServer(t, { "limits.idleMs": idleMs });
    let pings = 0;
    const onFrame = ({ opcode }: { opcode: number }) => {
      if (opcode === opcodes.ping) pings += 1;
    };
    const peer = await Peer.webSocket(server, { onFrame });
    await peer.hello({ user: "alice" });
    await peer.expect("live");
    const other = await Peer.login(tcp, server, "bob");
    const end = performance.now() + idleMs * 3;
    while (performance.now() < end) await other.told();
    assert.ok(pings >= 6, `${pings}`);
    await peer.silence();
  });
});

overEachCarrier("shutting_down", (carrier) => {
  it("is told to everybody, logged in or not, and asks to connect again; then the port is free", async (t) => {
    const server = await startNativeServer(t);
    const early = await Peer.connect(carrier, server);
    await early.ask({ op: "ping" }, "pong");
    const alice = await Peer.login(carrier, server, "alice");
    const began = performance.now();
    const stopped = server.stop();
    for (const peer of [alice, early]) {
      await peer.expect("bye", { code: "shutting_down", reconnect: true });
      await peer.endsBy("shutting_down");
    }
    await stopped;
    assert.ok(performance.now() - began < 1500, "nobody was waited for in vain");
    const port = carrier === tcp ? server.tcpPort : server.webSocketPort;
    const error = await new Promise((resolve) => connect(port, "127.0.0.1").on("error", resolve));
    assert.equal((error as NodeJS.ErrnoException).code, "ECONNREFUSED");
  });

  it("loses nothing that was under way: it is answered, or was not stored", async (t) => {
    const running = await startNativeServer(t, { engine: "level" });
    const alice = await Peer.login(carrier, running, "alice", { device: "d" });
    const bodies = Array.from({ length: 200 }, (_, n) => `${n}`);
    alice.send(...bodies.map((body) => ({ op: "send", to: "alice", clientId: body, body })));
    const first = await alice.next();
    const stopped = running.stop();
    const answered = new Set<string | undefined>();
    for (let message = first; message.op !== "bye"; message = await alice.next()) {
      if (message.op === "ok") answered.add(message.clientId);
    }
    await stopped;
    const restarted = await startNativeServer(t, { engine: "level" });
    const back = await Peer.connect(carrier, restarted);
    await back.hello({ user: "alice", device: "d" });
    const stored: (string | undefined)[] = [];
    for (let message = await back.next(); message.op === "message"; message = await back.next())
      stored.push(message.clientId);
    assert.deepEqual(stored, bodies.slice(0, stored.length));
    assert.deepEqual([...answered], stored.slice(0, answered.size));
  });
});

describe("a peer that does not let go", { concurrency: true }, () => {
  it("does not keep a server from stopping", async (t) => {
    const server = await startNativeServer(t);
    const deaf = await Peer.webSocket(server, { answersClose: false });
    await deaf.hello({ user: "alice" });
    deaf.link.pause();
    const began = performance.now();
    await server.stop();
    assert.ok(performance.now() - began < 4000);
    deaf.link.cut();
  });

  it("that answers a close late is done with after it", async (t) => {
    const server = await startNativeServer(t);
    const other = await Peer.login(tcp, server, "bob");
    let closing = false;
    const onFrame = ({ opcode }: { opcode: number }) => {
      if (opcode === opcodes.close) closing = true;
    };
    const late = await Peer.webSocket(server, { answersClose: false, onFrame });
    await late.hello({ user: "alice" });
    await late.expect("live");
    late.send({ op: "bye" });
    while (!closing) await other.told();
    late.link.write(closeFrame(1000));
    assert.deepEqual(await late.ended(), { code: 1000, reason: "bye", torn: false });
  });

  it("of TCP is cut after a while", async (t) => {
    const server = await startNativeServer(t);
    const other = await Peer.login(tcp, server, "bob");
    const socket = connect({ port: server.tcpPort, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    socket.resume().write(tcpFrame('{"op":"bye"}'));
    await once(socket, "end");
    const ended = performance.now();
    // What is sent to who has let go comes back as a reset.
    while (!socket.destroyed && performance.now() - ended < 10_000) {
      await other.told();
      socket.write("?");
    }
    assertLingered(performance.now() - ended);
    socket.destroy();
  });

  it("of WebSocket is cut after a while", async (t) => {
    const server = await startNativeServer(t);
    const deaf = await Peer.webSocket(server, { answersClose: false });
    const asked = performance.now();
    deaf.send({ op: "bye" });
    await deaf.ended(10_000);
    assertLingered(performance.now() - asked);
  });
});

/** Long enough for a slow peer to read the last words, and no longer. */
function assertLingered(ms: number): void {
  assert.ok(ms > 4_500 && ms < 8_000, `${ms} ms`);
}
