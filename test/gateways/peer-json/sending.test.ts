/** `peer-json`, sending: who gets what, and what the sender hears of it, to the byte. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tcp } from "../../native/carriers.ts";
import { Peer } from "../../native/peer.ts";
import { JsonPeer, startPeerJsonServer } from "./json-peer.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("a message", () => {
  it("to a peer that is there arrives as it was sent, and is not answered", async (t) => {
    const server = await startPeerJsonServer(t);
    const alice = await JsonPeer.join(server, "alice");
    const bob = await JsonPeer.join(server, "bob");
    alice.text.send('{"from": "alice", "to": "bob", "msg": "text"}');
    await bob.text.expect('{"from":"alice","to":"bob","msg":"text"}');
    assert.deepEqual(await alice.told(), []);
  });

  it("tells both names as they were registered, however they were written", async (t) => {
    const server = await startPeerJsonServer(t);
    const alice = await JsonPeer.join(server, "Alice");
    const bob = await JsonPeer.join(server, "Bob");
    for (const [from, to] of [
      ["Alice", "Bob"],
      ["alice", "Bob"],
      ["Alice", "bob"],
    ]) {
      alice.text.send(`{"from":"${from}","to":"${to}","msg":"text"}`);
      await bob.text.expect('{"from":"Alice","to":"Bob","msg":"text"}');
    }
  });

  for (const msg of ["", " ", "äöü 漢字 🎉 \u0000\u2028", '"}\\u0041', "x".repeat(200_000), '{"login":"eve"}']) {
    it(`of ${JSON.stringify(msg).slice(0, 30)} arrives unchanged`, async (t) => {
      const server = await startPeerJsonServer(t);
      const alice = await JsonPeer.join(server, "alice");
      const bob = await JsonPeer.join(server, "bob");
      alice.say("bob", msg);
      await bob.expectFrom("alice", msg);
    });
  }

  it("to nobody who was ever known is answered with the words of the original", async (t) => {
    const alice = await JsonPeer.join(await startPeerJsonServer(t), "alice");
    alice.say("bob", "hello");
    await alice.text.expect('{"error":"peer bob does not exist"}');
    const nobody = ["Bob Smith", "", 'b"o\\b', "x".repeat(300), "server", "\u200b"];
    for (const name of nobody) alice.say(name, "hello");
    for (const name of nobody) await alice.expect({ error: `peer ${name} does not exist` });
  });

  it("to a peer that is away is kept, and the sender is told so with its id", async (t) => {
    const server = await startPeerJsonServer(t);
    await (await JsonPeer.join(server, "bob")).leave();
    const alice = await JsonPeer.join(server, "alice");
    alice.say("bob", "hello");
    const answer = await alice.text.next();
    assert.match(answer, /^\{"error":"connection to bob closed","stored":true,"id":"[^"]+"\}$/);
    assert.match(JSON.parse(answer).id, uuid);
    const bob = await Peer.connect(tcp, server);
    await bob.hello({ user: "bob" });
    assert.equal((await bob.expect("message", { body: "hello" })).id, JSON.parse(answer).id);
  });

  it("names the receiver in the answer as the sender did", async (t) => {
    const server = await startPeerJsonServer(t);
    await (await JsonPeer.join(server, "bob")).leave();
    const alice = await JsonPeer.join(server, "alice");
    alice.say("BoB", "hello");
    await alice.expectError("connection to BoB closed");
  });

  it("to oneself comes back: who writes it is there", async (t) => {
    const alice = await JsonPeer.join(await startPeerJsonServer(t), "alice");
    alice.say("alice", "note");
    await alice.expectFrom("alice", "note");
    assert.deepEqual(await alice.told(), []);
  });

  it("reaches every connection of the name, each in order", async (t) => {
    const server = await startPeerJsonServer(t);
    const bobs = [await JsonPeer.join(server, "bob"), await JsonPeer.join(server, "bob")];
    const alice = await JsonPeer.join(server, "alice");
    const texts = Array.from({ length: 500 }, (_, n) => `${n}`);
    alice.say("bob", ...texts);
    for (const bob of bobs) await bob.expectFrom("alice", ...texts);
    await bobs[0]?.leave();
    alice.say("bob", "one is enough");
    await bobs[1]?.expectFrom("alice", "one is enough");
    assert.deepEqual(await alice.told(), []);
  });

  it("is not shown to the sender's other connections: the protocol has no words for it", async (t) => {
    const server = await startPeerJsonServer(t);
    const alice = await JsonPeer.join(server, "alice");
    const other = await JsonPeer.join(server, "alice");
    const bob = await JsonPeer.join(server, "bob");
    alice.say("bob", "hello");
    await bob.expectFrom("alice", "hello");
    assert.deepEqual(await other.told(), []);
    const native = await Peer.login(tcp, server, "alice");
    const { messages } = await native.ask({ op: "history", log: "alice" }, "page");
    assert.ok(messages.every(({ to }) => to === "alice"));
  });
});

describe("what is not a message", () => {
  const shapes = 'expected {"login": "name"} or {"from": "name", "to": "name", "msg": "text"}';
  const refused: readonly [string, string][] = [
    ["", "this is not JSON"],
    ["hello", "this is not JSON"],
    ["{'login':'name of the peer'}", "this is not JSON"],
    ['{"from":"alice","to":"bob"', "this is not JSON"],
    ["[".repeat(50_000), "this is not JSON"],
    ["null", shapes],
    ["42", shapes],
    ["[]", shapes],
    ['"login"', shapes],
    ["{}", shapes],
    ['{"login":null}', shapes],
    ['{"login":["alice"]}', shapes],
    ['{"from":"alice","to":"bob"}', shapes],
    ['{"from":"alice","to":["bob"],"msg":"x"}', shapes],
    ['{"from":"alice","to":"bob","msg":{"a":1}}', shapes],
    ['{"__proto__":{"login":"eve"}}', shapes],
    ['{"from":"alice","to":"bob","msg":"\\ud83c"}', '"msg" has half of a surrogate pair in it'],
    ['{"from":"bob","to":"alice","msg":"x"}', '"from" has to be alice: you logged in by that name'],
    ['{"from":"","to":"alice","msg":"x"}', '"from" has to be alice: you logged in by that name'],
  ];

  it("is answered with what was wrong, in order, and the connection stays", async (t) => {
    const server = await startPeerJsonServer(t);
    const bob = await JsonPeer.join(server, "bob");
    const alice = await JsonPeer.join(server, "alice");
    alice.text.send(...refused.map(([text]) => text));
    for (const [text, error] of refused) await alice.expect({ error }).catch((why) => assert.fail(`${text}: ${why}`));
    alice.say("bob", "still here");
    await bob.expectFrom("alice", "still here");
    assert.deepEqual(await bob.told(), []);
  });

  it("a message before the login is refused, and nothing is stored", async (t) => {
    const server = await startPeerJsonServer(t);
    const bob = await JsonPeer.join(server, "bob");
    const peer = await JsonPeer.connect(server);
    peer.send({ from: "alice", to: "bob", msg: "x" }, { from: "bob", to: "bob", msg: "x" });
    for (let n = 0; n < 2; n++) await peer.expect({ error: 'log in first: {"login": "name"}' });
    peer.login("alice");
    assert.deepEqual([await peer.told(), await bob.told()], [[], []]);
  });

  it("a text that is longer than messages may be is refused, and the connection stays", async (t) => {
    const server = await startPeerJsonServer(t, { "limits.maxBodyBytes": 100 });
    const alice = await JsonPeer.join(server, "alice");
    alice.say("alice", "é".repeat(51), "é".repeat(50));
    await alice.expect({ error: "the body is longer than 100 bytes" });
    await alice.expectFrom("alice", "é".repeat(50));
  });

  it("further fields are no fault", async (t) => {
    const alice = await JsonPeer.connect(await startPeerJsonServer(t));
    alice.name = "alice";
    alice.send({ login: "alice", version: 2 }, { from: "alice", to: "alice", msg: "x", id: 1 });
    await alice.expectFrom("alice", "x");
  });
});

describe("beyond the original", () => {
  it("a room's members get what is sent to it, but not on the connection that sent it", async (t) => {
    const server = await startPeerJsonServer(t);
    const [alice, second, bob, eve] = await Promise.all(
      ["alice", "alice", "bob", "eve"].map((name) => JsonPeer.join(server, name)),
    );
    assert.ok(alice && second && bob && eve);
    eve.say("#general", "anybody?");
    await eve.expectError(/^there is no room #general$/);
    for (const user of ["alice", "bob"]) {
      const native = await Peer.login(tcp, server, user);
      await native.ask({ op: "join", room: "#general" }, "ok");
      await native.cut();
    }
    alice.say("#general", "hello all");
    for (const peer of [second, bob]) await peer.expect({ from: "alice", to: "#general", msg: "hello all" });
    eve.say("#general", "let me in");
    await eve.expectError(/not a member/);
    eve.say("#not a room", "hello");
    await eve.expectError(/room name/);
    for (const peer of [alice, second, bob, eve]) assert.deepEqual(await peer.told(), []);
    await bob.leave();
    alice.say("#general", "still there?");
    assert.deepEqual(await alice.told(), [], "a room has no connection that could be closed");
    await (await JsonPeer.login(server, "bob")).expect({ from: "alice", to: "#general", msg: "still there?" });
  });

  it("everybody who is or was known gets what is sent to *, those who are away on return", async (t) => {
    const server = await startPeerJsonServer(t);
    await (await JsonPeer.join(server, "carol")).leave();
    const alice = await JsonPeer.join(server, "alice");
    const bob = await JsonPeer.join(server, "bob");
    alice.say("*", "to all");
    await bob.expect({ from: "alice", to: "*", msg: "to all" });
    assert.deepEqual(await alice.told(), []);
    await (await JsonPeer.login(server, "carol")).expect({ from: "alice", to: "*", msg: "to all" });
    await JsonPeer.join(server, "newcomer");
  });

  it("native users are peers, and their messages are shown as texts", async (t) => {
    const server = await startPeerJsonServer(t);
    const bob = await JsonPeer.join(server, "bob");
    const native = await Peer.login(tcp, server, "native");
    bob.say("native", "hello");
    await native.expect("message", { from: "bob", to: "native", body: "hello" });
    await native.deliver("bob", "AAEC", { encoding: "base64", contentType: "image/png" });
    await bob.expect({ from: "native", to: "bob", msg: "AAEC", encoding: "base64" });
    await native.deliver("bob", '{"a":1}', { contentType: "application/json", type: "reading", receipt: true });
    await bob.expectFrom("native", '{"a":1}');
    await native.expect("receipt", { user: "bob", state: "delivered" });
    assert.deepEqual(await bob.told(), []);
  });

  it("a message to several names its reader as the receiver", async (t) => {
    const server = await startPeerJsonServer(t);
    const bob = await JsonPeer.join(server, "bob");
    const carol = await JsonPeer.join(server, "Carol");
    const native = await Peer.login(tcp, server, "native");
    await native.deliver(["bob", "carol"], "to two");
    await bob.expectFrom("native", "to two");
    await carol.expectFrom("native", "to two");
  });
});
