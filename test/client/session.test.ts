/**
 * The client against a server that the test scripts (`reference-server.ts`), over real sockets of both carriers: how it logs
 * in, what becomes of messages, and how it comes back after each way of losing the connection.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Message, ParleyError } from "@parley/client";
import { until } from "../../packages/client/testing/wait.ts";
import { bodies, codeOf, start, states } from "./scripted-server.ts";

for (const carrier of ["ws", "tcp"] as const) {
  describe(`over ${carrier}`, () => {
    test("sends text and bytes, and tells what became of them", async (t) => {
      const { create } = await start(t);
      const [alice, bob] = [create(carrier, "alice"), create(carrier, "bob")];
      const received: Message[] = [];
      bob.on("message", (message) => received.push(message));
      const welcome = await alice.connect();
      await bob.connect();
      assert.equal(welcome.user, "alice");
      assert.equal(welcome.limits.window, 1024);
      const result = await alice.send("bob", "hi 👋", { type: "greeting", clientId: "mine-1" });
      assert.equal(result.clientId, "mine-1");
      assert.equal(result.durability, "fsync");
      assert.equal(result.duplicate, false);
      assert.deepEqual(result.recipients, [{ to: "bob", state: "stored" }]);
      assert.deepEqual(result.positions[0], { log: "bob", epoch: "epoch-bob", seq: 1 });
      await alice.send(["bob", "*"], new Uint8Array([0, 255]));
      await until("delivery", () => received.length === 3);
      const [text, bytes] = received as [Message, Message];
      assert.equal(text.body, "hi 👋");
      assert.equal(text.type, "greeting");
      assert.equal(text.id, result.id);
      assert.equal(text.contentType, "text/plain");
      assert.equal(text.epoch, "epoch-bob");
      assert.deepEqual(bytes.bytes, new Uint8Array([0, 255]));
      assert.equal(bytes.contentType, "application/octet-stream");
    });

    test("comes back after cuts, sends again what had no answer, under the same ids, in order, once", async (t) => {
      const { server, create, heard } = await start(t);
      const [alice, bob] = [create(carrier, "alice"), create(carrier, "bob")];
      const received = bodies(bob);
      await Promise.all([alice.connect(), bob.connect()]);
      let sends = 0;
      server.intercept = (message, session) => {
        if (message.op !== "send") return false;
        sends += 1;
        if (sends % 30 === 10) session.cut(); // before it is stored
        if (sends % 30 !== 20) return sends % 30 === 10;
        const { tell } = session;
        session.tell = () => {}; // stored, and the answer is lost
        queueMicrotask(() => {
          session.tell = tell;
          session.cut();
        });
        return false;
      };
      const total = 200;
      const results = await Promise.all(
        Array.from({ length: total }, (_, index) => alice.send("bob", String(index), { copy: false })),
      );
      await until("delivery", () => received.length >= total);
      assert.deepEqual(
        received,
        Array.from({ length: total }, (_, index) => String(index)),
      );
      assert.ok(
        results.some(({ duplicate }) => duplicate),
        "no answer was lost",
      );
      assert.ok(heard("hello").length > 5, "the connection was not lost");
      assert.equal(alice.pendingSends, 0);
    });

    test("a frame that is no JSON makes it reconnect, and nothing is lost", async (t) => {
      const { server, create } = await start(t);
      const alice = create(carrier, "alice");
      const received = bodies(alice);
      const changes = states(alice);
      await alice.connect();
      const [session] = [...server.sessions];
      session?.raw(carrier === "ws" ? "nonsense" : new Uint8Array([0, 0, 0, 2, 123, 123]));
      server.post("alice", "after");
      await until("delivery", () => received.length === 1);
      const lost = changes.find(({ state }) => state === "offline") as { error: ParleyError };
      assert.equal(lost.error.code, "bad_answer");
    });

    test("close tells the server what was handled, gets open answers, says bye", async (t) => {
      const { server, create, heard } = await start(t);
      const alice = create(carrier, "alice");
      server.post("alice", "one");
      alice.on("message", async () => {
        await new Promise((resolve) => setImmediate(resolve));
      });
      await alice.connect();
      const send = alice.send("bob", "last words", { copy: false });
      await alice.close();
      assert.equal(await codeOf(send), "resolved");
      const ops = server.heard.map(({ op }) => op);
      assert.deepEqual(heard("ack").at(-1), { op: "ack", log: "alice", seq: 1 });
      assert.equal(ops.at(-1), "bye");
      assert.equal(alice.state, "closed");
      assert.equal(await codeOf(alice.send("alice", "too late")), "closed");
      assert.equal(await codeOf(alice.connect()), "closed");
    });
  });
}

test("resumes from what the application has handled, not from what arrived", async (t) => {
  const { server, create, heard } = await start(t);
  const alice = create("tcp", "alice", { device: "phone" });
  const held: { body: string; finish: () => void }[] = [];
  alice.on("message", ({ body }) => new Promise<void>((finish) => held.push({ body, finish })));
  await alice.connect();
  for (const body of ["1", "2", "3"]) server.post("alice", body);
  await until("the first", () => held.length === 1);
  held[0]?.finish();
  await until("the second", () => held.length === 2);
  await until("its ack", () => heard("ack").length === 1);
  for (const session of [...server.sessions]) session.cut();
  await until("the second hello", () => heard("hello").length === 2);
  const hello = heard("hello")[1] as { positions: unknown[]; device: string };
  assert.deepEqual(hello.positions[0], { log: "alice", epoch: "epoch-alice", seq: 1 });
  assert.equal(hello.device, "phone");
  await until("it is online", () => alice.state === "online");
  held[1]?.finish();
  await until("the third", () => held.length === 3);
  held[2]?.finish();
  assert.deepEqual(
    held.map(({ body }) => body),
    ["1", "2", "3"],
    "each once",
  );
});

test("keeps the device that the server made up", async (t) => {
  const { server, create, heard } = await start(t);
  const alice = create("tcp", "alice");
  const welcome = await alice.connect();
  for (const session of [...server.sessions]) session.cut();
  await until("the second hello", () => heard("hello").length === 2);
  assert.deepEqual(
    heard("hello").map((hello) => (hello as { device?: string }).device),
    [undefined, welcome.device],
  );
});

test("a server that says not to reconnect closes the client: sends reject, loops throw", async (t) => {
  const { server, create } = await start(t);
  const alice = create("ws", "alice");
  const changes = states(alice);
  await alice.connect();
  server.intercept = (message) => message.op === "send";
  const send = codeOf(alice.send("bob", "hi"));
  const loop = codeOf(
    (async () => {
      for await (const _ of alice.messages());
    })(),
  );
  const [session] = [...server.sessions];
  session?.tell({ op: "bye", code: "replaced", message: "elsewhere", reconnect: false });
  session?.cut();
  assert.equal(await send, "replaced");
  assert.equal(await loop, "replaced");
  const last = changes.at(-1) as { state: string; error?: ParleyError };
  assert.deepEqual([last.state, last.error?.code], ["closed", "replaced"]);
});

test("waits as long as the server asks before it reconnects", async (t) => {
  const { server, create } = await start(t);
  const alice = create("tcp", "alice");
  const changes = states(alice);
  await alice.connect();
  const [session] = [...server.sessions];
  session?.tell({ op: "bye", code: "shutting_down", message: "later", reconnect: true, retryAfter: 60_000 });
  await until("the bye was read", () => {
    session?.cut();
    return alice.state === "offline";
  });
  const offline = changes.at(-1) as { retryInMs: number; error: ParleyError };
  assert.equal(offline.error.code, "shutting_down");
  assert.ok(offline.retryInMs >= 60_000 && offline.retryInMs <= 60_020, `${offline.retryInMs}`);
  alice.retryNow();
  await until("it is back at once", () => alice.state === "online");
});

test("asks for a token before each attempt; a refused login closes, a token that ran out does not", async (t) => {
  const { server, create, heard } = await start(t);
  let tokens = 0;
  const alice = create("tcp", "alice", { token: async () => `token-${++tokens}` });
  await alice.connect();
  const [session] = [...server.sessions];
  session?.tell({ op: "error", code: "unauthorized", message: "expired" });
  await until("a second connection", () => {
    session?.cut();
    return heard("hello").length === 2 && alice.state === "online";
  });
  assert.deepEqual(
    heard("hello").map((hello) => (hello as { token?: string }).token),
    ["token-1", "token-2"],
  );

  server.intercept = ({ op }, { tell }) => {
    if (op === "hello") tell({ op: "error", code: "unauthorized", message: "no" });
    return op === "hello";
  };
  assert.equal(await codeOf(create("ws", "mallory", { token: "stolen" }).connect()), "unauthorized");
});

test("a hello that the server cannot take now is tried again, one with an unknown error is not", async (t) => {
  const { server, create } = await start(t);
  let refusals = 3;
  server.intercept = ({ op }, { tell }) => {
    if (op !== "hello" || refusals-- <= 0) return false;
    tell({ op: "error", code: "storage_unavailable", message: "not now" });
    return true;
  };
  await create("tcp", "alice").connect();
  server.intercept = ({ op }, { tell }) => {
    if (op === "hello") tell({ op: "error", code: "bad_hair_day", message: "of a newer server" });
    return op === "hello";
  };
  assert.equal(await codeOf(create("tcp", "bob").connect()), "bad_hair_day");
});

test("gives up after as many attempts as it may make", async (t) => {
  const { server, create } = await start(t);
  server.stop();
  for (const carrier of ["ws", "tcp"] as const) {
    const alice = create(carrier, "alice", { backoff: { baseMs: 1, capMs: 2, attempts: 3 } });
    const changes = states(alice);
    assert.equal(await codeOf(alice.connect()), "unreachable");
    assert.deepEqual(
      changes.filter(({ state }) => state === "connecting"),
      [1, 2, 3].map((attempt) => ({ state: "connecting", attempt })),
    );
  }
});

test("a URL that no transport takes is refused", async (t) => {
  const { create } = await start(t);
  for (const url of ["tcp://", "gopher://example.org", "nonsense"])
    assert.equal(await codeOf(create("tcp", "alice", { url }).connect()), "bad_argument", url);
});

test("a server that accepts and says nothing is left after the time limit", async (t) => {
  const { server, create } = await start(t);
  server.intercept = ({ op }) => op === "hello";
  const alice = create("tcp", "alice", { connectTimeoutMs: 20, backoff: { baseMs: 1, attempts: 2 } });
  assert.equal(await codeOf(alice.connect()), "unreachable");
});

test("a peer that is dead without closing is noticed by the heartbeat", async (t) => {
  const { server, create, heard } = await start(t);
  const alice = create("tcp", "alice", { heartbeat: { intervalMs: 10, timeoutMs: 30 } });
  await alice.connect();
  await until("pings are answered", () => heard("ping").length >= 3);
  assert.equal(heard("hello").length, 1);
  server.intercept = ({ op }) => op === "ping";
  await until("a second connection", () => heard("hello").length === 2);
});

test("close ends while offline, while connecting, before connecting, and twice", async (t) => {
  const { server, create } = await start(t);
  server.stop();
  const offline = create("tcp", "alice", { backoff: { baseMs: 100_000, capMs: 100_000 } });
  const connecting = codeOf(offline.connect());
  await until("offline", () => offline.state === "offline");
  const send = codeOf(offline.send("bob", "hi"));
  await Promise.all([offline.close(), offline.close()]);
  assert.deepEqual([await connecting, await send], ["closed", "closed"]);

  const early = create("tcp", "alice", { url: "tcp://127.0.0.1:9" });
  const connect = codeOf(early.connect());
  await early.close();
  assert.equal(await connect, "closed");
  await create("tcp", "alice").close();
});
