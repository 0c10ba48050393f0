/**
 * A core over a memory engine, with a clock that the test turns and connections that only write down what they are told.
 * For the unit tests beside the sources: no socket, no disk, no time that passes by itself.
 */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { ErrorCode } from "@parley/protocol";
import type { Clock } from "../src/core/clock.ts";
import type { Command } from "../src/core/commands.ts";
import type { Connection, CoreEvent } from "../src/core/connection.ts";
import { Core } from "../src/core/core.ts";
import type { Login } from "../src/core/login.ts";
import { parsePayload } from "../src/core/message.ts";
import type { CoreOptions } from "../src/core/opening.ts";
import type { Session } from "../src/core/session.ts";
import type { Engine } from "../src/engine/engine.ts";
import { MemoryEngine } from "../src/engine/memory.ts";

export class ManualClock implements Clock {
  /** Milliseconds since the epoch. */
  time = 1_800_000_000_000;
  #byte = 0;

  now(): number {
    return this.time;
  }

  random(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#byte++);
  }
}

export class TestConnection implements Connection {
  readonly info = { gateway: "test", address: "nowhere" };
  readonly #events: CoreEvent[] = [];
  /** How many events it takes until it is full. */
  room = Number.POSITIVE_INFINITY;
  /** Whether it is not read from. */
  paused = false;
  closed: ErrorCode | undefined;

  deliver(event: CoreEvent): "queued" | "full" {
    const full = this.room <= 0;
    const droppable = event.op === "message" || (event.op === "presence" && event.ref === undefined);
    if (full && droppable) return "full";
    this.#events.push(event);
    this.room -= 1;
    return full ? "full" : "queued";
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(code: ErrorCode): void {
    this.closed = code;
  }

  /** What it was told since the last call. */
  take(): CoreEvent[] {
    return this.#events.splice(0);
  }

  /** The same in short, for comparison. */
  told(): string[] {
    return this.take().map(inShort);
  }
}

/** An event in a few characters: `bob 3 text`, `gap bob 1-2 expired`, `error not_member`, `live`. */
export function inShort(event: CoreEvent): string {
  switch (event.op) {
    case "message":
      return `${event.log} ${event.seq} ${parsePayload(event.payload).body}`;
    case "gap":
      return `gap ${event.log} ${event.from}-${event.to} ${event.reason}`;
    case "reset":
      return `reset ${event.log} ${event.seq}`;
    case "error":
      return `error ${event.code}`;
    case "receipt":
      return `receipt ${event.user}/${event.device} ${event.state}`;
    case "presence":
      return `presence ${event.users.map(({ user, online }) => `${user} ${online ? "online" : "offline"}`).join(", ")}`;
    case "page":
      return `page ${event.log} ${event.entries.map(({ seq }) => seq).join(" ")}`;
    default:
      return event.op;
  }
}

export interface CoreFixture {
  readonly core: Core;
  readonly engine: Engine;
  readonly clock: ManualClock;
  /** What the core reported that nobody could be answered. */
  readonly problems: string[];
}

/** Opens a core; `options` may bring an engine that others share. */
export async function openCore(options: Partial<Omit<CoreOptions, "onError">> = {}): Promise<CoreFixture> {
  const clock = new ManualClock();
  const engine = options.engine ?? new MemoryEngine(() => "e1");
  const problems: string[] = [];
  const core = await Core.open({
    clock,
    limits: { maxFrameBytes: 1e6, maxBodyBytes: 1e6, maxWindow: 1e6, idleMs: 90_000 },
    retention: { maxAgeMs: 0, maxMessages: 0, maxBytes: 0 },
    ...options,
    engine,
    onError: (message, error) => problems.push(`${message}: ${error}`),
  });
  return { core, engine, clock, problems };
}

/** A session, and the connection that it tells. */
export interface LoggedInTester {
  readonly session: Session;
  readonly connection: TestConnection;
  /** Where it began to read, by log. */
  readonly positions: Readonly<Record<string, number>>;
  do(command: Command): void;
  /** Sends text and waits until everybody was told what came of it. */
  send(to: string | string[], body: string, more?: Partial<Extract<Command, { op: "send" }>>): Promise<void>;
}

/** Logs in and starts delivery. */
export async function login(
  { core }: Pick<CoreFixture, "core">,
  user: string,
  more: Omit<Login, "user"> = {},
  connection = new TestConnection(),
): Promise<LoggedInTester> {
  const result = await core.login(connection, { user, device: "d", ...more });
  assert.ok(result.ok, result.ok ? "" : result.fault.message);
  const { session, welcome, resets } = result.value;
  for (const reset of resets) connection.deliver(reset);
  session.start();
  await turns();
  return {
    session,
    connection,
    positions: Object.fromEntries(welcome.positions.map(({ log, seq }) => [log, seq])),
    do: (command) => core.handle(session, command),
    send: async (to, body, fields = {}) => {
      core.handle(session, { op: "send", to, body, ...fields });
      await turns();
    },
  };
}

/** Lets everything happen that does not wait for a timer: the memory engine's work is done in a few turns. */
export async function turns(count = 12): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}
