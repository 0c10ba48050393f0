/** The core as a whole: several nodes over one store, commands that fail by a bug, and the end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { login, ManualClock, openCore, TestConnection, turns } from "../../testing/core-fixture.ts";
import { MemoryEngine } from "../engine/memory.ts";

describe("two nodes over one store", () => {
  /** Two cores that both know Alice, Bob and their room. */
  async function twoNodes() {
    const engine = new MemoryEngine(() => "e1");
    const clock = new ManualClock();
    const first = await openCore({ engine, clock });
    for (const name of ["alice", "bob"]) {
      const tester = await login(first, name);
      tester.do({ op: "join", room: "#room" });
      await turns();
      tester.session.end();
    }
    return { first, second: await openCore({ engine, clock }) };
  }

  it("deliver what was sent at the other, each message once and in order, for every kind of address", async () => {
    const { first, second } = await twoNodes();
    const alice = await login(first, "alice");
    const bob = await login(second, "bob");
    for (const to of ["bob", "#room", "*"]) for (const body of ["1", "2"]) await alice.send(to, body);
    const told = bob.connection.told().filter((event) => event !== "live");
    assert.deepEqual(told, ["bob 1 1", "bob 2 2", "#room 1 1", "#room 2 2", "* 1 1", "* 2 2"]);
    assert.deepEqual(alice.connection.told(), ["live", "ok", "ok", "ok", "ok", "ok", "ok"]);
    await bob.send("alice", "back");
    assert.deepEqual(
      alice.connection.told().filter((event) => event !== "live"),
      ["alice 3 back"],
    );
  });

  it("keep one order where both append to a log at once", async () => {
    const { first, second } = await twoNodes();
    const alice = await login(first, "alice");
    const bob = await login(second, "bob");
    const readers = [
      await login(first, "alice", { device: "reader" }),
      await login(second, "bob", { device: "reader" }),
    ];
    for (let n = 0; n < 300; n++) {
      (n % 3 === 0 ? bob : alice).do({ op: "send", to: "#room", body: `${n}` });
      if (n % 50 === 49) await turns(1);
    }
    await turns(30);
    const expected = Array.from({ length: 300 }, (_, n) => `#room ${n + 1} ${n}`);
    for (const { connection } of readers)
      assert.deepEqual(
        connection.told().filter((event) => event !== "live"),
        expected,
      );
  });

  it("hand a device over: what was acknowledged at one is not sent again at the other", async () => {
    const { first, second } = await twoNodes();
    const alice = await login(first, "alice");
    const bob = await login(first, "bob");
    for (const body of ["1", "2", "3"]) await alice.send("bob", body);
    bob.do({ op: "ack", log: "bob", seq: 2 });
    bob.session.end();
    const moved = await login(second, "bob");
    assert.deepEqual(moved.connection.told(), ["bob 3 3", "live"]);
  });

  it("store a repeated clientId once", async () => {
    const { first, second } = await twoNodes();
    const one = await login(first, "alice");
    const two = await login(second, "alice", { device: "other" });
    for (const tester of [one, two]) await tester.send("bob", "once", { clientId: "c" });
    const [, ok] = one.connection.take();
    const repeat = two.connection.take().find(({ op }) => op === "ok");
    assert.ok(ok?.op === "ok" && repeat?.op === "ok");
    assert.deepEqual([repeat.id, repeat.positions?.[0]?.seq, repeat.duplicate], [ok.id, ok.positions?.[0]?.seq, true]);
  });
});

describe("a bug in a command", () => {
  it("is answered by internal and reported, and the session goes on", async () => {
    const core = await openCore();
    const alice = await login(core, "alice");
    alice.connection.told();
    const broken = { op: "send", ref: "r", to: "alice" } as unknown as Parameters<typeof alice.do>[0];
    alice.do(broken);
    alice.do({ op: "history", ref: "h", log: undefined as unknown as string });
    await turns();
    const errors = alice.connection.take().map((event) => event.op === "error" && [event.code, event.ref]);
    assert.deepEqual(errors, [
      ["internal", "r"],
      ["internal", "h"],
    ]);
    assert.equal(core.problems.length, 2);
    await alice.send("alice", "still here");
    assert.deepEqual(alice.connection.told(), ["alice 1 still here", "ok"]);
  });
});

describe("logging in", () => {
  it("is refused without a user, and with names that are none", async () => {
    const { core } = await openCore();
    const codeOf = async (hello: object) => {
      const result = await core.login(new TestConnection(), hello);
      return result.ok ? "ok" : result.fault.code;
    };
    assert.deepEqual(
      [await codeOf({}), await codeOf({ user: "#a" }), await codeOf({ user: "a", device: "b c" })],
      ["bad_message", "bad_name", "bad_name"],
    );
  });
});

describe("closing", () => {
  it("tells all sessions to connect again, once, and takes nothing more from them", async () => {
    const core = await openCore();
    const alice = await login(core, "alice");
    const bob = await login(core, "bob");
    core.core.close();
    for (const { connection, session } of [alice, bob]) {
      assert.deepEqual([connection.closed, session.ended], ["shutting_down", true]);
    }
    await alice.send("bob", "too late");
    assert.deepEqual(bob.connection.told(), ["live"]);
    assert.equal((await core.engine.head(bob.session.user.key)).tail, 0);
  });
});
