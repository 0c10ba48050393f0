/**
 * P5: accepted = acknowledged + pending + dead letters, whenever the server is stopped and looked into, over kills, with
 * messages that expire and logs that are trimmed while they are written. Counted on the store itself, not on counters.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { LogName, UserKey } from "@parley/protocol";
import { type DeadLetter, deadLetterLog } from "../../packages/server/src/core/dead-letters.ts";
import { LevelEngine } from "../../packages/server/src/engine/level/level-engine.ts";
import { RawSession } from "../support/raw-session.ts";
import { freePorts, startServer } from "../support/server-process.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { seededRandom } from "./crash-run.ts";

const seed = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));
const entry = new URL("faulty-server.ts", import.meta.url).pathname;
const receivers = ["keen", "lazy", "absent"] as UserKey[];
const lives = 6;
const env = { PARLEY_RETENTION_MAX_MESSAGES: "200", PARLEY_RETENTION_INTERVAL_SECONDS: "1" };

interface Account {
  readonly accepted: number;
  readonly acknowledged: number;
  readonly pending: number;
  readonly dead: number;
  readonly trimmedAcknowledged: number;
}

/** Counts one user's log in a store that no server has open. */
async function account(directory: string, user: UserKey): Promise<Account> {
  const engine = await LevelEngine.open({ directory, newEpoch: () => "unused" });
  try {
    const { first, tail } = await engine.head(user);
    const [cursor] = (await engine.scan("cursor", `${user}  `)).map(([, { seq }]) => seq);
    const acknowledged = cursor ?? 0;
    const letters = await engine.read(deadLetterLog, 0, "forward", 1_000_000, 2 ** 30);
    const dead = new Set(
      letters
        .map(({ payload }) => JSON.parse(payload) as DeadLetter)
        .filter(({ log }) => log === user)
        .map(({ seq }) => seq),
    );
    const held = (await engine.read(user as LogName, 0, "forward", 1_000_000, 2 ** 30)).map(({ seq }) => seq);
    const pending = held.filter((seq) => seq > acknowledged && !dead.has(seq)).length;
    const acked = Array.from({ length: acknowledged }, (_, i) => i + 1).filter((seq) => !dead.has(seq)).length;
    return { accepted: tail, acknowledged: acked, pending, dead: dead.size, trimmedAcknowledged: first - 1 };
  } finally {
    await engine.close();
  }
}

it("accounts for every accepted message after every crash", { timeout: 90_000 }, async (t) => {
  const random = seededRandom(seed);
  const dataDir = temporaryDirectory(t);
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  let told = 0;
  let everDead = 0;
  for (let life = 0; life < lives; life++) {
    const server = await startServer({ dataDir, wsPort, tcpPort, entry, env });
    if (life === 0) for (const name of receivers) (await RawSession.login(tcpPort, name, { device: "d" })).close();
    const keen = await RawSession.login(tcpPort, "keen", { device: "d" });
    keen.onMessage(
      (message) => message.op === "message" && keen.send({ op: "ack", log: message.log, seq: message.seq }),
    );
    // Lazy acknowledges only now and then, and each time something else expires before it comes.
    const lazy = await RawSession.login(tcpPort, "lazy", { device: "d", window: 20 });
    lazy.onMessage(
      (message) =>
        message.op === "message" && random() < 0.2 && lazy.send({ op: "ack", log: message.log, seq: message.seq }),
    );
    const sender = await RawSession.login(tcpPort, "sender", { device: "d" });
    sender.onMessage((message) => {
      if (message.op === "ok") told += 1;
      const ttl = random() < 0.1 ? { ttl: 1 + Math.floor(random() * 20) } : {};
      const to = receivers[Math.floor(random() * 3)] as string;
      sender.send({ op: "send", to, body: `message ${told}`, copy: false, ...ttl });
    });
    for (let i = 0; i < 8; i++) sender.send({ op: "send", to: "keen", body: "first", copy: false });
    await delay(800 + random() * 700);
    await server.kill("SIGKILL");
    for (const session of [keen, lazy, sender]) session.close();

    for (const user of receivers) {
      const { accepted, acknowledged, pending, dead } = await account(join(dataDir, "store"), user);
      everDead += dead;
      assert.equal(
        acknowledged + pending + dead,
        accepted,
        `TEST_SEED=${seed} life ${life}, ${user}: ${JSON.stringify({ acknowledged, pending, dead })}`,
      );
    }
  }
  t.diagnostic(`TEST_SEED=${seed} told ${told}, dead letters counted ${everDead}`);
  assert.ok(told > 500 && everDead > 100, `told ${told}, dead ${everDead}: too little to show anything`);
});
