/**
 * Drives a server through several lives with everything that decides how a message ends: acknowledging, rejecting,
 * expiring, trimming, purging, replaying; and ends each by `kill -9`. After each life it counts on the store itself what
 * became of every message, and compares that with what the server says. Used by `accounting.test.ts`.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Letter, LogName, UserKey } from "@parley/protocol";
import { systemClock } from "../../packages/server/src/core/clock.ts";
import { Core } from "../../packages/server/src/core/core.ts";
import { deadLetterLog, parseLetter } from "../../packages/server/src/core/dead-letters.ts";
import { LevelEngine } from "../../packages/server/src/engine/level/level-engine.ts";
import { basic } from "../http-api/api-server.ts";
import { freePorts } from "../support/free-ports.ts";
import { RawSession } from "../support/raw-session.ts";
import { startServer } from "../support/server-process.ts";

/** `picky` rejects, `lazy` acknowledges now and then, `absent` is never there. */
export const receivers = ["keen", "picky", "lazy", "absent"] as UserKey[];

export interface AccountingRun {
  readonly dataDir: string;
  readonly random: () => number;
  readonly lives: number;
  readonly plant?: string;
}

export interface Findings {
  /** What does not add up; empty: everything does. */
  readonly wrong: string[];
  /** Sends that were answered `ok`. */
  told: number;
  dead: number;
  purged: number;
  replayed: number;
  rejected: number;
}

const entry = new URL("faulty-server.ts", import.meta.url).pathname;
const everything = [0, "forward", 1_000_000, 2 ** 30] as const;

/** What the test did itself, and knows without asking. */
class Ledger {
  /** The furthest that each user has acknowledged or rejected. */
  readonly acked = new Map<string, number>();
  /** Places whose letters were, or were about to be, purged: `log seq`. */
  readonly purged = new Set<string>();

  acknowledged(user: string, seq: number): void {
    this.acked.set(user, Math.max(seq, this.acked.get(user) ?? 0));
  }
}

/** Runs the lives; what is wrong ends it. */
export async function runAccounting({ dataDir, random, lives, plant }: AccountingRun): Promise<Findings> {
  const findings: Findings = { wrong: [], told: 0, dead: 0, purged: 0, replayed: 0, rejected: 0 };
  const ledger = new Ledger();
  const [wsPort = 0, tcpPort = 0] = await freePorts(2);
  const env = {
    PARLEY_RETENTION_MAX_MESSAGES: "100",
    PARLEY_RETENTION_INTERVAL_SECONDS: "1",
    ...(plant === undefined ? {} : { TEST_PLANT: plant }),
  };
  for (let life = 0; life < lives && findings.wrong.length === 0; life++) {
    const server = await startServer({ dataDir, wsPort, tcpPort, entry, env });
    if (life === 0) for (const name of receivers) (await RawSession.login(tcpPort, name, { device: "d" })).close();
    const sessions = await talk(tcpPort, random, ledger, findings);
    const operator = operate(`http://127.0.0.1:${wsPort}/v1`, random, ledger, findings).catch((error: unknown) => {
      findings.wrong.push(`the operator: ${error}`);
    });
    await delay(1200 + random() * 800);
    await server.kill("SIGKILL");
    await operator;
    for (const session of sessions) session.close();
    await audit(join(dataDir, "store"), ledger, findings, `life ${life}`);
  }
  return findings;
}

/** Somebody sends, and the receivers who are there do with it what they do. */
async function talk(tcpPort: number, random: () => number, ledger: Ledger, findings: Findings): Promise<RawSession[]> {
  const receiver = async (name: string, window: number, take: (session: RawSession, seq: number) => void) => {
    const session = await RawSession.login(tcpPort, name, { device: "d", window });
    session.onMessage((message) => message.op === "message" && message.log === name && take(session, message.seq));
    return session;
  };
  const answer = (name: string, session: RawSession, op: "ack" | "reject", seq: number) => {
    ledger.acknowledged(name, seq);
    session.send({ op, log: name, seq });
  };
  const keen = await receiver("keen", 1000, (session, seq) => answer("keen", session, "ack", seq));
  const picky = await receiver("picky", 1000, (session, seq) => {
    const rejects = random() < 0.1;
    if (rejects) findings.rejected += 1;
    answer("picky", session, rejects ? "reject" : "ack", seq);
  });
  const lazy = await receiver("lazy", 20, (session, seq) => random() < 0.2 && answer("lazy", session, "ack", seq));
  const sender = await RawSession.login(tcpPort, "sender", { device: "d" });
  const send = () => {
    const ttl = random() < 0.1 ? { ttl: 1 + Math.floor(random() * 20) } : {};
    const to = receivers[Math.floor(random() * receivers.length)] as string;
    sender.send({ op: "send", to, body: `message ${findings.told}`, copy: false, ...ttl });
  };
  sender.onMessage((message) => {
    if (message.op === "ok") findings.told += 1;
    // More than there is time to count would only slow the count.
    setTimeout(send, 4);
  });
  for (let i = 0; i < 8; i++) send();
  return [keen, picky, lazy, sender];
}

