/**
 * The client against a server that the test scripts (`reference-server.ts`): what the application asks of it, over losses of
 * the connection too, and what it is told without asking.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ParleyError } from "@parley/client";
import { until } from "../../packages/client/testing/wait.ts";
import { bodies, codeOf, start } from "./scripted-server.ts";

test("what was sent before connecting goes in order when connected", async (t) => {
  const { server, create } = await start(t);
  const alice = create("tcp", "alice");
  const sends = ["1", "2", "3"].map((body) => alice.send("bob", body));
  assert.equal(alice.pendingSends, 3);
  await alice.connect();
  await Promise.all(sends);
  assert.deepEqual(
    server.log("bob").entries.map(({ body }) => body),
    ["1", "2", "3"],
  );
  await alice.flush();
});

test("more sends than maxOutbox reject, with a code of their own", async (t) => {
  const { create } = await start(t);
  const alice = create("tcp", "alice", { maxOutbox: 2 });
  const sends = ["1", "2", "3"].map((body) => codeOf(alice.send("bob", body)));
  assert.equal(await sends[2], "outbox_full");
  await alice.connect();
  assert.deepEqual(await Promise.all(sends), ["resolved", "resolved", "outbox_full"]);
});

test("storage that is unavailable for a while delays sends and loses none", async (t) => {
  const { server, create } = await start(t);
  const alice = create("ws", "alice");
  const problems: string[] = [];
  alice.on("error", ({ type }) => problems.push(type));
  await alice.connect();
  let refusals = 5;
  server.intercept = (message, { tell }) => {
    if (message.op !== "send" || refusals-- <= 0) return false;
    tell({ op: "error", ref: message.ref, code: "storage_unavailable", message: "disk full", retryAfter: 1 });
    return true;
  };
  await Promise.all(["1", "2", "3"].map((body) => alice.send("bob", body)));
  assert.deepEqual(
    server.log("bob").entries.map(({ body }) => body),
    ["1", "2", "3"],
  );
  assert.deepEqual(problems, ["send", "send", "send"]);
});

test("an error to a send rejects it, with code, text and retryAfter, and touches no other", async (t) => {
  const { server, create } = await start(t);
  const alice = create("tcp", "alice");
  await alice.connect();
  server.intercept = (message, { tell }) => {
    if (message.op !== "send" || message.to !== "nobody") return false;
    tell({ op: "error", ref: message.ref, code: "unknown_user", message: "who?", retryAfter: 7 });
    return true;
  };
  const [refused, stored] = [alice.send("nobody", "hi"), alice.send("bob", "hi")];
  await assert.rejects(refused, (error) => {
    assert.ok(error instanceof ParleyError);
    assert.deepEqual([error.code, error.message, error.retryAfter], ["unknown_user", "who?", 7]);
    return true;
  });
  await stored;
});

test("rooms: messages come after joining and no more after leaving; both over a reconnect", async (t) => {
  const { server, create, heard } = await start(t);
  const alice = create("tcp", "alice");
  const received = bodies(alice);
  await alice.connect();
  server.post("#room", "before");
  assert.deepEqual(await alice.join("#room"), { log: "#room", epoch: "epoch-room", seq: 1 });
  server.post("#room", "during");
  for (const session of [...server.sessions]) session.cut();
  await until("online again", () => alice.state === "online" && heard("hello").length === 2);
  server.post("#room", "later");
  await until("delivery", () => received.length === 2);
  await alice.leave("#room");
  server.post("#room", "after");
  server.post("alice", "end");
  await until("delivery", () => received.includes("end"));
  assert.deepEqual(received, ["during", "later", "end"]);
  assert.equal(await codeOf(alice.leave("#room")), "not_member");
  assert.deepEqual(alice.positions.map(({ log }) => log).sort(), ["*", "alice"]);
});

test("nothing of a room is acknowledged while it is being left: the server may be done with it", async (t) => {
  const { server, create, heard } = await start(t);
  const alice = create("tcp", "alice");
  const received = bodies(alice);
  await alice.connect();
  await alice.join("#room");
  let answer = () => {};
  server.intercept = (message, { tell }) => {
    if (message.op !== "leave") return false;
    server.post("#room", "last");
    answer = () => tell({ op: "ok", ref: message.ref });
    return true;
  };
  const left = alice.leave("#room");
  await until("delivery", () => received.length === 1);
  server.post("alice", "other");
  await until("the ack of another log", () => heard("ack").length > 0);
  answer();
  await left;
  assert.deepEqual(
    heard("ack").map((ack) => (ack as { log?: string }).log),
    ["alice"],
  );
});

test("questions asked offline or cut off are answered after the reconnect", async (t) => {
  const { server, create, heard } = await start(t);
  const alice = create("ws", "alice");
  const early = alice.join("#early");
  await alice.connect();
  await early;
  server.intercept = ({ op }, session) => {
    if (op === "users") session.cut();
    server.intercept = () => false;
    return op === "users";
  };
  assert.deepEqual((await alice.users()).users, [{ user: "alice", online: true }]);
  assert.deepEqual(await alice.rooms(), { rooms: [], next: undefined });
  assert.equal(heard("users").length, 2);
});

test("watches outlive the connection", async (t) => {
  const { server, create, heard } = await start(t);
  const alice = create("tcp", "alice");
  const seen: string[][] = [];
  alice.on("presence", ({ users }) => seen.push(users.map(({ user }) => user)));
  await alice.connect();
  await alice.watch(["bob", "carol"]);
  await alice.watch();
  await alice.unwatch(["Carol"]);
  await until("presence", () => seen.length === 1);
  for (const session of [...server.sessions]) session.cut();
  await until("presence again", () => seen.length === 2);
  assert.deepEqual(seen, [["bob", "carol"], ["bob"]]);
  assert.deepEqual(
    heard("watch").map((watch) => (watch as { users?: string[] }).users),
    [["bob", "carol"], undefined, undefined, ["bob"]],
  );
});

test("history by pages, both ways", async (t) => {
  const { server, create } = await start(t);
  const alice = create("tcp", "alice");
  for (let n = 1; n <= 7; n++) server.post("alice", String(n));
  await alice.connect();
  const read = async (pages: AsyncIterable<{ messages: readonly { body: string; epoch: string }[] }>) => {
    const texts: string[] = [];
    for await (const { messages } of pages) texts.push(messages.map(({ body }) => body).join(""));
    return texts;
  };
  assert.deepEqual(await read(alice.historyPages("alice", { limit: 3 })), ["567", "234", "1"]);
  assert.deepEqual(await read(alice.historyPages("alice", { limit: 3, before: 5 })), ["234", "1"]);
  assert.deepEqual(await read(alice.historyPages("alice", { limit: 3, after: 0 })), ["123", "456", "7"]);
  const page = await alice.history("alice", { limit: 2 });
  assert.deepEqual([page.next, page.epoch, page.messages[0]?.epoch], [6, "epoch-alice", "epoch-alice"]);
});

test("a log that the server lost is announced, and its new content delivered", async (t) => {
  const { server, create, heard } = await start(t);
  const alice = create("tcp", "alice");
  const received = bodies(alice);
  const resets: unknown[] = [];
  alice.on("reset", ({ log, epoch, seq, previous }) => resets.push({ log, epoch, seq, previous }));
  await alice.connect();
  server.post("alice", "old 1");
  server.post("alice", "old 2");
  await until("delivery", () => received.length === 2);
  await until("acks", () => heard("ack").length > 0);
  server.logs.set("alice", { epoch: "restored", entries: [] });
  server.post("alice", "new 1");
  for (const session of [...server.sessions]) session.cut();
  await until("delivery", () => received.length === 3);
  assert.deepEqual(received, ["old 1", "old 2", "new 1"]);
  const previous = { epoch: "epoch-alice", seq: 2 };
  assert.deepEqual(resets, [{ log: "alice", epoch: "restored", seq: 0, previous }]);
});

test("receipts, gaps and errors without a request reach the application", async (t) => {
  const { server, create } = await start(t);
  const alice = create("ws", "alice");
  const events: unknown[] = [];
  alice.on("message", () => {});
  alice.on("receipt", (receipt) => events.push(receipt));
  alice.on("gap", (gap) => events.push(gap));
  alice.on("error", (problem) => events.push(problem.type === "server" ? problem.error.code : problem));
  await alice.connect();
  const [session] = [...server.sessions];
  const receipt = { id: "m", user: "bob", device: "d", state: "read", ts: 1 };
  session?.tell({ op: "receipt", ...receipt });
  session?.tell({ op: "gap", log: "alice", from: 1, to: 3, reason: "retention" });
  session?.tell({ op: "error", code: "internal", message: "oops" });
  await until("events", () => events.length === 3);
  assert.deepEqual(events, [
    receipt,
    { log: "alice", epoch: "epoch-alice", from: 1, to: 3, reason: "retention" },
    "internal",
  ]);
});
