/**
 * Frames that are no messages, and messages that are wrong: the documented error, the connection kept, and what stands
 * before and after in the same segment carried out in order (PROTOCOL.md, "Carriers", "Types", "Errors").
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type ErrorCode, errors } from "@parley/protocol";
import { clientMessages } from "@parley/protocol/schema";
import { overEachCarrier } from "./carriers.ts";
import { startNativeServer } from "./native-server.ts";
import { Peer, type Sent } from "./peer.ts";

/** An array or object nested `levels` deep. */
const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const nestedObject = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;

/** Texts that are wrong before and after `hello` alike. */
const texts: readonly [string, ErrorCode][] = [
  [" ", "bad_json"],
  ["ping", "bad_json"],
  ['{"op":"ping"', "bad_json"],
  ['{"op":"ping"}}', "bad_json"],
  ['{"op":"ping"}{"op":"ping"}', "bad_json"],
  ["{'op':'ping'}", "bad_json"],
  ['{"op":"ping",}', "bad_json"],
  ['{"op":"ping","ref":"a\nb"}', "bad_json"],
  ['\ufeff{"op":"ping"}', "bad_json"],
  ['{"op":"ping","n":NaN}', "bad_json"],
  ['["ping"]', "bad_json"],
  ['"ping"', "bad_json"],
  ["null", "bad_json"],
  ["17", "bad_json"],
  ["true", "bad_json"],
  [nested(60_000 / 2), "bad_json"],
  ["[".repeat(60_000), "bad_json"],
  ["{}", "unknown_op"],
  ['{"op":null}', "unknown_op"],
  ['{"op":5}', "unknown_op"],
  ['{"op":["ping"]}', "unknown_op"],
  ['{"op":""}', "unknown_op"],
  ['{"op":"PING"}', "unknown_op"],
  ['{"op":"welcome"}', "unknown_op"],
  ['{"op":"message"}', "unknown_op"],
  ['{"op":"__proto__"}', "unknown_op"],
  ['{"op":"constructor"}', "unknown_op"],
  ['{"op":"toString"}', "unknown_op"],
  ['{"__proto__":{"op":"ping"}}', "unknown_op"],
  [`{"op":"ping","x":${nested(8)}}`, "bad_message"],
  [`{"op":"ping","x":${nestedObject(8)}}`, "bad_message"],
  [`{"op":"ping","x":${nested(30_000)}}`, "bad_message"],
  [`{"op":"ping","x":${nestedObject(9_000)}}`, "bad_message"],
  [String.raw`{"op":"ping","x":"\ud800"}`, "bad_message"],
  [String.raw`{"op":"ping","x":{"y":["\udc00"]}}`, "bad_message"],
  [String.raw`{"op":"send","to":"bob","body":"\ud83dx"}`, "bad_message"],
];

/** Texts that look wrong and are a `ping`. */
const pings = [
  '\t{"op" : "ping"}\r\n',
  String.raw`{"\u006fp":"ping"}`,
  '{"op":"users","op":"ping"}',
  '{"op":"ping","op":"ping"}',
  `{"op":"ping","x":${nested(7)}}`,
  `{"op":"ping","x":${nestedObject(7)}}`,
  '{"op":"ping","unknown":{"fields":["are","ignored"]}}',
  '{"op":"ping","__proto__":{"ref":"no"},"constructor":{"prototype":{"ref":"no"}}}',
  '{"op":"ping","x":1e999}',
  String.raw`{"op":"ping","x":"\ud83d\ude00 \u0000"}`,
];

