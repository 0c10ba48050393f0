/**
 * Whose a session is, when it ends, and what goes to an address that has not shown that it receives. 127.0.0.2 and others
 * stand for addresses elsewhere: `isLocal` says that only 127.0.0.1 is this machine.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { login } from "../../../packages/server/testing/core-fixture.ts";
import { type BrokerUnderTest, startBroker } from "./broker-under-test.ts";
import { datagram, RawAgent, users } from "./raw-agent.ts";

const isLocal = (address: string) => address === "127.0.0.1";
const abroad = "127.0.0.2";

/** Waits until the broker has taken all that was sent to it. */
async function taken({ gateway }: BrokerUnderTest, count: number): Promise<void> {
  while (gateway.datagrams.received < count) await sleep(1);
  // What came is carried out, and answered, within the turns of a store in memory.
  await sleep(20);
}

describe("a session", () => {
  it("belongs to the address that logged in: others are refused, and told so", async (t) => {
    const { port, gateway } = await startBroker(t);
    const [bob, ana] = [await RawAgent.login(t, "bob", port), await RawAgent.login(t, "ana", port)];
    const thief = await RawAgent.open(t, "BOB", port, "127.0.0.3");
    thief.logIn();
    thief.say("send_message", { receiver_username: "ana", message_text: "I am bob" });
    thief.say("log_out");
    thief.say("create_group", { group_name: "g", group_members: ["ana"] });
    for (let n = 0; n < 4; n++) assert.equal(await thief.hears(), "broker: BOB is logged in from another address");
    assert.deepEqual(await ana.heard(), []);
    ana.say("send_message", { receiver_username: "bob", message_text: "for bob" });
    assert.equal(await bob.hears(), "ana: for bob");
    assert.deepEqual(await thief.received, []);
    assert.equal(gateway.datagrams.refused, 4);
  });

  it("is heard from any port of its address, and moves to another port by a log_in", async (t) => {
    const { port } = await startBroker(t);
    const [bob, ana] = [await RawAgent.login(t, "bob", port), await RawAgent.login(t, "ana", port)];
    const other = await RawAgent.open(t, "bob", port);
    other.say("send_message", { receiver_username: "ana", message_text: "from another port" });
    assert.equal(await ana.hears(), "bob: from another port");
    other.logIn();
    assert.deepEqual(users(await other.next("acknowledge_log_in")), ["ana", "bob"]);
    ana.say("send_message", { receiver_username: "bob", message_text: "moved" });
    assert.equal(await other.hears(), "ana: moved");
    assert.deepEqual(
      bob.received.filter(({ id }) => id !== "update_user_set"),
      [],
    );
    assert.deepEqual(await ana.heard(), [], "bob was never away");
  });

  it("ends in silence, and goes on with any sign of life; then the address is free", async (t) => {
    const { port } = await startBroker(t, { inactivityMs: 300 });
    const ana = await RawAgent.login(t, "ana", port);
    const began = performance.now();
    const bob = await RawAgent.login(t, "bob", port);
    while ((await ana.online()).includes("bob")) {
      ana.say("ping");
      await sleep(20);
    }
    const silentMs = performance.now() - began;
    assert.ok(silentMs > 290 && silentMs < 5000, `offline after ${silentMs} ms`);
    assert.deepEqual(await ana.online(), ["ana"]);
    ana.say("send_message", { receiver_username: "bob", message_text: "kept" });
    assert.match(await ana.hears(), /bob is offline/);
    const moved = await RawAgent.login(t, "bob", port, "127.0.0.3");
    assert.equal(await moved.hears(), "ana: kept");
    assert.deepEqual(
      bob.received.filter(({ id }) => id !== "update_user_set"),
      [],
    );
  });
});

