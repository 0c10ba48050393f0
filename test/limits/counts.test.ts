/** Rooms of a user, watched users of a session, sessions of a user, recipients of a send; the words of other protocols. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultPolicy } from "../../packages/server/src/core/limits/policy.ts";
import { ChatPeer } from "../gateways/framed-tcp/chat-peer.ts";
import { startChatServer } from "../gateways/framed-tcp/chat-server.ts";
import { JsonPeer, startPeerJsonServer } from "../gateways/peer-json/json-peer.ts";
import { startBroker } from "../gateways/udp-agent/broker-under-test.ts";
import { RawAgent } from "../gateways/udp-agent/raw-agent.ts";
import { overEachCarrier, tcp } from "../native/carriers.ts";
import { startNativeServer } from "../native/native-server.ts";
import { Peer } from "../native/peer.ts";

overEachCarrier("a limit", (carrier) => {
  it("of rooms per user refuses one more, not the old ones, and is told in welcome", async (t) => {
    const server = await startNativeServer(t, { "limits.maxRooms": 2 });
    const alice = await Peer.connect(carrier, server);
    assert.equal((await alice.hello({ user: "alice" })).limits.maxRooms, 2);
    await alice.expect("live");
    await alice.ask({ op: "join", room: "#one" }, "ok");
    await alice.ask({ op: "join", room: "#two" }, "ok");
    await alice.ask({ op: "join", room: "#three" }, "error", { code: "too_many" });
    await alice.ask({ op: "join", room: "#two" }, "ok");
    await alice.ask({ op: "leave", room: "#one" }, "ok");
    await alice.ask({ op: "join", room: "#three" }, "ok");
  });

  it("of watched users refuses a longer list as a whole", async (t) => {
    const server = await startNativeServer(t, { "limits.maxWatched": 3 });
    const alice = await Peer.connect(carrier, server);
    assert.equal((await alice.hello({ user: "alice" })).limits.maxWatched, 3);
    await alice.expect("live");
    await alice.ask({ op: "watch", users: ["a", "b"] }, "ok");
    await alice.expect("presence");
    await alice.ask({ op: "watch", users: ["b", "c", "d"] }, "error", { code: "too_many" });
    await alice.ask({ op: "watch", users: ["a", "b", "c"] }, "ok");
    await alice.expect("presence");
    await alice.ask({ op: "watch", users: ["d"] }, "error", { code: "too_many" });
    await alice.ask({ op: "unwatch", users: ["a"] }, "ok");
    await alice.ask({ op: "watch", users: ["d"] }, "ok");
    await alice.expect("presence");
    await alice.ask({ op: "watch" }, "ok");
  });

  it("of sessions per user refuses one more device, not one that returns", async (t) => {
    const server = await startNativeServer(t, { "limits.maxSessions": 2 });
    await Peer.login(carrier, server, "alice", { device: "one" });
    await Peer.login(carrier, server, "alice", { device: "two" });
    const third = await Peer.connect(carrier, server);
    third.send({ op: "hello", user: "alice", device: "three" });
    const { retryAfter } = await third.expect("error", { code: "too_many" });
    assert.equal(retryAfter, 5000);
    await Peer.login(carrier, server, "alice", { device: "two" });
    await Peer.login(carrier, server, "bob");
  });

  it("of recipients refuses a longer list, and is told in welcome", async (t) => {
    const server = await startNativeServer(t, { "limits.maxRecipients": 2 });
    const peers = await Promise.all(["bob", "carol", "dora"].map((name) => Peer.login(carrier, server, name)));
    const alice = await Peer.connect(carrier, server);
    assert.equal((await alice.hello({ user: "alice" })).limits.maxRecipients, 2);
    await alice.expect("live");
    await alice.deliver(["bob", "carol"], "to two");
    await alice.ask({ op: "send", to: ["bob", "carol", "dora"], body: "to three" }, "error", { code: "too_many" });
    for (const peer of peers.slice(0, 2)) await peer.expectBodies("to two");
    for (const peer of peers) await peer.silence();
  });
});

describe("the same limits elsewhere", () => {
  it("udp-agent: a group too many is refused in words, and a long list goes in parts", async (t) => {
    const broker = await startBroker(t, {}, { policy: { ...defaultPolicy, maxRooms: 1, maxRecipients: 2 } });
    const alice = await RawAgent.login(t, "alice", broker.port);
    const others = await Promise.all(["b", "c", "d", "e", "f"].map((name) => RawAgent.login(t, name, broker.port)));
    alice.say("create_group", { group_name: "one", group_members: [] });
    assert.equal(await alice.hears(), "broker: group one: alice");
    alice.say("create_group", { group_name: "two", group_members: [] });
    assert.match(await alice.hears(), /is a member of 1 rooms already/);
    const receiver_usernames = others.map(({ name }) => name);
    alice.say("multicast_message", { receiver_usernames, message_text: "to all of you" });
    for (const other of others) assert.equal(await other.hears(), "alice: to all of you");
  });

  it("peer-json: a login of one session too many is refused in words", async (t) => {
    const server = await startPeerJsonServer(t, { "limits.maxSessions": 1 });
    await JsonPeer.join(server, "alice");
    const second = await JsonPeer.login(server, "alice");
    await second.expectError("alice has 1 sessions already");
  });

  it("framed-tcp: who cannot enter the lobby is told", async (t) => {
    const server = await startChatServer(t, { "limits.maxRooms": 1 });
    const native = { webSocketPort: 0, tcpPort: server.nativePort, urls: [], complaints: [], stop: async () => {} };
    const alice = await Peer.login(tcp, native, "alice");
    await alice.ask({ op: "join", room: "#elsewhere" }, "ok");
    const chat = await ChatPeer.guest(server.port);
    chat.send(JSON.stringify({ type: "command", cmd: "/rename", value: "alice" }));
    assert.match(await chat.next(), /is a member of 1 rooms already|name/);
  });
});
