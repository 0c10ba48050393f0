/**
 * The client and `parley serve` understand each other: every call and every event once, over both carriers. Faults and
 * losses are elsewhere (`session.test.ts`, `takeaway.test.ts`); this is where a difference between the two would show.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Client, type ClientOptions, createClient, type Message, ParleyError } from "@parley/client";
import { nodeTransport } from "@parley/client/node";
import { until } from "../../packages/client/testing/wait.ts";
import { freePorts } from "../support/free-ports.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";

let server: ServerProcess;
let dataDir: string;

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "parley-client-"));
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  server = await startServer({ dataDir, wsPort, tcpPort });
});

after(async () => {
  await server.stop();
  await rm(dataDir, { recursive: true });
});

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof ParleyError ? error.code : error),
  );

for (const carrier of ["ws", "tcp"] as const) {
  describe(`over ${carrier}`, () => {
    const clients: Client[] = [];
    after(() => Promise.all(clients.map((client) => client.close())));

    /** Connects a user whose name is unique to this carrier, and collects what it is delivered. */
    async function connect(user: string, options: Partial<ClientOptions> = {}) {
      const url = carrier === "ws" ? server.wsUrl : server.tcpUrl;
      const client = createClient({ url, user: `${user}-${carrier}`, transport: nodeTransport(), ...options });
      clients.push(client);
      const received: Message[] = [];
      if (options.autoAck !== false) client.on("message", (message) => received.push(message));
      await client.connect();
      return { client, received, name: `${user}-${carrier}` };
    }

    test("to a user, to oneself, to a list, to everybody; text and bytes", async () => {
      const [ann, ben] = [await connect("ann"), await connect("ben")];
      const direct = await ann.client.send(ben.name, "hi 👋", { type: "greeting" });
      assert.equal(direct.durability, "fsync");
      assert.deepEqual(direct.recipients, [{ to: ben.name, state: "online" }]);
      assert.deepEqual(direct.positions.map(({ log }) => log).sort(), [ann.name, ben.name]);
      await ann.client.send([ben.name, "*"], new Uint8Array([0, 255]), { durability: "memory", copy: false });
      await ann.client.send(ann.name, "note to self");
      await ann.client.send([ann.name, "*"], "note to self and all");
      await until("delivery", () => ben.received.length === 4 && ann.received.length === 3);
      assert.deepEqual(ben.received.map(({ log }) => log).sort(), ["*", "*", ben.name, ben.name]);
      assert.equal(ben.received[0]?.id, direct.id);
      assert.equal(ben.received[0]?.type, "greeting");
      assert.deepEqual(ben.received[1]?.bytes, new Uint8Array([0, 255]));
      assert.notEqual(ben.received[0]?.epoch, "");
      // What names its sender comes back wherever it went, nothing else does.
      assert.deepEqual(ann.received.map(({ log, body }) => `${log}: ${body}`).sort(), [
        "*: note to self and all",
        `${ann.name}: note to self`,
        `${ann.name}: note to self and all`,
      ]);
    });

    test("a repeated clientId is a duplicate, with other content an error; so are unknown names", async () => {
      const { client, name } = await connect("cleo");
      const first = await client.send(name, "once", { clientId: "c-1" });
      const repeat = await client.send(name, "once", { clientId: "c-1" });
      assert.deepEqual([repeat.duplicate, repeat.id, repeat.positions], [true, first.id, first.positions]);
      assert.equal(await codeOf(client.send(name, "twice", { clientId: "c-1" })), "client_id_reused");
      assert.equal(await codeOf(client.send("nobody-at-all", "hi")), "unknown_user");
      assert.equal(await codeOf(client.send("no name", "hi")), "bad_name");
      assert.equal(await codeOf(client.send("#nowhere", "hi")), "unknown_room");
      assert.equal(await codeOf(client.send(name, "x".repeat(2 ** 20 + 1))), "too_large");
      assert.equal(await codeOf(client.send(name, "x".repeat(2 ** 23 + 1))), "too_large");
    });

    test("rooms, their members, and history by pages", async () => {
      const [dora, emil] = [await connect("dora"), await connect("emil")];
      const room = `#garden-${carrier}`;
      const start = await dora.client.join(room);
      assert.deepEqual([start.log, start.seq], [room, 0]);
      await emil.client.join(room.toUpperCase());
      for (let n = 1; n <= 7; n++) await dora.client.send(room, String(n));
      await until("delivery", () => emil.received.length === 7);
      const pages: string[] = [];
      for await (const { messages } of emil.client.historyPages(room, { limit: 3 }))
        pages.push(messages.map(({ body }) => body).join(""));
      assert.equal(pages.toReversed().join(""), "1234567");
      assert.equal(pages[0], "567");
      const members = await dora.client.users({ room });
      assert.deepEqual(
        members.users.map(({ user, online }) => [user, online]),
        [
          [dora.name, true],
          [emil.name, true],
        ],
      );
      const listed = (await dora.client.rooms()).rooms.find((entry) => entry.room === room);
      assert.deepEqual(listed, { room, members: 2, joined: true });
      await emil.client.leave(room);
      await dora.client.send(room, "8");
      await dora.client.send(emil.name, "end");
      await until("delivery", () => emil.received.some(({ body }) => body === "end"));
      assert.equal(emil.received.length, 8);
      assert.equal(await codeOf(emil.client.send(room, "hi")), "not_member");
      const between = await dora.client.history(dora.name, { with: emil.name });
      assert.deepEqual(
        between.messages.map(({ body }) => body),
        ["end"],
      );
    });

    test("presence of who is watched, and of who leaves", async () => {
      const { client } = await connect("fred");
      const seen: string[] = [];
      client.on("presence", ({ users }) => {
        for (const { user, online } of users) {
          const state = `${user} ${online ? "online" : "offline"}`;
          // Who has just come may be told of twice: as the present state, and as a change.
          if (state !== seen.at(-1)) seen.push(state);
        }
      });
      const gus = await connect("gus");
      await client.watch([gus.name]);
      await until("the present state", () => seen.length === 1);
      await gus.client.close();
      await until("the change", () => seen.length === 2);
      assert.deepEqual(seen, [`${gus.name} online`, `${gus.name} offline`]);
      await client.unwatch();
    });

    test("receipts for what was delivered and read, without autoAck", async () => {
      const hugo = await connect("hugo");
      const ida = await connect("ida", { autoAck: false, device: "tablet" });
      const states: string[] = [];
      hugo.client.on("receipt", ({ user, device, state, clientId }) =>
        states.push([user, device, state, clientId].join(" ")),
      );
      await hugo.client.send(ida.name, "important", { receipt: true, clientId: "r-1" });
      for await (const message of ida.client.messages()) {
        message.ack();
        await until("delivered", () => states.length === 1);
        message.ack({ read: true });
        break;
      }
      await until("read", () => states.length === 2);
      assert.deepEqual(states, [`${ida.name} tablet delivered r-1`, `${ida.name} tablet read r-1`]);
    });

    test("a device that comes back gets what waited, live follows; one that connects twice replaces itself", async () => {
      const jan = await connect("jan");
      const first = await connect("kai", { device: "phone" });
      await jan.client.send(first.name, "1");
      await until("delivery", () => first.received.length === 1);
      await first.client.close();
      for (const body of ["2", "3"]) {
        const { recipients } = await jan.client.send(first.name, body);
        assert.equal(recipients[0]?.state, "stored");
      }
      const order: string[] = [];
      const second = createClient({
        url: carrier === "ws" ? server.wsUrl : server.tcpUrl,
        user: first.name,
        device: "phone",
        transport: nodeTransport(),
      });
      clients.push(second);
      second.on("message", ({ body }) => order.push(body));
      second.on("live", () => order.push("live"));
      await second.connect();
      await until("it is live", () => order.includes("live"));
      assert.deepEqual(order, ["2", "3", "live"]);
      const loop = codeOf(
        new Promise((_, reject) => second.on("state", (change) => "error" in change && reject(change.error))),
      );
      await connect("kai", { device: "phone" });
      assert.equal(await loop, "replaced");
      assert.equal(second.state, "closed");
    });

    test("what expired before it was delivered is told as a gap", async () => {
      const lea = await connect("lea");
      const mia = await connect("mia", { device: "phone" });
      await mia.client.close();
      await lea.client.send(mia.name, "too late", { ttl: 1 });
      await lea.client.send(mia.name, "still good");
      await until("the time is over", () => true);
      const later = createClient({
        url: carrier === "ws" ? server.wsUrl : server.tcpUrl,
        user: mia.name,
        device: "phone",
        transport: nodeTransport(),
      });
      clients.push(later);
      const told: string[] = [];
      later.on("gap", ({ from, to, reason }) => told.push(`gap ${from}-${to} ${reason}`));
      later.on("message", ({ body }) => told.push(body));
      await later.connect();
      await until("delivery", () => told.includes("still good"));
      assert.deepEqual(told, ["gap 1-1 expired", "still good"]);
    });

    test("text that is not Unicode, and histories that are not allowed, are refused and harm nothing", async () => {
      const { client, name } = await connect("nina");
      assert.equal(await codeOf(client.send(name, "half \ud83d")), "bad_argument");
      assert.equal(await codeOf(client.history("somebody-else")), "forbidden");
      assert.equal(await codeOf(client.history(name, { limit: 501 })), "bad_message");
      assert.equal(await codeOf(client.send(name, "fine")), "resolved");
    });
  });
}
