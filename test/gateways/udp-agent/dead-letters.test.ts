/** What no datagram holds, what came too late and what was kept for too long: dead letters, each with its reason. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MemoryEngine } from "../../../packages/server/src/engine/memory.ts";
import { login } from "../../../packages/server/testing/core-fixture.ts";
import { GatedEngine } from "../../../packages/server/testing/gated-engine.ts";
import { type BrokerUnderTest, startBroker } from "./broker-under-test.ts";
import { RawAgent } from "./raw-agent.ts";

/** Waits until there are so many dead letters. */
async function deadLetters(broker: BrokerUnderTest, count = 1): Promise<string[]> {
  for (;;) {
    const letters = await broker.dead();
    if (letters.length >= count) return letters.sort();
    await sleep(1);
  }
}

describe("a message", () => {
  it("that no datagram holds becomes a dead letter; those around it arrive, and it is not met again", async (t) => {
    const broker = await startBroker(t, { maxDatagramBytes: 600 });
    const [ana, bob] = [await RawAgent.login(t, "ana", broker.port), await RawAgent.login(t, "bob", broker.port)];
    const frame = JSON.stringify({
      message_id: "receive_message",
      message_content: { sender_username: "ana", message_text: "" },
    }).length;
    const fits = "x".repeat(600 - frame);
    for (const message_text of ["before", fits, `${fits}x`, "after"])
      ana.say("send_message", { receiver_username: "bob", message_text });
    for (const text of ["before", fits, "after"]) assert.equal(await bob.hears(), `ana: ${text}`);
    assert.deepEqual(await deadLetters(broker), ["too_large bob 3: "]);
    await bob.goAway();
    await bob.comeBack();
    assert.deepEqual(await bob.heard(), []);
    assert.equal((await broker.dead()).length, 1);
  });

  it("to a group that no datagram holds is a dead letter of each agent, and reaches the others", async (t) => {
    const broker = await startBroker(t, { maxDatagramBytes: 600 });
    const [ana, bob] = [await RawAgent.login(t, "ana", broker.port), await RawAgent.login(t, "bob", broker.port)];
    const native = await login(broker, "nat");
    ana.say("create_group", { group_name: "g", group_members: ["bob", "nat"] });
    for (const agent of [ana, bob]) assert.match(await agent.hears(), /group g/);
    native.connection.told();
    await native.send("#g", "y".repeat(700));
    ana.say("group_message", { group_name: "g", message_text: "z".repeat(700) });
    ana.say("group_message", { group_name: "g", message_text: "short" });
    assert.equal(await bob.hears(), "#g ana: short");
    const letters = await deadLetters(broker, 3);
    assert.deepEqual(letters, ["too_large #g 1: ana", "too_large #g 1: bob", "too_large #g 2: bob"]);
    assert.ok(native.connection.told().includes(`#g 2 ${"z".repeat(700)}`));
  });

  it("that expired before its agent came back becomes one", async (t) => {
    const broker = await startBroker(t);
    const native = await login(broker, "nat");
    assert.ok((await broker.core.register("bob")).ok);
    await native.send("bob", "old", { ttl: 1000 });
    await native.send("bob", "lasting");
    broker.clock.time += 1000;
    const bob = await RawAgent.login(t, "bob", broker.port);
    assert.equal(await bob.hears(), "nat: lasting");
    assert.deepEqual(await broker.dead(), ["expired bob 1: "]);
  });

  it("whose agent never came back within the retention becomes one", async (t) => {
    const retention = { maxAgeMs: 1000, maxMessages: 0, maxBytes: 0 };
    const broker = await startBroker(t, {}, { retention });
    const [ana, bob] = [await RawAgent.login(t, "ana", broker.port), await RawAgent.login(t, "bob", broker.port)];
    ana.say("send_message", { receiver_username: "bob", message_text: "received" });
    assert.equal(await bob.hears(), "ana: received");
    await bob.goAway();
    ana.say("send_message", { receiver_username: "bob", message_text: "waits" });
    assert.match(await ana.hears(), /bob is offline/);
    broker.clock.time += 1001;
    await broker.core.trim();
    assert.deepEqual(await broker.dead(), ["retention bob 2: "]);
  });

  it("is not acknowledged before its dead letter is on disk: where the store refuses, it comes again", async (t) => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const broker = await startBroker(t, { maxDatagramBytes: 600 }, { engine });
    assert.ok((await broker.core.register("bob")).ok);
    const native = await login(broker, "nat");
    for (const body of ["x".repeat(700), "short"]) await native.send("bob", body);
    engine.fail("append");
    const bob = await RawAgent.login(t, "bob", broker.port);
    while (broker.complaints.length === 0) await sleep(1);
    assert.match(broker.complaints.splice(0).join(), /refuses append/);
    assert.deepEqual(broker.core.online(), ["nat"], "the agent is offline");
    engine.heal();
    bob.received.splice(0);
    await bob.comeBack();
    assert.equal(await bob.hears(), "nat: short");
    assert.deepEqual(await deadLetters(broker), ["too_large bob 1: "]);
  });
});
