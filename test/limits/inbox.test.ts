/** The inbox quota over real sockets: refused in each protocol's words, free again when read, found after a restart, or dead letters. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { deadLetterLog } from "../../packages/server/src/core/dead-letters.ts";
import type { Engine } from "../../packages/server/src/engine/engine.ts";
import { ChatPeer, system } from "../gateways/framed-tcp/chat-peer.ts";
import { startChatServer } from "../gateways/framed-tcp/chat-server.ts";
import { JsonPeer, startPeerJsonServer } from "../gateways/peer-json/json-peer.ts";
import { sendMessage } from "../gateways/push/push-client.ts";
import { overEachCarrier, tcp } from "../native/carriers.ts";
import { type NativeServer, type Settings, startNativeServer } from "../native/native-server.ts";
import { Peer } from "../native/peer.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const three = { "limits.inboxMessages": 3 } satisfies Settings;

/** Makes users known who are away. */
async function known(server: NativeServer, ...users: readonly string[]): Promise<void> {
  for (const user of users) await (await Peer.login(tcp, server, user, { device: "d" })).cut();
}

overEachCarrier("a full inbox", (carrier) => {
  it("refuses with inbox_full and retryAfter, until its user has acknowledged", async (t) => {
    const server = await startNativeServer(t, three);
    await known(server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    for (const body of ["1", "2", "3"]) await alice.deliver("bob", body);
    const refusal = { code: "inbox_full", ref: "4", retryAfter: 30_000 };
    await alice.ask({ op: "send", ref: "4", to: "bob", body: "4" }, "error", refusal);
    const bob = await Peer.connect(carrier, server);
    await bob.hello({ user: "bob", device: "d" });
    const [, second] = await bob.expectBodies("1", "2", "3");
    await bob.expect("live");
    bob.send({ op: "ack", log: "bob", seq: second?.seq });
    await bob.silence();
    const again = await Peer.login(carrier, server, "carol");
    for (const body of ["5", "6"]) await again.deliver("bob", body);
    await again.ask({ op: "send", to: "bob", body: "7" }, "error", { code: "inbox_full" });
    await bob.expectBodies("5", "6");
  });

  it("is full by bytes too", async (t) => {
    const server = await startNativeServer(t, { "limits.inboxBytes": 10_000 });
    await known(server, "bob");
    const alice = await Peer.login(carrier, server, "alice");
    for (let i = 0; i < 3; i++) await alice.deliver("bob", "x".repeat(4000));
    await alice.ask({ op: "send", to: "bob", body: "x" }, "error", { code: "inbox_full" });
  });

  it("is one for each user, not for rooms", async (t) => {
    const server = await startNativeServer(t, three);
    await known(server, "bob", "carol");
    const alice = await Peer.login(carrier, server, "alice");
    await alice.ask({ op: "join", room: "#r" }, "ok");
    for (const body of ["1", "2", "3"]) await alice.deliver("bob", body);
    for (const body of ["1", "2", "3", "4", "5"]) await alice.deliver("#r", body);
    await alice.deliver("carol", "1");
  });
});

describe("a full inbox, in the words of other protocols", () => {
  it("peer-json", async (t) => {
    const server = await startPeerJsonServer(t, three);
    await known(server, "bob");
    const alice = await JsonPeer.join(server, "alice");
    alice.say("bob", "1", "2", "3", "4");
    // Answers about what was not stored do not wait for those about what is being stored.
    const errors = [];
    for (let i = 0; i < 4; i++) errors.push(String((await alice.next()).error));
    assert.deepEqual(errors.sort(), [
      "connection to bob closed",
      "connection to bob closed",
      "connection to bob closed",
      "too much waits unread for bob: nothing was stored",
    ]);
  });

  it("framed-tcp", async (t) => {
    const { port, nativePort } = await startChatServer(t, three);
    const native = { webSocketPort: 0, tcpPort: nativePort, urls: [], complaints: [], stop: async () => {} };
    await known(native, "bob");
    const alice = await ChatPeer.named(port, "alice");
    const away = system("bob is offline and will get it on return");
    for (const text of ["1", "2", "3"]) {
      alice.send(JSON.stringify({ type: "command", cmd: "/msg", value: `bob ${text}` }));
      await alice.until(away);
    }
    alice.send(JSON.stringify({ type: "command", cmd: "/msg", value: "bob 4" }));
    assert.match(await alice.next(), /too much waits unread for bob/);
  });

  it("push: 429 with Retry-After", async (t) => {
    const settings: Settings = { ...three, gateways: ["native-tcp", "push"] };
    const { webSocketPort: port } = await startNativeServer(t, settings);
    for (const text of ["1", "2", "3"]) assert.equal((await sendMessage(port, "bob", text)).status, 200);
    const { status, headers, body } = await sendMessage(port, "bob", "4");
    assert.deepEqual([status, headers["retry-after"]], [429, "30"]);
    assert.match(body, /too much waits unread for bob/);
  });
});

describe("what waits", () => {
  it("is found after a restart, on disk", async (t) => {
    const dataDir = temporaryDirectory(t);
    const settings = { ...three, engine: "level", dataDir } satisfies Settings;
    const before = await startNativeServer(t, settings);
    await known(before, "bob");
    const alice = await Peer.login(tcp, before, "alice");
    for (const body of ["1", "2", "3"]) await alice.deliver("bob", body, { clientId: `id-${body}` });
    await before.stop();

    const server = await startNativeServer(t, settings);
    const again = await Peer.connect(tcp, server);
    await again.hello({ user: "alice", device: "new" });
    // The first may pass while it is being looked for; a repeat is answered whatever waits.
    again.send({ op: "send", ref: "first", to: "bob", body: "4" });
    for (let refused = false; !refused; ) {
      const answer = await again.next();
      if (answer.op === "error") {
        assert.equal(answer.code, "inbox_full");
        refused = true;
      } else if (answer.op === "ok") again.send({ op: "send", to: "bob", body: "5" });
    }
    again.send({ op: "send", ref: "repeat", clientId: "id-2", to: "bob", body: "2" });
    for (;;) {
      const answer = await again.next();
      if (answer.op === "message") continue;
      assert.partialDeepStrictEqual(answer, { op: "ok", ref: "repeat", duplicate: true });
      break;
    }
  });
});

/** A server that keeps dead letters of full inboxes, and its dead letters in short. */
async function startKeeping(t: TestContext, engineName: "memory" | "level") {
  const engines: Engine[] = [];
  const settings: Settings = { ...three, "limits.inboxFull": "dead-letter", engine: engineName };
  const wrapEngine = (engine: Engine) => {
    engines.push(engine);
    return engine;
  };
  const server = await startNativeServer(t, settings, { wrapEngine });
  const dead = async () => {
    const entries = (await engines[0]?.read(deadLetterLog, 0, "forward", 100)) ?? [];
    const letters = entries.map(({ payload }) => JSON.parse(payload));
    return letters.map(({ reason, log, message }) => `${reason} ${log}: ${message.body}`);
  };
  return { server, dead };
}

for (const engine of ["memory", "level"] as const) {
  describe(`limits.inboxFull: dead-letter, engine ${engine}`, () => {
    it("accepts, keeps a dead letter on disk, tells the sender, and gives the others theirs", async (t) => {
      const { server, dead } = await startKeeping(t, engine);
      await known(server, "bob");
      const carol = await Peer.login(tcp, server, "carol");
      const alice = await Peer.login(tcp, server, "alice");
      for (const body of ["1", "2", "3"]) await alice.deliver("bob", body);
      const only = await alice.deliver("bob", "4", { copy: false });
      assert.deepEqual(only.recipients, [{ to: "bob", state: "stored", dead: "inbox_full" }]);
      assert.deepEqual(only.positions, []);
      const both = await alice.deliver(["bob", "carol"], "5");
      assert.deepEqual(both.recipients, [
        { to: "bob", state: "stored", dead: "inbox_full" },
        { to: "carol", state: "online" },
      ]);
      assert.deepEqual(
        both.positions?.map(({ log }) => log),
        ["carol", "alice"],
      );
      await carol.expectBodies("5");
      assert.deepEqual(await dead(), ["inbox_full bob: 4", "inbox_full bob: 5"]);
      const bob = await Peer.connect(tcp, server);
      await bob.hello({ user: "bob", device: "d" });
      await bob.expectBodies("1", "2", "3");
      await bob.expect("live");
    });

    it("keeps one dead letter however often the send is repeated, and knows a repeat of what was stored", async (t) => {
      const { server, dead } = await startKeeping(t, engine);
      await known(server, "bob");
      const alice = await Peer.login(tcp, server, "alice");
      for (const body of ["1", "2", "3"]) await alice.deliver("bob", body, { clientId: body });
      for (const copy of [true, false]) {
        const clientId = `dead ${copy}`.replace(" ", "-");
        const first = await alice.deliver("bob", "4", { clientId, copy });
        const again = await alice.deliver("bob", "4", { clientId, copy });
        assert.equal(again.id, first.id);
        assert.equal(again.duplicate, true);
        await alice.ask({ op: "send", clientId, to: "bob", body: "other", copy }, "error", {
          code: "client_id_reused",
        });
      }
      const stored = await alice.deliver("bob", "2", { clientId: "2" });
      assert.equal(stored.duplicate, true);
      assert.deepEqual(await dead(), ["inbox_full bob: 4", "inbox_full bob: 4"]);
    });
  });
}
