/** Users, rooms and memberships: registered once, written before anybody is told, found again after a restart. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRoom, parseUser } from "@parley/protocol";
import { login, openCore, turns } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { Directory } from "./directory.ts";

function user(name: string) {
  const parsed = parseUser(name);
  assert.ok(parsed.ok);
  return parsed.value;
}

function room(name: string) {
  const parsed = parseRoom(name);
  assert.ok(parsed.ok);
  return parsed.value;
}

async function open() {
  const engine = new GatedEngine(new MemoryEngine(() => "e1"));
  return { engine, directory: await Directory.load(engine) };
}

describe("registering", () => {
  it("two logins of a new name at once make one user, with the first spelling", async () => {
    const { engine, directory } = await open();
    const release = engine.hold("write");
    const names = ["Bob", "BOB", "bob"].map((name, at) => directory.register(user(name), 100 + at, async () => 7 + at));
    await turns(2);
    assert.equal(directory.users.size, 0, "nobody is known before it is written");
    release();
    const [first, ...others] = await Promise.all(names);
    assert.ok(others.every((other) => other === first));
    assert.partialDeepStrictEqual(first, { key: "bob", name: "Bob", createdAt: 100, lastSeen: 100, everyoneSeq: 7 });
    assert.equal(engine.calls.write, 1);
    assert.equal((await engine.scan("user", "")).length, 1);
    assert.equal(await directory.register(user("BOB"), 200, assert.fail), first);
  });

  it("that could not be written makes nobody, and may be tried again", async () => {
    const { engine, directory } = await open();
    engine.fail("write");
    const attempts = [
      directory.register(user("bob"), 1, async () => 0),
      directory.register(user("bob"), 1, async () => 0),
    ];
    const outcomes = await Promise.allSettled(attempts);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    assert.equal(directory.users.size, 0);
    engine.heal();
    assert.equal((await directory.register(user("Bob"), 2, async () => 0)).name, "Bob");
  });

  it("by two sessions at once gives both the same log and user", async () => {
    const core = await openCore();
    const [one, two] = await Promise.all([
      login(core, "New", { device: "one" }),
      login(core, "new", { device: "two" }),
    ]);
    assert.equal(one.session.user, two.session.user);
    await one.send("NEW", "hi");
    assert.deepEqual(two.connection.told(), ["live", "new 1 hi"]);
  });
});

describe("rooms", () => {
  it("are made by the first join, in its spelling, and outlive their members", async () => {
    const { engine, directory } = await open();
    const [alice, bob] = [
      await directory.register(user("alice"), 1, async () => 0),
      await directory.register(user("bob"), 1, async () => 0),
    ];
    await directory.join(alice, room("#Room"), { seq: 3, epoch: "e1" }, 5);
    await directory.join(bob, room("#ROOM"), { seq: 4, epoch: "e1" }, 6);
    const made = directory.rooms.get(room("#room").key);
    assert.ok(made);
    assert.deepEqual([made.name, [...made.members.keys()]], ["#Room", ["alice", "bob"]]);
    for (const member of [alice, bob]) await directory.leave(member, made, []);
    assert.deepEqual([made.members.size, alice.rooms.size], [0, 0]);
    assert.deepEqual(await engine.scan("member", ""), []);
    assert.equal((await Directory.load(engine)).rooms.get(made.key)?.name, "#Room");
  });

  it("are not joined, and not left, where that could not be written", async () => {
    const { engine, directory } = await open();
    const alice = await directory.register(user("alice"), 1, async () => 0);
    engine.fail("write");
    await assert.rejects(directory.join(alice, room("#room"), { seq: 0, epoch: "e1" }, 1), /refuses write/);
    assert.deepEqual([alice.rooms.size, directory.rooms.size], [0, 0]);
    engine.heal();
    await directory.join(alice, room("#room"), { seq: 0, epoch: "e1" }, 1);
    const made = directory.rooms.get(room("#room").key);
    assert.ok(made);
    engine.fail("write");
    await assert.rejects(directory.leave(alice, made, []), /refuses write/);
    assert.deepEqual([alice.rooms.size, made.members.size], [1, 1]);
  });
});

describe("loading", () => {
  it("finds users, rooms and memberships as they were", async () => {
    const { engine, directory } = await open();
    const alice = await directory.register(user("Ａlice"), 10, async () => 4);
    await directory.join(alice, room("#Room"), { seq: 3, epoch: "e1" }, 11);
    await directory.saw(alice, 20);
    const { users, rooms } = await Directory.load(engine);
    const loaded = users.get(user("alice").key);
    assert.ok(loaded);
    assert.partialDeepStrictEqual(loaded, { name: "Alice", createdAt: 10, lastSeen: 20, everyoneSeq: 4 });
    assert.deepEqual([...loaded.rooms], [["#room", { seq: 3, epoch: "e1" }]]);
    assert.equal(rooms.get(room("#room").key)?.members.get(loaded.key), loaded);
  });
});
