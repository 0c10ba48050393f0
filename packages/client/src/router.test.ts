import assert from "node:assert/strict";
import { test } from "node:test";
import type { Position } from "@parley/protocol";
import { at, testParts, wire } from "../testing/parts.ts";
import { settle } from "../testing/wait.ts";
import type { Reset, Welcome } from "./events.ts";
import { type Change, memoryPersistence, type Persistence } from "./persistence.ts";
import { Router } from "./router.ts";

const limits = { maxFrameBytes: 1000, maxBodyBytes: 1000, maxRecipients: 100, window: 1024, idleMs: 90_000 };

function welcome(positions: Position[], user = "alice"): Welcome {
  return { user, device: "phone", session: "s", positions, limits };
}

async function create(positions: Position[] = []) {
  const saved: Change[] = [];
  const persistence: Persistence = {
    ...memoryPersistence(),
    save: async (changes) => {
      saved.push(...changes);
    },
  };
  const parts = testParts({ persistence });
  const router = new Router(parts);
  await parts.ledger.load();
  router.restore({ positions, outbox: [] }, "alice");
  const resets: Reset[] = [];
  parts.emitter.on("reset", (reset) => resets.push(reset));
  return { ...parts, router, resets, saved };
}

test("a log that is new begins where the server says, and that is saved", async () => {
  const { router, cursors, environment, saved, resets } = await create();
  router.welcomed(welcome([at("alice", 7)]));
  assert.deepEqual(cursors.resumePositions(), [at("alice", 7)]);
  environment.turn();
  assert.deepEqual(saved, [
    { type: "identity", user: "alice", device: "phone" },
    { type: "position", position: at("alice", 7) },
  ]);
  assert.deepEqual(resets, []);
});

test("a log that is known goes on where it was, also when the server starts before that", async () => {
  const { router, cursors, resets } = await create([at("alice", 7)]);
  router.welcomed(welcome([at("alice", 3)]));
  router.received(wire("alice", 7));
  assert.deepEqual(cursors.handledPositions(), [at("alice", 7)]);
  assert.deepEqual(resets, []);
});

test("that the server starts beyond our position, or in another epoch, is told as a reset, once", async () => {
  for (const start of [at("alice", 9), at("alice", 2, "restored")]) {
    const { router, cursors, resets, environment, saved } = await create([at("alice", 7)]);
    router.welcomed(welcome([start]));
    router.received({ op: "reset", ...start });
    const previous = { epoch: "e", seq: 7 };
    assert.deepEqual(resets, [{ ...start, previous, dropped: [] }]);
    assert.deepEqual(cursors.resumePositions(), [start]);
    environment.turn();
    assert.deepEqual(saved.at(-1), { type: "position", position: start });
  }
});

test("a log that is not read any more is forgotten", async () => {
  const { router, cursors, environment, saved } = await create([at("alice", 7), at("#left", 3)]);
  router.welcomed(welcome([at("alice", 7)]));
  assert.deepEqual(cursors.logs, ["alice"]);
  environment.turn();
  assert.deepEqual(saved.at(-1), { type: "forget", log: "#left" });
});

test("positions of another user are refused, however the user is known", async () => {
  const { router } = await create();
  const state = { user: "Alice", positions: [], outbox: [] };
  assert.throws(() => router.restore(state, "bob"), { code: "wrong_user" });
  router.restore(state, "ALICE");
  router.restore(state, undefined);
  assert.throws(() => router.welcomed(welcome([], "bob")), { code: "wrong_user" });
  router.welcomed(welcome([], "alice"));
  assert.throws(() => router.welcomed(welcome([], "bob")), { code: "wrong_user" });
});

test("everything that has no answer goes out when online: questions, watches, sends, read marks", async () => {
  const { router, connection, sent, requests, watches, outbox, acks, cursors, environment } = await create();
  connection.isOnline = false;
  router.welcomed(welcome([at("alice", 7)]));
  const outcome = { resolve: () => assert.fail(), reject: () => assert.fail() };
  outbox.add({ clientId: "1", to: "#room", body: "hi" }, outcome);
  const questions = [watches.watch(["bob"]), requests.ask<"join">({ op: "join", room: "#room" })];
  const cursor = cursors.get("alice");
  assert.ok(cursor);
  acks.acknowledge(cursor, 7, { read: true });
  for (let turn = 0; turn < 3; turn++) {
    environment.turn();
    await settle();
  }
  connection.isOnline = true;
  router.online();
  for (let turn = 0; turn < 3; turn++) {
    environment.turn();
    await settle();
  }
  assert.deepEqual(
    sent.map(({ op }) => op),
    ["watch", "join", "watch", "send", "ack"],
  );
  assert.equal(sent[4]?.read, true);
  for (const question of questions) question.catch(() => {});
});

test("the position passes own messages, unless they come back or may be another device's", async () => {
  for (const { to, duplicate, passes } of [
    { to: "bob", duplicate: false, passes: true },
    { to: ["bob", "#room"], duplicate: false, passes: true },
    { to: "bob", duplicate: true, passes: false },
    { to: "ALICE", duplicate: false, passes: false },
    { to: ["bob", "alice"], duplicate: false, passes: false },
  ]) {
    const { router, outbox, sent, cursors } = await create();
    router.welcomed(welcome([at("alice", 7)]));
    outbox.add({ clientId: "1", to, body: "hi" }, { resolve: () => {}, reject: () => assert.fail() });
    const ref = String(sent[0]?.ref);
    router.received({ op: "ok", ref, id: "m", ts: 1, durability: "fsync", positions: [at("alice", 8)], duplicate });
    assert.equal(cursors.get("alice")?.received, passes ? 8 : 7, JSON.stringify(to));
  }
});

test("a message right behind the answer to a join has the room's epoch", async () => {
  const { router, requests, sent, inbox, cursors } = await create();
  router.welcomed(welcome([]));
  const joined = requests.ask<"join">({ op: "join", room: "#room" });
  router.received({ op: "ok", ref: String(sent[0]?.ref), positions: [at("#room", 3)] });
  router.received(wire("#room", 4));
  assert.equal(inbox.take()?.message.epoch, "e");
  assert.deepEqual(cursors.resumePositions(), [at("#room", 3)]);
  await joined;
});

test("the size of a frame that the server takes is the outbox's limit", async () => {
  const { router, outbox, sent } = await create();
  router.welcomed(welcome([]));
  router.online();
  const codes: string[] = [];
  const outcome = { resolve: () => assert.fail(), reject: ({ code }: { code: string }) => codes.push(code) };
  outbox.add({ clientId: "1", to: "bob", body: "x".repeat(1000) }, outcome);
  assert.deepEqual([codes, sent], [["too_large"], []]);
});
