/**
 * A server that is killed while somebody sends over HTTP and somebody reads the stream: whatever the sender was told is
 * stored comes to the reader, who resumes by the last id it had; in order, and nothing beside it.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { freePorts } from "../support/free-ports.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { ask } from "./api-server.ts";
import { EventStream } from "./event-stream.ts";

const crashes = 4;
const perCrash = 40;

it("loses nothing of what was said to be stored, over kill -9", { timeout: 120_000 }, async (t) => {
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const options = { dataDir: temporaryDirectory(t), wsPort, tcpPort };
  let server = await startServer(options);
  t.after(() => server.kill());
  const url = `http://127.0.0.1:${wsPort}`;
  for (const as of ["alice", "bob"]) await ask(url, "/me", { as });
  await ask(url, "/rooms", { as: "alice", method: "POST", body: { room: "team", members: ["bob"] } });

  const stored: string[] = [];
  /** Sends one after the other, in the user's log and in a room's in turn, until the server is gone. */
  const send = async (round: number) => {
    for (let n = 0; ; n++) {
      const body = { to: n % 2 === 0 ? "alice" : "#team", body: `${round}-${n}` };
      const headers = { "idempotency-key": body.body };
      const answer = await ask(url, "/messages", { as: "bob", method: "POST", body, headers }).catch(() => undefined);
      if (!answer) return;
      assert.equal(answer.status, 201, answer.text);
      stored.push(body.body);
    }
  };

  const got = new Map<string, string>();
  const tails = new Map<string, number>();
  const take = ({ received }: EventStream) => {
    for (const { name, data } of received.splice(0)) {
      assert.ok(name !== "gap" && name !== "reset", JSON.stringify(data));
      if (name !== "message") continue;
      const { log, seq, body } = data as { log: string; seq: number; body: string };
      const tail = tails.get(log) ?? 0;
      assert.ok(seq <= tail + 1, `${log}: ${seq} came after ${tail}`);
      tails.set(log, Math.max(tail, seq));
      assert.equal(got.get(`${log} ${seq}`) ?? body, body);
      got.set(`${log} ${seq}`, body);
    }
  };

  let lastEventId: string | undefined;
  for (let round = 0; round < crashes; round++) {
    const stream = await EventStream.open(url, { as: "alice", lastEventId });
    const sending = send(round);
    const begun = stored.length;
    while (stored.length < begun + perCrash) {
      await stream.change();
      take(stream);
    }
    // The reader breaks off too in every other round, with much on its way that counts as acknowledged.
    if (round % 2 === 1) {
      stream.response.pause();
      while (stored.length < begun + 2 * perCrash) await nextTurn();
      stream.break();
    }
    await server.kill();
    await sending;
    while (!stream.ended) await stream.change();
    take(stream);
    lastEventId = stream.lastEventId;
    server = await startServer(options);
  }
  const stream = await EventStream.open(url, { as: "alice", lastEventId });
  while (!stream.received.some(({ name }) => name === "live")) await stream.change();
  take(stream);
  stream.break();
  const bodies = new Set(got.values());
  assert.deepEqual(
    stored.filter((body) => !bodies.has(body)),
    [],
  );
  assert.equal(bodies.size, got.size, "something was stored twice");
  assert.ok(stored.length >= crashes * perCrash);
});
