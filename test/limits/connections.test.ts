/** How many connections an address may have, how fast they may come, how long nobody may be on one; slow loris. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ChatPeer, frame } from "../gateways/framed-tcp/chat-peer.ts";
import { startChatServer } from "../gateways/framed-tcp/chat-server.ts";
import { JsonPeer, startPeerJsonServer } from "../gateways/peer-json/json-peer.ts";
import { RawAgent } from "../gateways/udp-agent/raw-agent.ts";
import { tcp, webSocket } from "../native/carriers.ts";
import { startNativeServer } from "../native/native-server.ts";
import { Peer } from "../native/peer.ts";
import { shakeHands } from "../native/web-socket-link.ts";
import { type Settings, startInProcess } from "../support/server-in-process.ts";

const everywhere = { "limits.exemptAddresses": [] };
const offer = { headers: { "Sec-WebSocket-Protocol": "parley.v1" } };

/** Tries until the server has noticed that others are gone. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (tries > 50) throw error;
      await delay(50);
    }
  }
}

describe("connections of one address", () => {
  it("are refused beyond the limit: over TCP by a word, over WebSocket by a status, and let in when others are gone", async (t) => {
    const server = await startNativeServer(t, { ...everywhere, "limits.address.connections": 3 });
    const one = await Peer.login(tcp, server, "one");
    const two = await Peer.login(webSocket, server, "two");
    await Peer.login(tcp, server, "three");

    const refused = await Peer.connect(tcp, server);
    await refused.expect("error", { code: "too_many", reconnect: true, retryAfter: 5000 });
    await refused.ended();
    const { socket, status, headers } = await shakeHands(server.webSocketPort, offer);
    assert.deepEqual([status, headers.get("retry-after")], [429, "5"]);
    socket.destroy();
    const page = await fetch(`http://127.0.0.1:${server.webSocketPort}/`);
    assert.deepEqual([page.status, page.headers.get("retry-after")], [429, "5"]);
    await page.text();

    await one.deliver("two", "both still here");
    await one.cut();
    await eventually(() => Peer.login(webSocket, server, "four"));
    await two.cut();
    await eventually(() => Peer.login(tcp, server, "five"));
  });

  it("on which nobody has logged in are counted beside", async (t) => {
    const server = await startNativeServer(t, { ...everywhere, "limits.address.unauthenticated": 2 });
    const strangers = [await Peer.connect(tcp, server), await Peer.connect(webSocket, server)];
    const refused = await Peer.connect(tcp, server);
    await refused.expect("error", { code: "too_many" });
    for (const [i, stranger] of strangers.entries()) await stranger.hello({ user: `user-${i}` });
    await Peer.login(tcp, server, "late");
  });

  it("may not come too fast, and are told when to come", async (t) => {
    const server = await startNativeServer(t, { ...everywhere, "limits.address.connectionsPerSecond": 2 });
    for (let i = 0; i < 4; i++) await (await Peer.login(tcp, server, `user-${i}`)).cut();
    let retryAfter = 0;
    for (let i = 0; i < 20 && retryAfter === 0; i++) {
      const peer = await Peer.connect(tcp, server);
      peer.send({ op: "hello", user: "late" });
      const answer = await peer.next();
      if (answer.op === "error") {
        assert.equal(answer.code, "rate_limited");
        retryAfter = answer.retryAfter ?? 0;
      }
      await peer.ended().catch(() => {});
    }
    assert.ok(retryAfter > 0 && retryAfter <= 500, `${retryAfter}`);
    await delay(retryAfter);
    await eventually(() => Peer.login(tcp, server, "late"));
  });

  it("count on the gateways of other protocols too", async (t) => {
    const json = await startPeerJsonServer(t, { ...everywhere, "limits.address.connections": 1 });
    await JsonPeer.join(json, "alice");
    const { socket, status } = await shakeHands(json.webSocketPort, { path: "/" });
    assert.equal(status, 429);
    socket.destroy();

    const framed = await startChatServer(t, { ...everywhere, "limits.address.connections": 1 });
    const chat = await ChatPeer.guest(framed.port);
    const refused = await ChatPeer.connect(framed.port);
    assert.match(await refused.next(), /has 1 connections already/);
    await refused.untilEnded();
    await chat.hasNothing();

    const ports = { "udpAgent.port": 0, "udpAgent.discoveryPort": 0 };
    const gateways: Settings["gateways"] = ["udp-agent"];
    const udp = { gateways, ...ports, ...everywhere, "limits.address.connections": 1 };
    const { urls } = await startInProcess(t, udp, {});
    const port = Number(urls[0]?.port);
    await RawAgent.login(t, "alice", port);
    const bob = await RawAgent.open(t, "bob", port);
    bob.logIn({ padding: "x".repeat(200) });
    assert.match(String((await bob.next()).content.message_text), /has 1 connections already/);
  });
});

describe("who does not log in", () => {
  for (const carrier of [tcp, webSocket]) {
    it(`is closed after limits.loginMs, over ${carrier.name}`, async (t) => {
      const server = await startNativeServer(t, { "limits.loginMs": 300 });
      const peer = await Peer.connect(carrier, server);
      const began = performance.now();
      await peer.expect("error", { code: "hello_timeout", reconnect: true });
      await peer.endsBy("hello_timeout");
      assert.ok(performance.now() - began > 200);
    });
  }

  it("is closed by peer-json too, with a word, and who does log in is not", async (t) => {
    const server = await startPeerJsonServer(t, { "limits.loginMs": 500 });
    const there = await JsonPeer.join(server, "alice");
    const stranger = await JsonPeer.connect(server);
    await stranger.expectError("nobody logged in within 0.5 seconds");
    await stranger.text.ended();
    assert.deepEqual(await there.told(), []);
  });
});

describe("frames before the login", () => {
  it("are short on peer-json as on the native protocol; what follows the login at once need not be", async (t) => {
    const server = await startPeerJsonServer(t);
    const stranger = await JsonPeer.connect(server);
    stranger.send({ from: "alice", to: "bob", msg: "x".repeat(70_000) });
    assert.equal((await stranger.text.ended()).code, 1009);

    const alice = await JsonPeer.connect(server);
    const msg = "x".repeat(300_000);
    alice.name = "alice";
    alice.send({ login: "alice" }, { from: "alice", to: "alice", msg });
    await alice.expectFrom("alice", msg);
  });
});

/** Writes `bytes` one at a time until the other side ends the connection; resolves with how long that took, in ms. */
async function dribble(socket: Socket, bytes: Buffer, everyMs: number): Promise<number> {
  const began = performance.now();
  socket.on("error", () => {});
  socket.resume();
  let ended = false;
  socket.once("close", () => {
    ended = true;
  });
  for (let at = 0; !ended && performance.now() - began < 20_000; at++) {
    socket.write(bytes.subarray(at % bytes.length, (at % bytes.length) + 1));
    await delay(everyMs);
  }
  assert.ok(ended, "nobody minded");
  return performance.now() - began;
}

describe("slow loris", () => {
  it("in the headers of a request is cut off after limits.loginMs", async (t) => {
    const server = await startNativeServer(t, { "limits.loginMs": 600 });
    const socket = connect(server.webSocketPort, "127.0.0.1");
    await once(socket, "connect");
    socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ");
    const tookMs = await dribble(socket, Buffer.from("x"), 50);
    assert.ok(tookMs > 300 && tookMs < 10_000, `${tookMs}`);
  });

  it("in a first frame is cut off after limits.loginMs", async (t) => {
    const server = await startNativeServer(t, { "limits.loginMs": 600 });
    const socket = connect(server.tcpPort, "127.0.0.1");
    await once(socket, "connect");
    const tookMs = await dribble(socket, Buffer.concat([frame("", 10_000), Buffer.alloc(1000, " ")]), 20);
    assert.ok(tookMs > 300 && tookMs < 10_000, `${tookMs}`);
  });
});
