/** `update_user_set`: to every agent when the set of online users changes, at most once a second, however many change. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeUserList } from "../../../packages/server/src/gateway/udp-agent/codec.ts";
import { login } from "../../../packages/server/testing/core-fixture.ts";
import { startBroker } from "./broker-under-test.ts";
import { RawAgent, users } from "./raw-agent.ts";

describe("update_user_set", () => {
  it("comes once a second at most while 1,000 users come and go, and says in the end what is so", async (t) => {
    const { port, gateway } = await startBroker(t);
    const watchers = [await RawAgent.login(t, "w1", port), await RawAgent.login(t, "w2", port)];
    const times = watchers.map((): number[] => []);
    const last: string[][] = [];
    for (const [i, { socket }] of watchers.entries()) {
      socket.on("message", (bytes) => {
        const { message_id, message_content } = JSON.parse(bytes.toString());
        if (message_id !== "update_user_set") return;
        times[i]?.push(performance.now());
        last[i] = [...message_content.user_list].sort();
        assert.equal(message_content.truncated, undefined);
      });
    }
    const crowd = await RawAgent.open(t, "crowd", port);
    const names = Array.from({ length: 1000 }, (_, n) => (n < 500 ? `s${n}` : `g${n}`));
    const began = performance.now();
    let changes = 0;
    const all = async (id: string, some = names) => {
      for (const [i, sender_username] of some.entries()) {
        crowd.say(id, { sender_username, sender_port: crowd.port });
        changes += 1;
        // So that the operating system's buffer loses none.
        while (i % 100 === 99 && gateway.datagrams.received < watchers.length + changes) await sleep(1);
      }
    };
    while (performance.now() - began < 2200) {
      await all("log_in");
      await all("log_out");
    }
    await all("log_in", names.slice(0, 500));
    const expected = ["w1", "w2", ...names.filter((name) => name.startsWith("s"))].sort();
    const isTold = () => last.every((list) => list.join() === expected.join());
    while (performance.now() - began < 10_000 && !isTold()) await sleep(10);
    for (const list of last) assert.deepEqual(list, expected);
    const seconds = (performance.now() - began) / 1000;
    for (const [i, told] of times.entries()) {
      t.diagnostic(`${changes} changes in ${seconds.toFixed(1)} s: ${told.length} updates`);
      assert.ok(told.length >= 3 && told.length <= seconds + 2, `watcher ${i} was told ${told.length} times`);
      // They leave a second apart; a busy machine lets them be heard closer together.
      for (const [n, time] of told.slice(1).entries()) assert.ok(time - (told[n] as number) > 500, "in a burst");
    }
  });

  it("tells of users of other protocols, and nothing while nothing changes", async (t) => {
    const broker = await startBroker(t);
    const ana = await RawAgent.login(t, "ana", broker.port);
    assert.deepEqual(users(await ana.next("update_user_set")), ["ana"]);
    const native = await login(broker, "nat");
    assert.deepEqual(users(await ana.next("update_user_set")), ["ana", "nat"]);
    native.session.end();
    assert.deepEqual(users(await ana.next("update_user_set")), ["ana"]);
    await sleep(1200);
    assert.deepEqual(ana.received, []);
  });

  it("is cut, and says so, where the list is longer than a datagram may be", async (t) => {
    const broker = await startBroker(t, { maxDatagramBytes: 600 });
    for (let n = 0; n < 200; n++) await login(broker, `user-${n}`);
    const ana = await RawAgent.open(t, "ana", broker.port);
    ana.logIn();
    const [acknowledgement, update] = [await ana.next("acknowledge_log_in"), await ana.next("update_user_set")];
    for (const { content, bytes } of [acknowledgement, update]) {
      assert.equal(content.truncated, true);
      assert.ok(bytes > 580 && bytes <= 600, `${bytes} bytes`);
    }
    assert.equal((acknowledgement.content.user_list as string[])[0], "ana", "the new one is always included");
  });
});

describe("a list of users", () => {
  const parse = (names: readonly string[], maxBytes: number) => {
    const bytes = encodeUserList("online_users", names, maxBytes);
    const { user_list, truncated = false } = JSON.parse(bytes.toString()).message_content;
    return { names: user_list as string[], truncated: truncated as boolean, bytes: bytes.length };
  };

  it("has as many names as fit, to the byte", () => {
    const names = ["ana", "bob", "ăî", "d"];
    const whole = parse(names, 8192);
    assert.deepEqual(whole.names, names);
    assert.deepEqual(parse(names, whole.bytes), whole);
    const empty = parse([], 8192).bytes;
    const flag = `,"truncated":true`.length;
    const expected = (room: number) => {
      for (let count = names.length - 1; count > 0; count--) {
        const bytes = empty + Buffer.byteLength(JSON.stringify(names.slice(0, count))) - "[]".length + flag;
        if (bytes <= room) return { names: names.slice(0, count), truncated: true, bytes };
      }
      const one = empty + `"ana"`.length;
      return one <= room
        ? { names: ["ana"], truncated: false, bytes: one }
        : { names: [], truncated: false, bytes: empty };
    };
    for (let room = whole.bytes - 1; room > 0; room--) assert.deepEqual(parse(names, room), expected(room));
  });
});