describe("an address elsewhere", () => {
  it("gets messages when a second datagram has shown that it receives, not before", async (t) => {
    for (const show of ["log_in", "ping", "get_online_users"]) {
      const broker = await startBroker(t, { isLocal });
      const ana = await RawAgent.login(t, "ana", broker.port);
      assert.ok((await broker.core.register("bob")).ok);
      ana.say("send_message", { receiver_username: "bob", message_text: "waits" });
      assert.match(await ana.hears(), /bob is offline/);
      const bob = await RawAgent.login(t, "bob", broker.port, abroad);
      ana.say("send_message", { receiver_username: "bob", message_text: "waits too" });
      assert.deepEqual(await ana.heard(), [], "bob is online");
      await sleep(30);
      assert.deepEqual(bob.received, [], show);
      bob.say(show, { sender_port: bob.port });
      const messages = [];
      while (messages.length < 2) {
        const { id, content } = await bob.next();
        if (id === "receive_message") messages.push(content.message_text);
      }
      assert.deepEqual(messages, ["waits", "waits too"]);
      if (show === "ping") assert.deepEqual(users(await bob.next("update_user_set")), ["ana", "bob"]);
    }
  });

  it("shows it by its receiving port too, not by any other, and has to again where a log_in moves it", async (t) => {
    const broker = await startBroker(t, { isLocal });
    assert.ok((await broker.core.register("bob")).ok);
    const native = await login(broker, "nat");
    await native.send("bob", "waits");
    const [writing, reading, third] = [
      await RawAgent.open(t, "bob", broker.port, abroad),
      await RawAgent.open(t, "bob", broker.port, abroad),
      await RawAgent.open(t, "bob", broker.port, abroad),
    ];
    writing.logIn({ sender_port: reading.port });
    await reading.next("acknowledge_log_in");
    third.say("ping");
    await taken(broker, 2);
    assert.deepEqual(reading.received, []);
    reading.say("ping");
    assert.equal(await reading.hears(), "nat: waits");
    await third.comeBack();
    await native.send("bob", "waits again");
    await taken(broker, 4);
    assert.deepEqual(third.received, []);
    third.say("ping");
    assert.equal(await third.hears(), "nat: waits again");
    assert.deepEqual(
      reading.received.filter(({ id }) => id !== "update_user_set"),
      [],
    );
  });

  it("gets no more bytes than it sent, whatever it asks, until then", async (t) => {
    const broker = await startBroker(t, { isLocal });
    for (let n = 0; n < 500; n++) await login(broker, `user-${n}`);
    const far = await RawAgent.open(t, "far", broker.port, abroad);
    far.logIn();
    const { content } = await far.next("acknowledge_log_in");
    assert.deepEqual(content, { user_list: ["far"] });
    assert.ok(far.receivedBytes <= far.sentBytes, `${far.receivedBytes} bytes for ${far.sentBytes}`);
    far.say("get_user_list");
    const listed = await far.next("online_users");
    assert.equal(listed.content.truncated, undefined);
    assert.equal(users(listed).length, 501, "that was the second datagram");
  });

  it("is refused by no more bytes than it sent, else without a word", async (t) => {
    const broker = await startBroker(t, { isLocal });
    const far = await RawAgent.open(t, "far", broker.port, abroad);
    far.say("ping");
    await taken(broker, 1);
    assert.deepEqual([far.received, broker.gateway.datagrams.refused], [[], 1]);
    far.say("send_message", { receiver_username: "ana", message_text: "x".repeat(100) });
    assert.equal(await far.hears(), "broker: far is not logged in: send log_in first");
  });

  it("gets no more bytes than it sent in whosever names, from whatever ports", async (t: TestContext) => {
    const broker = await startBroker(t, { isLocal });
    for (let n = 0; n < 500; n++) await login(broker, `user-${n}`);
    const away = Array.from({ length: 100 }, (_, n) => `away-${n}`);
    for (const name of away) assert.ok((await broker.core.register(name)).ok);
    const victim = await RawAgent.open(t, "x", broker.port, abroad);
    // Its address is forged by somebody whose datagrams come from other ports of it.
    const forged = await RawAgent.open(t, "x", broker.port, abroad);
    let sent = 0;
    const forge = (id: string, content: object) => {
      sent += 1;
      forged.sendBytes(Buffer.from(datagram(id, content)));
    };
    for (let n = 0; n < 50; n++) {
      const name = `f${n}`;
      forge("log_in", { sender_username: name, sender_port: victim.port });
      forge("log_in", { sender_username: "user 1", sender_port: victim.port });
      forge("log_in", { sender_username: "broker", sender_port: victim.port });
      forge("send_message", { sender_username: "user-1", receiver_username: "x", message_text: "y".repeat(n) });
    }
    await taken(broker, sent);
    assert.ok(victim.receivedBytes > 0 && forged.receivedBytes > 0, "the test would see more");
    const got = victim.receivedBytes + forged.receivedBytes;
    assert.ok(got <= forged.sentBytes, `${got} bytes for ${forged.sentBytes}`);
    const third = await RawAgent.open(t, "x", broker.port, abroad);
    const before = victim.receivedBytes + forged.receivedBytes;
    for (let n = 0; n < 50; n++)
      for (const id of ["get_online_users", "multicast_message", "get_user_list", "log_out"]) {
        sent += 1;
        const content = { sender_username: `f${n}`, receiver_usernames: away, message_text: "" };
        third.sendBytes(Buffer.from(datagram(id, content)));
        if (n % 5 === 0) await sleep(5);
      }
    await taken(broker, sent);
    const more = victim.receivedBytes + forged.receivedBytes + third.receivedBytes - before;
    assert.ok(more > 0 && more + got <= forged.sentBytes + third.sentBytes, `${more} bytes for ${third.sentBytes}`);
  });
});
