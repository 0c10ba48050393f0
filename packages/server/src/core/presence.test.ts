/** Presence: changes in a short interval are told together, only what changed, and never wrongly. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { UserKey } from "@parley/protocol";
import { ManualClock } from "../../testing/core-fixture.ts";
import { GatedEngine } from "../../testing/gated-engine.ts";
import { MemoryEngine } from "../engine/memory.ts";
import { Directory, type User } from "./directory.ts";
import { Presence, type Watcher } from "./presence.ts";

class TestWatcher implements Watcher {
  readonly user: User;
  watching: Set<UserKey> | "everybody" | undefined;
  readonly told: string[] = [];
  readonly #presence: Presence;

  constructor(presence: Presence, user: User) {
    this.user = user;
    this.#presence = presence;
  }

  tell(): void {}
  async joined(): Promise<void> {}
  left(): void {}
  close(): void {}
  hasInFlight(): boolean {
    return false;
  }

  tellPresence(users: readonly User[]): void {
    const states = users.map((user) => `${user.key} ${this.#presence.of(user).online ? "on" : "off"}`);
    this.told.push(states.sort().join(", "));
  }
}

async function open(t: TestContext, ...names: readonly string[]) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const engine = new GatedEngine(new MemoryEngine(() => "e1"));
  const directory = await Directory.load(engine);
  const clock = new ManualClock();
  const problems: unknown[] = [];
  const presence = new Presence(clock, directory, (problem) => problems.push(problem));
  const users: User[] = [];
  for (const name of names) {
    const address = { kind: "user", key: name as UserKey, name } as const;
    users.push(await directory.register(address, 5, async () => 0));
  }
  const session = (user: User | undefined) => new TestWatcher(presence, user as User);
  const begin = (user: User | undefined) => {
    const one = session(user);
    presence.sessionBegan(one);
    return one;
  };
  return { engine, clock, problems, presence, users, begin, pass: () => t.mock.timers.tick(20) };
}

const keys = (...names: readonly string[]) => names as readonly UserKey[];

describe("presence", () => {
  it("tells changes within one interval together, to each watcher what it watches", async (t) => {
    const { presence, users, begin, pass } = await open(t, "alice", "bob", "carol", "dave");
    const [alice, bob, carol, dave] = users;
    const [one, all] = [begin(alice), begin(alice)];
    pass();
    presence.watch(one, keys("bob", "dave"));
    presence.watch(all, undefined);
    for (const user of [bob, carol, dave]) begin(user);
    assert.deepEqual([one.told, all.told], [[], []]);
    pass();
    assert.deepEqual(one.told, ["bob on, dave on"]);
    assert.deepEqual(all.told, ["bob on, carol on, dave on"]);
    pass();
    assert.equal(one.told.length, 1);
  });

  it("does not tell of who was away for less than an interval", async (t) => {
    const { presence, users, begin, pass } = await open(t, "alice", "bob");
    const watcher = begin(users[0]);
    const bob = begin(users[1]);
    pass();
    presence.watch(watcher, keys("bob"));
    presence.sessionEnded(bob);
    begin(users[1]);
    pass();
    assert.deepEqual(watcher.told, []);
  });

  it("tells it after all where somebody asked in between", async (t) => {
    const { presence, users, begin, pass } = await open(t, "alice", "bob");
    const [alice, bob] = users as [User, User];
    const watcher = begin(alice);
    pass();
    const session = begin(bob);
    presence.watch(watcher, keys("bob"));
    assert.equal(presence.of(bob).online, true);
    presence.sessionEnded(session);
    pass();
    assert.deepEqual(watcher.told, ["bob off"]);
  });

  it("counts sessions: the first and the last one make the change", async (t) => {
    const { presence, users, begin, clock, pass } = await open(t, "alice", "bob");
    const [alice, bob] = users as [User, User];
    const watcher = begin(alice);
    presence.watch(watcher, keys("bob"));
    pass();
    const sessions = [begin(bob), begin(bob)];
    pass();
    presence.sessionEnded(sessions[0] as TestWatcher);
    pass();
    assert.deepEqual([watcher.told, presence.of(bob)], [["bob on"], { user: "bob", online: true }]);
    clock.time += 5000;
    presence.sessionEnded(sessions[1] as TestWatcher);
    presence.sessionEnded(sessions[1] as TestWatcher);
    pass();
    assert.deepEqual(watcher.told, ["bob on", "bob off"]);
    assert.deepEqual(presence.of(bob), { user: "bob", online: false, lastSeen: clock.time });
  });

  it("reports that lastSeen was not written, and goes on", async (t) => {
    const { engine, presence, users, begin, problems, pass } = await open(t, "alice", "bob");
    const watcher = begin(users[0]);
    presence.watch(watcher, keys("bob"));
    const session = begin(users[1]);
    pass();
    engine.fail("write");
    presence.sessionEnded(session);
    pass();
    await new Promise(setImmediate);
    assert.match(String(problems[0]), /refuses write/);
    assert.deepEqual(watcher.told, ["bob on", "bob off"]);
  });
});

describe("watching", () => {
  it("a list and then everybody is everybody, each change once", async (t) => {
    const { presence, users, begin, pass } = await open(t, "alice", "bob", "carol");
    const watcher = begin(users[0]);
    pass();
    presence.watch(watcher, keys("bob"));
    presence.watch(watcher, undefined);
    presence.watch(watcher, keys("bob"));
    presence.unwatch(watcher, keys("bob"));
    begin(users[1]);
    begin(users[2]);
    pass();
    assert.deepEqual(watcher.told, ["bob on, carol on"]);
  });

  it("ends for those named, for all, and with the session", async (t) => {
    const { presence, users, begin, pass } = await open(t, "alice", "bob", "carol");
    const [some, none, gone] = [begin(users[0]), begin(users[0]), begin(users[0])];
    pass();
    for (const watcher of [some, none, gone]) presence.watch(watcher, keys("bob", "carol"));
    presence.unwatch(some, keys("bob", "nobody"));
    presence.unwatch(none, undefined);
    presence.sessionEnded(gone);
    begin(users[1]);
    begin(users[2]);
    pass();
    assert.deepEqual([some.told, none.told, gone.told], [["carol on"], [], []]);
    const all = begin(users[0]);
    presence.watch(all, undefined);
    presence.unwatch(all, undefined);
    presence.sessionEnded(begin(users[1]));
    pass();
    assert.deepEqual(all.told, []);
  });

  it("knows who is online, and tells listeners once per interval that it changed, if it did", async (t) => {
    const { presence, users, begin, pass } = await open(t, "alice", "bob", "carol");
    let changes = 0;
    const end = presence.onChange(() => {
      changes += 1;
    });
    const [alice] = [begin(users[0]), begin(users[1]), begin(users[1])];
    assert.deepEqual([...presence.online], [users[0], users[1]]);
    pass();
    assert.equal(changes, 1);
    presence.sessionEnded(alice);
    assert.deepEqual([...presence.online], [users[1]]);
    begin(users[0]);
    pass();
    assert.equal(changes, 1, "gone and back within one interval is no change");
    end();
    begin(users[2]);
    pass();
    assert.equal(changes, 1);
  });

  it("tells nothing after the end", async (t) => {
    const { presence, users, begin, pass } = await open(t, "alice", "bob");
    const watcher = begin(users[0]);
    pass();
    presence.watch(watcher, undefined);
    begin(users[1]);
    presence.stop();
    pass();
    assert.deepEqual(watcher.told, []);
  });
});
