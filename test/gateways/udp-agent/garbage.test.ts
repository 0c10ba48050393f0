/** Any bytes may come: what is no message is counted and dropped, and the broker goes on. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { parseDatagram } from "../../../packages/server/src/gateway/udp-agent/codec.ts";
import { startBroker } from "./broker-under-test.ts";
import { datagram, RawAgent } from "./raw-agent.ts";

const flawed: readonly (string | Buffer)[] = [
  "",
  " ",
  "{}",
  "null",
  "[]",
  "1e999",
  '"log_in"',
  "{".repeat(60_000),
  "[".repeat(60_000),
  `${"[".repeat(30_000)}${"]".repeat(30_000)}`,
  `{"message_id":"ping","message_content":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
  Buffer.from([0xff, 0xfe]),
  Buffer.concat([Buffer.from("\ufeff"), Buffer.from(datagram("ping", { sender_username: "ana" }))]),
  Buffer.concat([
    Buffer.from('{"message_id":"ping","message_content":{"sender_username":"'),
    Buffer.from([0xc3, 0x22]),
  ]),
  '{"message_id":"ping"}',
  '{"message_id":"ping","message_content":null}',
  '{"message_id":"ping","message_content":[]}',
  '{"message_id":["ping"],"message_content":{"sender_username":"ana"}}',
  datagram("ping", {}),
  datagram("ping", { sender_username: 5 }),
  datagram("ping", { sender_username: "" }),
  datagram("ping", { sender_username: "#ana" }),
  datagram("ping", { sender_username: "a".repeat(65) }),
  datagram("ping", { sender_username: "ﷺ".repeat(60) }),
  datagram("__proto__", { sender_username: "ana" }),
  datagram("constructor", { sender_username: "ana" }),
  datagram("toString", { sender_username: "ana" }),
  datagram("receive_message", { sender_username: "ana", message_text: "x" }),
  '{"message_id":"ping","message_content":{"__proto__":{"sender_username":"ana"}}}',
  '{"__proto__":{"message_id":"ping","message_content":{"sender_username":"ana"}}}',
  datagram("log_in", { sender_username: "eve" }),
  ...[0, -1, 1.5, 65_536, 1e300, "1", null, [1], true].map((sender_port) =>
    datagram("log_in", { sender_username: "eve", sender_port }),
  ),
  '{"message_id":"log_in","message_content":{"sender_username":"eve","sender_port":1e999}}',
  datagram("send_message", { sender_username: "ana", receiver_username: "bob" }),
  datagram("send_message", { sender_username: "ana", receiver_username: ["bob"], message_text: "x" }),
  datagram("multicast_message", { sender_username: "ana", receiver_usernames: "bob", message_text: "x" }),
  datagram("create_group", { sender_username: "ana", group_name: "g", group_members: [{}] }),
  '{"message_id":"broadcast_message","message_content":{"sender_username":"ana","message_text":"\\ud800"}}',
];

describe("the datagram parser", () => {
  it("refuses what is not a message of an agent", () => {
    for (const bytes of flawed) assert.equal(parseDatagram(Buffer.from(bytes)), undefined, String(bytes).slice(0, 200));
  });

  it("takes any bytes, any JSON and any fields without an exception", () => {
    const ids = fc.constantFrom("log_in", "ping", "send_message", "create_group", "multicast_message");
    const content = fc.record(
      {
        sender_username: fc.oneof(fc.string({ unit: "binary" }), fc.jsonValue()),
        sender_port: fc.oneof(fc.double(), fc.jsonValue()),
        group_members: fc.jsonValue(),
        message_text: fc.string({ unit: "binary" }),
        receiver_username: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => parseDatagram(bytes) === undefined));
    fc.assert(fc.property(fc.jsonValue(), (value) => parseDatagram(Buffer.from(JSON.stringify(value))) === undefined));
    fc.assert(
      fc.property(ids, content, (id, fields) => {
        const message = parseDatagram(Buffer.from(datagram(id, fields)));
        return message === undefined || message.id === id;
      }),
    );
  });

  it("leaves no trace of prototype keys", () => {
    const text = '{"message_id":"ping","message_content":{"sender_username":"ana","__proto__":{"polluted":1}}}';
    assert.equal(parseDatagram(Buffer.from(text))?.id, "ping");
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });
});

describe("a broker", () => {
  it("counts and drops 10,000 datagrams of garbage without an answer, and goes on", async (t) => {
    const { port, discoveryPort, gateway } = await startBroker(t);
    const ana = await RawAgent.login(t, "ana", port);
    const eve = await RawAgent.open(t, "eve", port);
    const seed = Number(process.env.TEST_SEED ?? Date.now() % 1e9);
    t.diagnostic(`TEST_SEED=${seed}`);
    const bodies = fc.sample(fc.uint8Array({ maxLength: 400 }), { numRuns: 1000, seed });
    const before = process.memoryUsage().rss;
    for (let n = 0; n < 10_000; n++) {
      const bytes = n % 2 === 0 ? bodies[(n / 2) % 1000] : flawed[((n - 1) / 2) % flawed.length];
      eve.sendBytes(Buffer.from(bytes as Buffer), n % 3 === 0 ? discoveryPort : port);
      // So that the operating system's buffer, not ours, loses none: each is to be counted.
      while (n % 50 === 49 && gateway.datagrams.malformed <= n - 50) await sleep(1);
    }
    while (gateway.datagrams.malformed < 10_000) await sleep(1);
    assert.deepEqual(gateway.datagrams, { received: 10_001, malformed: 10_000, refused: 0 });
    assert.deepEqual(eve.received, []);
    assert.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024);
    assert.deepEqual(await ana.online(), ["ana"]);
  });

  it("takes log_in alone on the discovery port", async (t) => {
    const { port, discoveryPort, gateway } = await startBroker(t);
    const ana = await RawAgent.login(t, "ana", port);
    ana.say("log_out", {}, discoveryPort);
    while (gateway.datagrams.malformed === 0) await sleep(1);
    assert.deepEqual(await ana.online(), ["ana"]);
  });

  it("hears nothing of what it sends itself, where an agent claims to receive at the broker's port", async (t) => {
    const { port, discoveryPort, gateway } = await startBroker(t);
    const [ana, bob] = [await RawAgent.login(t, "ana", port), await RawAgent.login(t, "bob", port)];
    for (const [name, sender_port] of [
      ["loop1", port],
      ["loop2", discoveryPort],
    ]) {
      ana.logIn({ sender_username: name, sender_port });
      ana.say("create_group", { group_name: "g", group_members: ["ana", "bob", "loop1", "loop2"] });
    }
    ana.say("create_group", { group_name: "g", group_members: ["bob", "loop1", "loop2"] });
    assert.match(await bob.hears(), /group g/);
    await ana.heard();
    bob.say("group_message", { group_name: "g", message_text: "once" });
    assert.equal(await ana.hears(), "#g bob: once");
    await sleep(50);
    assert.deepEqual(await ana.heard(), []);
    assert.ok(gateway.datagrams.malformed >= 4, "the broker's own datagrams are no messages to it");
    assert.ok(gateway.datagrams.received < 50);
  });
});
