/**
 * The client against a server that the test scripts (`reference-server.ts`), over real sockets of both carriers: what it
 * says, what it makes of answers, and how it comes back after each way of losing the connection.
 */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import {
  type Client,
  type ClientOptions,
  createClient,
  type Message,
  ParleyError,
  type StateChange,
} from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { until } from "../../packages/client/testing/wait.ts";
import { ReferenceServer } from "./reference-server.ts";

let server: ReferenceServer;
let clients: Client[] = [];

beforeEach(async () => {
  server = await new ReferenceServer().start();
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close({ timeoutMs: 100 })));
  clients = [];
  server.stop();
  assert.deepEqual(server.faults, [], "the client sent what the protocol does not allow");
});

function create(carrier: "ws" | "tcp", user: string, options: Partial<ClientOptions> = {}): Client {
  const url = carrier === "ws" ? server.wsUrl : server.tcpUrl;
  const backoff = { baseMs: 5, capMs: 20 };
  const client = createClient({ url, user, transport: nodeTransport(), backoff, handlerBackoff: backoff, ...options });
  clients.push(client);
  return client;
}

/** Collects the bodies of everything delivered. */
function bodies(client: Client): string[] {
  const received: string[] = [];
  client.on("message", (message) => received.push(message.body));
  return received;
}

function states(client: Client): StateChange[] {
  const changes: StateChange[] = [];
  client.on("state", (change) => changes.push(change));
  return changes;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof ParleyError ? error.code : error),
  );

const heard = <Op extends string>(op: Op) => server.heard.filter((message) => message.op === op);

for (const carrier of ["ws", "tcp"] as const) {
  describe(`over ${carrier}`, () => {
    test("sends text and bytes, and tells what became of them", async () => {
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

    test("comes back after cuts, sends again what had no answer, under the same ids, in order, once", async () => {
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

    test("a frame that is no JSON makes it reconnect, and nothing is lost", async () => {
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

    test("close tells the server what was handled, gets open answers, says bye", async () => {
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

test("what was sent before connecting goes in order when connected", async () => {
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

test("more sends than maxOutbox reject, with a code of their own", async () => {
  const alice = create("tcp", "alice", { maxOutbox: 2 });
  const sends = ["1", "2", "3"].map((body) => codeOf(alice.send("bob", body)));
  assert.equal(await sends[2], "outbox_full");
  await alice.connect();
  assert.deepEqual(await Promise.all(sends), ["resolved", "resolved", "outbox_full"]);
});

test("resumes from what the application has handled, not from what arrived", async () => {
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

test("keeps the device that the server made up", async () => {
  const alice = create("tcp", "alice");
  const welcome = await alice.connect();
  for (const session of [...server.sessions]) session.cut();
  await until("the second hello", () => heard("hello").length === 2);
  assert.deepEqual(
    heard("hello").map((hello) => (hello as { device?: string }).device),
    [undefined, welcome.device],
  );
});

test("a server that says not to reconnect closes the client: sends reject, loops throw", async () => {
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

test("waits as long as the server asks before it reconnects", async () => {
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

test("asks for a token before each attempt; a refused login closes, a token that ran out does not", async () => {
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

test("a hello that the server cannot take now is tried again, one with an unknown error is not", async () => {
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

test("gives up after as many attempts as it may make", async () => {
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

test("a URL that no transport takes is refused", async () => {
  for (const url of ["tcp://", "gopher://example.org", "nonsense"])
    assert.equal(await codeOf(create("tcp", "alice", { url }).connect()), "bad_argument", url);
});

test("a server that accepts and says nothing is left after the time limit", async () => {
  server.intercept = ({ op }) => op === "hello";
  const alice = create("tcp", "alice", { connectTimeoutMs: 20, backoff: { baseMs: 1, attempts: 2 } });
  assert.equal(await codeOf(alice.connect()), "unreachable");
});

test("a peer that is dead without closing is noticed by the heartbeat", async () => {
  const alice = create("tcp", "alice", { heartbeat: { intervalMs: 10, timeoutMs: 30 } });
  await alice.connect();
  await until("pings are answered", () => heard("ping").length >= 3);
  assert.equal(heard("hello").length, 1);
  server.intercept = ({ op }) => op === "ping";
  await until("a second connection", () => heard("hello").length === 2);
});

test("storage that is unavailable for a while delays sends and loses none", async () => {
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

test("an error to a send rejects it, with code, text and retryAfter, and touches no other", async () => {
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

test("rooms: messages come after joining and no more after leaving; both over a reconnect", async () => {
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

test("nothing of a room is acknowledged while it is being left: the server may be done with it", async () => {
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

test("questions asked offline or cut off are answered after the reconnect", async () => {
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

test("watches outlive the connection", async () => {
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

test("history by pages, both ways", async () => {
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

test("a log that the server lost is announced, and its new content delivered", async () => {
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

test("receipts, gaps and errors without a request reach the application", async () => {
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

test("close ends while offline, while connecting, before connecting, and twice", async () => {
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