/** One right message of each kind, with every field. */
const right: Readonly<Record<keyof typeof clientMessages, Sent>> = {
  hello: { ref: "r", user: "bob", token: "t", device: "d", positions: [], window: 5 },
  send: {
    ref: "r",
    clientId: "c",
    to: "bob",
    body: "aGk=",
    encoding: "base64",
    contentType: "text/x",
    type: "t",
    ttl: 1000,
    durability: "memory",
    copy: false,
    receipt: true,
  },
  ack: { log: "alice", seq: 0, read: true },
  reject: { ref: "r", log: "alice", seq: 0, reason: "no" },
  join: { ref: "r", room: "#room" },
  leave: { ref: "r", room: "#room" },
  history: { ref: "r", log: "alice", before: 5, after: 5, limit: 5, with: "bob" },
  users: { ref: "r", room: "#room", after: "bob", limit: 5 },
  rooms: { ref: "r", after: "#room", limit: 5 },
  watch: { ref: "r", users: ["bob"] },
  unwatch: { ref: "r", users: ["bob"] },
  renew: { ref: "r", token: "t" },
  ping: { ref: "r" },
  bye: {},
};

/** Each with the field that is wrong in it: beyond its range, or of a form it must not have. */
const wrong: readonly Sent[] = [
  { op: "ping", ref: "" },
  { op: "ping", ref: "r".repeat(65) },
  ...[0, -1, 65_537, 1.5, "5"].map((window) => ({ op: "hello", user: "bob", window })),
  ...["", "two words", "é", "c".repeat(65), "\u0000"].map((clientId) => ({ ...right.send, op: "send", clientId })),
  ...["", [], new Array(101).fill("bob"), ["bob", 5], [["bob"]], "n".repeat(257)].map((to) => ({
    ...right.send,
    op: "send",
    to,
  })),
  ...["hex", "BASE64", ""].map((encoding) => ({ ...right.send, op: "send", encoding })),
  ...["aGk", "aGk==", "aG k=", "aGk=\n", "aGk=aGk=", "-_8=", "====", "é"].map((body) => ({
    ...right.send,
    op: "send",
    body,
  })),
  ...["", "c".repeat(129)].map((contentType) => ({ ...right.send, op: "send", contentType })),
  ...["", "t".repeat(65)].map((type) => ({ ...right.send, op: "send", type })),
  ...[0, -1, 0.5, 31_536_000_001].map((ttl) => ({ ...right.send, op: "send", ttl })),
  { ...right.send, op: "send", durability: "disk" },
  ...[-1, 0.5, 2 ** 53, "0"].map((seq) => ({ op: "ack", log: "alice", seq })),
  ...[0, 501, 2.5].map((limit) => ({ op: "history", log: "alice", limit })),
  { op: "history", log: "alice", before: -1 },
  { op: "history", log: "alice", before: 1, after: 1 },
  ...["", "t".repeat(8193), 5].map((token) => ({ op: "renew", token })),
  ...[0, 1001].flatMap((limit) => ["users", "rooms"].map((op) => ({ op, limit }))),
  ...["watch", "unwatch"].flatMap((op) => [[], new Array(1001).fill("bob"), [5]].map((users) => ({ op, users }))),
];

overEachCarrier("bad frames", (carrier) => {
  for (const when of ["before hello", "when logged in"]) {
    it(`are answered with their code ${when}, and the connection goes on`, async (t) => {
      const server = await startNativeServer(t);
      const loggedIn = when !== "before hello";
      const peer = loggedIn ? await Peer.login(carrier, server, "alice") : await Peer.connect(carrier, server);
      for (const [text, code] of texts) {
        assert.equal(errors[code].closes, false);
        peer.sendTexts('{"op":"ping","ref":"before"}', text, '{"op":"ping","ref":"after"}');
        await peer.expect("pong", { ref: "before" });
        const { message, reconnect } = await peer.expect("error", { code });
        assert.ok(message.length < 300, "a message for people is not as long as what was wrong");
        assert.equal(reconnect, undefined);
        await peer.expect("pong", { ref: "after" });
      }
    });
  }

  it("that only look wrong are carried out", async (t) => {
    const peer = await Peer.connect(carrier, await startNativeServer(t));
    for (const text of pings) {
      peer.sendTexts(text);
      const pong = await peer.expect("pong");
      assert.equal(pong.ref, undefined, text);
    }
  });
});

