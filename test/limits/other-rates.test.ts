/** Rates on the other ways in: slowed down where the protocol has no word for it, told in its own words where it has. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { defaultPolicy } from "../../packages/server/src/core/limits/policy.ts";
import { Device, startDeviceTextServer } from "../gateways/device-text/device.ts";
import { ChatPeer, chat, said } from "../gateways/framed-tcp/chat-peer.ts";
import { startChatServer } from "../gateways/framed-tcp/chat-server.ts";
import { JsonPeer, startPeerJsonServer } from "../gateways/peer-json/json-peer.ts";
import { appToken, ask } from "../gateways/push/push-client.ts";
import { startBroker } from "../gateways/udp-agent/broker-under-test.ts";
import { RawAgent } from "../gateways/udp-agent/raw-agent.ts";
import { startApiServer } from "../http-api/api-server.ts";
import { tcp } from "../native/carriers.ts";
import { startNativeServer } from "../native/native-server.ts";
import { Peer } from "../native/peer.ts";
import { type Settings, startInProcess } from "../support/server-in-process.ts";

const slow = { "limits.connection.messagesPerSecond": 50 };
const texts = (count: number) => Array.from({ length: count }, (_, i) => `text ${i}`);

describe("peer-json beyond its rate", () => {
  it("is slowed down, and nothing is refused or lost", async (t) => {
    const server = await startPeerJsonServer(t, slow);
    const bob = await JsonPeer.join(server, "bob");
    const alice = await JsonPeer.join(server, "alice");
    const began = performance.now();
    for (let i = 0; i < 200; i += 20) {
      alice.say("bob", ...texts(200).slice(i, i + 20));
      await bob.expectFrom("alice", ...texts(200).slice(i, i + 20));
    }
    assert.ok(performance.now() - began > 1200, `${performance.now() - began} ms`);
  });

  it("shares the rate of its user with other connections", async (t) => {
    const server = await startPeerJsonServer(t, { "limits.user.messagesPerSecond": 100 });
    const bob = await JsonPeer.join(server, "bob");
    const [one, two] = [await JsonPeer.join(server, "alice"), await JsonPeer.join(server, "alice")];
    const began = performance.now();
    for (let i = 0; i < 500; i += 20) {
      (i % 40 === 0 ? one : two).say("bob", ...texts(500).slice(i, i + 20));
      await bob.expectFrom("alice", ...texts(500).slice(i, i + 20));
    }
    // 200 at once, and 200 may be owed in the end.
    assert.ok(performance.now() - began > 900, `${performance.now() - began} ms`);
  });

  it("is closed, with a word, when it sends nothing of the protocol", async (t) => {
    const server = await startPeerJsonServer(t);
    const peer = await JsonPeer.join(server, "alice");
    peer.text.send(...Array.from({ length: 5000 }, () => "garbage"));
    await peer.text.ended();
    assert.match(peer.text.take().at(-1) ?? "", /too many frames/);
  });
});

describe("device-text beyond its rate", () => {
  it("is slowed down", async (t) => {
    const server = await startDeviceTextServer(t, slow);
    const [one, two] = [await Device.connect(server), await Device.connect(server)];
    const began = performance.now();
    for (let i = 0; i < 200; i += 20) {
      const part = texts(200).slice(i, i + 20);
      one.say(...part.map((text) => `send,${two.id},${text}`));
      await two.expect(...part.map((text) => `${one.id}:${text}`));
    }
    assert.ok(performance.now() - began > 1200, `${performance.now() - began} ms`);
  });
});

describe("framed-tcp beyond its rate", () => {
  it("is slowed down", async (t) => {
    const { port } = await startChatServer(t, slow);
    const [one, two] = [await ChatPeer.named(port, "one"), await ChatPeer.named(port, "two")];
    two.take();
    const began = performance.now();
    for (let i = 0; i < 200; i += 20) {
      const part = texts(200).slice(i, i + 20);
      one.send(...part.map((text) => chat(text)));
      await two.until(said("one", part.at(-1) ?? ""));
    }
    assert.ok(performance.now() - began > 1200, `${performance.now() - began} ms`);
  });
});

describe("push beyond its rate", () => {
  it("is answered 429 with Retry-After, by user", async (t) => {
    const gateways: Settings["gateways"] = ["native-tcp", "push"];
    const settings = { gateways, "limits.user.messagesPerSecond": 5 };
    const { webSocketPort: port } = await startNativeServer(t, settings);
    const token = await appToken(port, "alice");
    const body = JSON.stringify({ username: "bob", content: "hello" });
    const post = () => ask(port, "/message", { headers: { authorization: `Bearer ${token}` }, body });
    let answer = await post();
    for (let i = 0; i < 50 && answer.status === 200; i++) answer = await post();
    assert.equal(answer.status, 429);
    assert.match(answer.headers["retry-after"] ?? "", /^\d+$/);
    await delay(Number(answer.headers["retry-after"]) * 1000);
    assert.equal((await post()).status, 200);
  });
});

describe("the HTTP API beyond its rate", () => {
  it("answers a problem of status 429 with Retry-After, by user and by address", async (t) => {
    for (const scope of ["user", "address"] as const) {
      const settings = { [`limits.${scope}.messagesPerSecond`]: 5, "limits.exemptAddresses": [] };
      const server = await startApiServer(t, settings);
      const get = (as: string) => server.ask("/me", { as });
      let answer = await get("alice");
      for (let i = 0; i < 50 && answer.status === 200; i++) answer = await get("alice");
      assert.equal(answer.status, 429, answer.text);
      assert.partialDeepStrictEqual(answer.json as object, { code: "rate_limited" });
      assert.match(answer.headers.get("retry-after") ?? "", /^\d+$/);
      assert.equal((await get("bob")).status, scope === "user" ? 200 : 429);
    }
  });
});

describe("sends beyond a rate", () => {
  it("are counted as refused, whichever way they came", async (t) => {
    const gateways: Settings["gateways"] = ["native-tcp", "native-websocket", "push"];
    const server = await startNativeServer(t, { gateways, "limits.user.messagesPerSecond": 2 });
    const port = server.webSocketPort;
    const refused = async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return Number(/parley_sends_refused_total\{code="rate_limited"\} (\d+)/.exec(metrics)?.[1] ?? 0);
    };
    const alice = await Peer.login(tcp, server, "alice");
    for (let i = 0; i < 20; i++) alice.send({ op: "send", to: "alice", body: "", ref: `${i}` });
    let native = 0;
    for (let answers = 0; answers < 20; ) {
      const { op } = await alice.next();
      if (op === "error") native += 1;
      if (op === "error" || op === "ok") answers += 1;
    }
    assert.ok(native > 0);
    assert.equal(await refused(), native);

    const headers = { Authorization: `Basic ${btoa("alice:")}`, "Content-Type": "application/json" };
    const message = { method: "POST", headers, body: JSON.stringify({ to: "alice", body: "" }) };
    let answer = await fetch(`http://127.0.0.1:${port}/v1/messages`, message);
    for (let i = 0; i < 50 && answer.status !== 429; i++)
      answer = await fetch(`http://127.0.0.1:${port}/v1/messages`, message);
    assert.equal(answer.status, 429);
    assert.equal(await refused(), native + 1);

    const token = await appToken(port, "alice");
    const push = { headers: { authorization: `Bearer ${token}` }, body: '{"username": "alice", "content": ""}' };
    let status = 200;
    for (let i = 0; i < 50 && status !== 429; i++) ({ status } = await ask(port, "/message", push));
    assert.equal(status, 429);
    assert.equal(await refused(), native + 2);
  });
});

describe("udp-agent beyond its rate", () => {
  it("is told so, and heard again after a while", async (t) => {
    const policy = { ...defaultPolicy, connection: { messagesPerSecond: 20, bytesPerSecond: 0 } };
    const broker = await startBroker(t, {}, { policy });
    const bob = await RawAgent.login(t, "bob", broker.port);
    const alice = await RawAgent.login(t, "alice", broker.port);
    for (const message_text of texts(100)) alice.say("send_message", { receiver_username: "bob", message_text });
    const notice = await alice.next("receive_message");
    assert.match(
      String(notice.content.message_text),
      /^too much at once: a send_message was not taken, try again after \d+ ms$/,
    );
    assert.ok(broker.gateway.datagrams.refused >= 55, `${broker.gateway.datagrams.refused}`);
    await delay(1200);
    alice.received.length = 0;
    bob.received.length = 0;
    alice.say("send_message", { receiver_username: "bob", message_text: "later" });
    assert.equal(await bob.hears(), "alice: later");
  });

  it("gets no answer where its address is over the rate and it is not logged in", async (t) => {
    const gateways: Settings["gateways"] = ["udp-agent"];
    const ports = { "udpAgent.port": 0, "udpAgent.discoveryPort": 0 };
    const rates = { "limits.address.messagesPerSecond": 10, "limits.exemptAddresses": [] };
    const { urls } = await startInProcess(t, { gateways, ...ports, ...rates }, {});
    const agent = await RawAgent.open(t, "alice", Number(urls[0]?.port));
    // Each is answered that it is to log in first, as long as the address is within its rate.
    for (let i = 0; i < 100; i++) agent.say("ping", { padding: "x".repeat(500) });
    await delay(300);
    const answered = agent.received.length;
    assert.ok(answered >= 15 && answered <= 30, `${answered} answers`);
    await delay(1000);
    agent.logIn();
    await agent.next("acknowledge_log_in");
  });
});
