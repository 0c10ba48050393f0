/**
 * Tokens in the inherited protocols (docs/gateways/README.md, "Where a token is needed"): without a good one nothing
 * works; with one everything does, until it expires or is revoked in the middle of a conversation.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { ChatPeer, command, frame, system } from "../gateways/framed-tcp/chat-peer.ts";
import { ask, nowSeconds } from "../gateways/push/push-client.ts";
import { RawAgent } from "../gateways/udp-agent/raw-agent.ts";
import { RawSession } from "../support/raw-session.ts";
import { TextPeer } from "../support/text-peer.ts";
import { type Door, doors, until } from "./doors.ts";
import { introduce, revoke, startTokenServer, type TokenServer, tokenOf } from "./token-server.ts";

/** It is a second on a machine that does nothing else (docs/authentication.md). */
const maxLateMs = 3_000;
const inherited = doors.filter(({ name }) => !name.startsWith("native"));

/** What is no token for ann, with what is wrong with it as the server says it. */
const badTokens = (): [what: string, token: string, reason: RegExp][] => [
  ["empty", "", /token/],
  ["garbage", "x.y.z", /token is not valid/],
  ["half a token", tokenOf("ann").slice(0, 40), /token is not valid/],
  ["odd characters", "🎉\u0000,\"'\\{", /token is not valid/],
  ["a very long text", "a".repeat(9_000), /token is not valid/],
  ["signed by another key", tokenOf("ann", {}, "another key, which nobody has configured"), /token is not valid/],
  ["for another server", tokenOf("ann", { aud: "elsewhere" }), /token is not valid/],
  ["without an end", tokenOf("ann", { exp: undefined as never }), /token is not valid/],
  ["for the server's name", tokenOf("server"), /token|server's own/],
  ["expired", tokenOf("ann", { exp: nowSeconds() - 1 }), /expired/],
];

/** Says who it is by that token; resolves with all that it was told until the server had enough. */
const attempts: Readonly<Record<string, (t: TestContext, server: TokenServer, token: string) => Promise<string>>> = {
  "peer-json": async (_, { peerJson }, token) => {
    const peer = await TextPeer.connect(peerJson);
    peer.send(JSON.stringify({ login: "ann", token }), JSON.stringify({ from: "ann", to: "bob", msg: "intruded" }));
    const answer = await peer.next();
    peer.link.cut();
    return answer;
  },
  push: async (_, { http }, token) => {
    const headers = { authorization: `Bearer ${encodeURI(token).replace("%00", "")}` };
    const { status, body } = await ask(http, "/token", { headers, body: '{"username":"ann"}' });
    assert.deepEqual([status, body], [403, "403: Forbidden"]);
    for (const path of ["/ws/token", "/message"])
      assert.equal((await ask(http, path, { headers, body: '{"username":"bob","content":"intruded"}' })).status, 403);
    return "403: Forbidden";
  },
  "framed-tcp": async (_, { framedTcp }, token) => {
    const peer = await ChatPeer.connect(framedTcp);
    peer.send(command("/token", token), command("/msg", "bob intruded"));
    const answer = await peer.next();
    peer.socket.destroy();
    return answer;
  },
  "device-text": async (_, { deviceText }, token) => {
    const peer = await TextPeer.connect(deviceText);
    peer.send(`token,${token}`, "send,bob,intruded");
    const answer = await peer.next();
    peer.link.cut();
    return answer;
  },
  "udp-agent": async (t, { udp }, token) => {
    const agent = await RawAgent.open(t, "ann", udp);
    agent.logIn({ token });
    agent.say("send_message", { receiver_username: "bob", message_text: "intruded" });
    // The two are answered in the order in which they were decided.
    const [one, other] = [await agent.hears(), await agent.hears()];
    agent.close();
    return one.includes("send log_in first") ? other : one;
  },
};

/** Where it is not the reason as such: the protocol's own words. */
const ownWords: Readonly<Record<string, (reason: RegExp) => RegExp>> = {
  push: () => /^403: Forbidden$/,
  "device-text": (reason) => (reason.test("has expired") ? /^Token expired$/ : /^Invalid token$/),
};

describe("a token that is none", () => {
  for (const { name } of inherited) {
    it(`opens nothing: ${name}`, async (t) => {
      const server = await startTokenServer(t);
      await introduce(server, "bob");
      const bob = await RawSession.login(server.tcp, "bob", { token: tokenOf("bob") });
      t.after(() => bob.close());
      for (const [what, token, reason] of badTokens()) {
        const answer = await attempts[name]?.(t, server, token);
        assert.match(answer ?? "", ownWords[name]?.(reason) ?? reason, what);
      }
      bob.send({ op: "users" });
      const { users } = await bob.next("presence");
      assert.deepEqual(users.map(({ user }) => user).sort(), ["bob"], "nobody became known");
      bob.send({ op: "send", to: "bob", body: "mark" });
      await until(() => bob.received.some((event) => event.op === "message" && event.body === "mark"), "the mark");
      const heard = bob.received.flatMap((event) => (event.op === "message" ? [event.body] : []));
      assert.deepEqual(heard, ["mark"]);
    });
  }
});

/** The WebSocket close codes, where the protocol has any. */
const isWebSocket = ({ name }: Door) => ["peer-json", "push", "device-text"].includes(name);

async function conversation(t: TestContext, door: Door, token: string) {
  const server = await startTokenServer(t);
  await introduce(server, "bob", "#lobby");
  await introduce(server, "ann", "#lobby");
  const bob = await RawSession.login(server.tcp, "bob", { token: tokenOf("bob") });
  t.after(() => bob.close());
  const ann = await door.enter(t, server, "ann", token);
  const talk = async (text: string) => {
    await ann.send("bob", text);
    await until(
      () => bob.received.some((event) => event.op === "message" && event.body === text),
      `bob to hear ${text}`,
    );
    bob.send({ op: "send", to: "ann", body: `re ${text}` });
    await until(() => ann.told().some((one) => one.includes(`re ${text}`)), `ann to hear the answer to ${text}`);
  };
  /** Whether bob sees ann. */
  const isOnline = async () => {
    bob.send({ op: "users" });
    for (;;) {
      const { users } = await bob.next("presence");
      const found = users.find(({ user }) => user === "ann");
      if (found) return found.online;
    }
  };
  const isGone = async () => {
    for (const end = Date.now() + 5_000; await isOnline(); ) assert.ok(Date.now() < end, "she is there still");
    if (isWebSocket(door) || door.name === "framed-tcp") return ann.ended();
    return undefined;
  };
  return { server, ann, talk, isGone };
}

describe("in the middle of a conversation", { concurrency: 4 }, () => {
  for (const door of inherited) {
    it(`a revoked token ends it at once: ${door.name}`, async (t) => {
      const token = tokenOf("ann");
      const { server, ann, talk, isGone } = await conversation(t, door, token);
      await talk("hello");
      await revoke(server, token);
      const at = Date.now();
      const code = await isGone();
      t.diagnostic(`it took ${Date.now() - at} ms`);
      assert.ok(Date.now() - at < maxLateMs, `it took ${Date.now() - at} ms`);
      if (isWebSocket(door)) assert.equal(code, 4007);
      // Its sockets know only the close code.
      if (door.name !== "push") assert.match(ann.told().join("\n"), /revoked/i);
      await assert.rejects(door.enter(t, server, "ann", token), "it came in again");
    });

    it(`an expired token ends it: ${door.name}`, async (t) => {
      const exp = nowSeconds() + 2;
      const { ann, talk, isGone } = await conversation(t, door, tokenOf("ann", { exp }));
      await talk("hello");
      const code = await until(() => Date.now() >= exp * 1000, "the end of the token").then(isGone);
      t.diagnostic(`it took ${Date.now() - exp * 1000} ms`);
      assert.ok(Date.now() - exp * 1000 < maxLateMs, `it took ${Date.now() - exp * 1000} ms`);
      if (isWebSocket(door)) assert.equal(code, 4006);
      if (door.name !== "push") assert.match(ann.told().join("\n"), /expired/i);
    });
  }

  it("another token goes on, where the protocol has a place for it", async (t) => {
    const server = await startTokenServer(t);
    const short = () => tokenOf("ann", { exp: nowSeconds() + 2 });
    const json = await TextPeer.connect(server.peerJson);
    json.send(JSON.stringify({ login: "ann", token: short() }));
    const chat = await ChatPeer.connect(server.framedTcp);
    chat.send(command("/token", short()));
    await chat.expect(system("you are ann"));
    const device = await TextPeer.connect(server.deviceText);
    device.send(`token,${short()}`);
    assert.match(await device.next(), /^Your ID: ann\nConnected Devices: \n\[ann\]/);
    const agent = await RawAgent.open(t, "ann", server.udp);
    agent.logIn({ token: short() });
    const { session } = (await agent.next("acknowledge_log_in")).content;
    const end = Date.now() + 2_000;

    json.send(JSON.stringify({ login: "ann", token: tokenOf("ann") }));
    chat.send(command("/token", tokenOf("ann")));
    await chat.expect(system("the token is taken"));
    device.send(`token,${tokenOf("ann")}`);
    agent.logIn({ token: tokenOf("ann") });
    assert.equal((await agent.next("acknowledge_log_in")).content.session, session, "it is the same session");

    // One that does not serve leaves all as it was.
    json.send(JSON.stringify({ login: "ann", token: "none" }));
    assert.match(await json.next(), /"error":"renew: /);
    chat.send(command("/token", tokenOf("bob")));
    assert.match(await chat.next(), /for another user/);
    device.send("token,none");
    await device.expect("Invalid token");

    await until(() => Date.now() > end + 1000, "the end of the first tokens");
    json.send(JSON.stringify({ from: "ann", to: "ann", msg: "still here" }));
    assert.match(await json.next(), /still here/);
    await chat.until(JSON.stringify({ type: "chat", username: "ann", text: "still here", private: true }));
    await device.expect("ann:still here");
    assert.equal((await agent.next("receive_message")).content.message_text, "still here");
  });
});

describe("who says nothing of a token", () => {
  it("is told so, and let go after 10 seconds", { timeout: 30_000 }, async (t) => {
    const server = await startTokenServer(t);
    const began = performance.now();
    const json = await TextPeer.connect(server.peerJson);
    json.send(JSON.stringify({ from: "ann", to: "bob", msg: "hi" }));
    assert.match(await json.next(), /log in first: .*token/);
    const chat = await ChatPeer.connect(server.framedTcp);
    chat.send("hello", "/rename ann", "/list");
    for (let n = 0; n < 3; n++) assert.equal(await chat.next(), "server: say first who you are: /token TOKEN");
    const device = await TextPeer.connect(server.deviceText);
    device.send("help", "send,bob,hi");
    await device.expect("Token required", "Token required");
    const [jsonEnd, deviceEnd] = await Promise.all([json.ended(15_000), device.ended(15_000), chat.untilEnded(15_000)]);
    const seconds = (performance.now() - began) / 1000;
    assert.ok(seconds > 9.5 && seconds < 14, `${seconds} s`);
    assert.deepEqual([jsonEnd.code, deviceEnd.code], [4001, 4001]);
    assert.match(chat.take().join(), /no token within 10 seconds/);
    assert.match(json.take().join(), /no token within 10 seconds/);
    await device.expect("Token required");
  });

  it("may not say much", async (t) => {
    const server = await startTokenServer(t);
    const text = "x".repeat(70_000);
    const json = await TextPeer.connect(server.peerJson);
    json.send(JSON.stringify({ login: "ann", token: text }));
    assert.equal((await json.ended()).code, 1009);
    const device = await TextPeer.connect(server.deviceText);
    device.send(`token,${text}`);
    assert.equal((await device.ended()).code, 1009);
    const chat = await ChatPeer.connect(server.framedTcp);
    chat.write(frame("x", 70_000));
    assert.match(await chat.next(), /a frame longer than 65536 bytes/);
    await chat.untilEnded();
    // With a token one may.
    const ann = await TextPeer.connect(server.peerJson);
    ann.send(JSON.stringify({ login: "ann", token: tokenOf("ann") }));
    ann.send(JSON.stringify({ from: "ann", to: "ann", msg: "first" }));
    assert.match(await ann.next(), /first/);
    ann.send(JSON.stringify({ from: "ann", to: "ann", msg: text }));
    assert.equal(JSON.parse(await ann.next()).msg.length, text.length);
  });
});

describe("a device's token", () => {
  it("may make its user a number, as in the original", async (t) => {
    const server = await startTokenServer(t);
    const one = await TextPeer.connect(server.deviceText);
    one.send(`token,${tokenOf("100000001")}`);
    await one.expect("Your ID: 100000001\nConnected Devices: \n[100000001]\nChat usage: send,destinationId,msg");
    const other = await TextPeer.connect(server.deviceText);
    other.send(`token,${tokenOf("99")}`);
    await other.expect("Your ID: 99\nConnected Devices: \n[99, 100000001]\nChat usage: send,destinationId,msg");
    other.send("send,100000001,hi");
    await one.expect("99:hi");
  });
});