/** Somebody purges and replays, one letter at a time, and asks for the accounts, until the server is gone. */
async function operate(url: string, random: () => number, ledger: Ledger, findings: Findings): Promise<void> {
  const ask = async (path: string, method: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: basic("operator"), ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status}`);
    return response.json();
  };
  let after = 0;
  try {
    for (;;) {
      const page = (await ask(`/dead-letters?after=${after}&limit=20`, "GET")) as { letters: Letter[]; next?: number };
      for (const { letter, log, seq, message } of page.letters) {
        const choice = random();
        if (choice < 0.4) {
          ledger.purged.add(`${log} ${seq}`);
          await ask(`/dead-letters/${letter}`, "DELETE");
          findings.purged += 1;
        } else if (choice < 0.5 && message.replayOf === undefined) {
          await ask(`/dead-letters/${letter}/replay`, "POST", {});
          findings.replayed += 1;
        }
        after = letter;
      }
      const { accounts } = (await ask("/message-accounts", "GET")) as {
        accounts: { log: string; accepted: number; missing: number }[];
      };
      for (const { log, missing } of accounts) if (missing > 0) findings.wrong.push(`live, ${log}: ${missing} missing`);
      await delay(50);
    }
  } catch (error) {
    // The server was killed in the middle of an answer.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Counts in a store that no server has open, and compares with what a core says that opens it. */
async function audit(directory: string, ledger: Ledger, findings: Findings, when: string): Promise<void> {
  const engine = await LevelEngine.open({ directory, newEpoch: () => "unused" });
  const core = await Core.open({
    engine,
    clock: systemClock,
    limits: { maxFrameBytes: 1e6, maxBodyBytes: 1e6, maxWindow: 1e6, idleMs: 90_000 },
    retention: { maxAgeMs: 0, maxMessages: 0, maxBytes: 0 },
    onError: (message, error) => findings.wrong.push(`${message}: ${error}`),
  });
  try {
    const letters = (await engine.read(deadLetterLog, ...everything)).map(({ payload }) => parseLetter(payload));
    findings.dead = letters.length;
    for (const user of receivers) {
      const log = user as LogName;
      const { tail } = await engine.head(log);
      const cursors = new Map((await engine.scan("cursor", `${user}  `)).map(([, cursor]) => [cursor.log, cursor.seq]));
      const cursor = cursors.get(log) ?? 0;
      const gone = new Set(letters.filter((letter) => letter.log === log).map(({ seq }) => seq));
      for (const place of ledger.purged) if (place.startsWith(`${log} `)) gone.add(Number(place.split(" ")[1]));
      const held = (await engine.read(log, ...everything)).map(({ seq }) => seq);
      const pending = held.filter((seq) => seq > cursor && !gone.has(seq)).length;
      const acknowledged = Array.from({ length: cursor }, (_, i) => i + 1).filter((seq) => !gone.has(seq)).length;
      const counted = { accepted: tail, acknowledged, pending, dead: gone.size };
      const { missing, log: _, epoch: __, ...said } = await core.accounts.of(log);
      const wrong = (what: string) => findings.wrong.push(`${when}, ${user}: ${what}`);
      if (acknowledged + pending + gone.size !== tail) wrong(`they do not add up: ${JSON.stringify(counted)}`);
      if (missing !== 0) wrong(`${missing} missing`);
      if (JSON.stringify(said) !== JSON.stringify(counted))
        wrong(`the server says ${JSON.stringify(said)}, there are ${JSON.stringify(counted)}`);
      const acked = ledger.acked.get(user) ?? 0;
      for (let seq = acked + 1; seq <= cursor; seq++)
        if (!gone.has(seq)) wrong(`the cursor is at ${cursor}, and nobody acknowledged ${seq}`);
    }
  } finally {
    await engine.close();
  }
}