overEachCarrier("bad messages", (carrier) => {
  it("of each kind, with each field missing or of a wrong type, are answered by bad_message with their ref", async (t) => {
    const peer = await Peer.login(carrier, await startNativeServer(t), "alice");
    for (const [op, { required, properties }] of Object.entries(clientMessages)) {
      const message = right[op as keyof typeof right];
      assert.deepEqual(
        Object.keys(message).sort(),
        Object.keys(properties)
          .filter((field) => field !== "op")
          .sort(),
        op,
      );
      for (const field of Object.keys(message)) {
        const { [field]: _, ...rest } = message;
        const attempts = [null, {}, [{}], ...(required.some((name) => name === field) ? [undefined] : [])];
        for (const value of attempts) {
          const bad = { op, ...rest, ...(value === undefined ? {} : { [field]: value }) };
          const ref = "ref" in message && field !== "ref" ? { ref: "r" } : {};
          const clientId = "clientId" in message && field !== "clientId" ? { clientId: "c" } : {};
          const answer = await peer.ask(bad, "error");
          const { message: text, ...about } = answer;
          assert.deepEqual(about, { op: "error", code: "bad_message", ...ref, ...clientId }, JSON.stringify(bad));
          assert.match(text, new RegExp(`^${op}: .*${field}`), "people are told which field it is");
        }
      }
    }
    await peer.silence();
  });

  it("with a field beyond its range are answered by bad_message and do nothing", async (t) => {
    const server = await startNativeServer(t);
    const peer = await Peer.login(carrier, server, "alice");
    const bob = await Peer.login(carrier, server, "bob");
    for (const bad of wrong) {
      peer.send({ op: "ping", ref: "before" }, bad, { op: "ping", ref: "after" });
      await peer.expect("pong", { ref: "before" });
      // What needs the store to be refused may be refused after the next ping was answered.
      const answers = [await peer.next(), await peer.next()].sort((a, b) => (a.op < b.op ? -1 : 1));
      assert.partialDeepStrictEqual(answers, [
        { op: "error", code: "bad_message" },
        { op: "pong", ref: "after" },
      ]);
    }
    await peer.silence();
    await bob.silence();
  });

  it("integers may be written with a fraction of zero or an exponent", async (t) => {
    const peer = await Peer.login(carrier, await startNativeServer(t), "alice");
    for (const limit of ["5", "5.0", "5e0", "0.5e1", "500E-2"]) {
      peer.sendTexts(`{"op":"history","log":"alice","limit":${limit}}`);
      await peer.expect("page");
    }
  });

  it("names that mean something to JavaScript are names like any other", async (t) => {
    const server = await startNativeServer(t);
    const names = ["__proto__", "constructor", "hasOwnProperty", "toString", "prototype"];
    for (const name of names) {
      const peer = await Peer.login(carrier, server, name, { device: name });
      await peer.ask({ op: "join", room: `#${name}` }, "ok");
      peer.send({
        op: "send",
        to: name,
        body: "to myself",
        ref: "__proto__",
        clientId: "__proto__",
        type: "constructor",
      });
      await peer.expect("message", { log: name.toLowerCase(), from: name, to: name, body: "to myself" });
      await peer.expect("ok", { ref: "__proto__", clientId: "__proto__" });
      const { messages: page } = await peer.ask({ op: "history", log: name, with: name }, "page");
      assert.deepEqual(
        page.map(({ from, to, type }) => ({ from, to, type })),
        [{ from: name, to: name, type: "constructor" }],
      );
      await peer.ask({ op: "watch", users: [name] }, "ok");
      await peer.expect("presence", { users: [{ user: name, online: true }] });
    }
    const last = await Peer.login(carrier, server, "zed");
    const { users } = await last.ask({ op: "users" }, "presence");
    const { rooms } = await last.ask({ op: "rooms" }, "rooms");
    assert.deepEqual(users.map(({ user }) => user).sort(), [...names, "zed"].sort());
    assert.deepEqual(rooms.map(({ room }) => room.slice(1)).sort(), [...names].sort());
    assert.equal(({} as { ref?: unknown }).ref, undefined);
  });
});
