/** Fan-out: who is offered what, and that nothing is missed while somebody subscribes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { everyone, type LogName, type UserKey } from "@parley/protocol";
import { turns } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { Entry } from "../engine/entry.ts";
import { MemoryEngine } from "../engine/memory.ts";
import type { User } from "./directory.ts";
import { Hub, type Subscriber, type Topic } from "./hub.ts";
import type { Run } from "./run.ts";

const log = everyone.key;
const user = (key: string) => ({ key: key as UserKey }) as User;
const entry = (seq: number, name: LogName = log) => new Entry(name, "e1", seq, "{}", "", 0);

class Listener implements Subscriber {
  readonly heard: string[] = [];
  readonly topic: Topic;
  readonly user: User;

  constructor(topic: Topic, name: string) {
    this.topic = topic;
    this.user = user(name);
  }

  offer({ first, last }: Run, shared: boolean): void {
    this.heard.push(`${first === last ? first : `${first}-${last}`}${shared ? " shared" : ""}`);
  }

  fallBehind(): void {
    this.heard.push("behind");
  }
}

async function listen(hub: Hub, name = "alice"): Promise<Listener> {
  const { promise, resolve } = Promise.withResolvers<Listener>();
  await hub.subscribe(log, (topic) => {
    const listener = new Listener(topic, name);
    resolve(listener);
    return listener;
  });
  return promise;
}

/** An engine whose hints the test gives. */
class HintingEngine extends MemoryEngine {
  hint: (log: LogName, seq: number) => void = () => {};

  override subscribe(listener: (log: LogName, seq: number) => void): void {
    this.hint = listener;
  }
}

describe("the hub", () => {
  it("offers what was settled in a turn to all who read its log, together, and says whether they share it", async () => {
    const hub = new Hub(new MemoryEngine(() => "e1"));
    const first = await listen(hub);
    hub.publish(entry(1));
    const second = await listen(hub);
    hub.publish(entry(2));
    hub.publish(entry(1, "other" as LogName));
    hub.publish(entry(3));
    await turns();
    hub.unsubscribe(first);
    hub.publish(entry(4));
    await turns();
    hub.unsubscribe(second);
    hub.publish(entry(5));
    await turns();
    assert.deepEqual(first.heard, ["1", "2-3 shared"]);
    assert.deepEqual(second.heard, ["2-3 shared", "4"]);
  });

  it("lets go of the encoded bytes when all were offered an entry that they share", async () => {
    const hub = new Hub(new MemoryEngine(() => "e1"));
    await listen(hub);
    await listen(hub);
    let encoded = 0;
    const encode = () => {
      encoded += 1;
      return Buffer.alloc(1);
    };
    const one = entry(1);
    one.encodedBy(encode);
    one.encodedBy(encode);
    assert.equal(encoded, 1);
    hub.publish(one);
    await turns();
    one.encodedBy(encode);
    assert.equal(encoded, 2);
  });

  it("shows a new reader the engine's epoch and tail, or what was settled while it asked", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const hub = new Hub(engine);
    const release = engine.hold("head");
    const listening = listen(hub);
    await turns();
    hub.publish(entry(7));
    release();
    const { topic } = await listening;
    assert.deepEqual([topic.epoch, topic.tail], ["e1", 7]);
  });

  it("does not let a reader that declined, or whose log could not be asked for, stand in the way of the next", async () => {
    const engine = new GatedEngine(new MemoryEngine(() => "e1"));
    const hub = new Hub(engine);
    await hub.subscribe(log, () => undefined);
    engine.fail("head");
    await assert.rejects(listen(hub), /refuses head/);
    engine.heal();
    hub.publish(entry(5));
    const { topic } = await listen(hub);
    assert.equal(topic.tail, 0, "nobody read the log, so nobody was told of 5");
  });

  it("knows whether anybody else reads a log", async () => {
    const hub = new Hub(new MemoryEngine(() => "e1"));
    const alice = await listen(hub, "alice");
    assert.equal(hub.isReadByOthers(log, alice.user), false);
    assert.equal(hub.isReadByOthers(log, user("bob")), true);
    await listen(hub, "bob");
    assert.equal(hub.isReadByOthers(log, alice.user), true);
    assert.equal(hub.isReadByOthers("nobody" as LogName, alice.user), false);
  });

  it("makes readers read the log when another node appended, once for each position", async () => {
    const engine = new HintingEngine(() => "e1");
    const hub = new Hub(engine);
    const reader = await listen(hub);
    hub.publish(entry(1));
    engine.hint(log, 1);
    await turns();
    assert.deepEqual(reader.heard, ["1"], "a hint about our own entry is no news");
    engine.hint(log, 4);
    engine.hint(log, 4);
    engine.hint(log, 3);
    engine.hint("other" as LogName, 9);
    assert.deepEqual(reader.heard, ["1", "behind"]);
    assert.equal(reader.topic.tail, 4);
    hub.publish(entry(2));
    assert.equal(reader.topic.tail, 4, "an end that was announced is not taken back");
  });
});
