/** Tells agents who is online: one list for all who may see everybody, encoded once, at most once in a second. */
import { authorise } from "../../core/authorisation.ts";
import type { Core } from "../../core/core.ts";
import type { Agent } from "./agent.ts";
import { encodeUserList } from "./codec.ts";

const intervalMs = 1000;

export class UserSet {
  readonly #core: Core;
  readonly #maxDatagramBytes: number;
  readonly #due = new Set<Agent>();
  #timer: NodeJS.Timeout | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(core: Core, maxDatagramBytes: number) {
    this.#core = core;
    this.#maxDatagramBytes = maxDatagramBytes;
  }

  /** These agents are to be told. Those whose address is not trusted yet are not: they are due when it is. */
  due(agents: Iterable<Agent>): void {
    for (const agent of agents) this.#due.add(agent);
    this.#timer ??= setTimeout(() => this.#tell(), Math.max(0, this.#toldAt + intervalMs - performance.now()));
  }

  #tell(): void {
    this.#timer = undefined;
    this.#toldAt = performance.now();
    const encode = (users: readonly string[]) => encodeUserList("update_user_set", users, this.#maxDatagramBytes);
    const all = encode(this.#core.online());
    const missed = [...this.#due].filter((agent) => {
      const { session } = agent;
      if (!agent.trusted || !session) return false;
      const seesAll = authorise(session, "seeEverybody", undefined).ok;
      return !agent.say(seesAll ? all : encode(this.#core.online(undefined, session)));
    });
    this.#due.clear();
    if (missed.length > 0) this.due(missed);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
