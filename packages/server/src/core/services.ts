/**
 * What the parts of the core share, made once by `core.ts` and passed to whoever needs it: no part reaches for the
 * whole core, so none of them depends on another's insides.
 */
import type { Engine } from "../engine/engine.ts";
import type { Clock } from "./clock.ts";
import type { Cursors } from "./cursors.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Directory } from "./directory.ts";
import type { Hub } from "./hub.ts";
import type { Inboxes } from "./limits/inboxes.ts";
import type { LimitPolicy } from "./limits/policy.ts";
import type { Presence } from "./presence.ts";
import type { Readers } from "./readers.ts";

export interface CoreLimits {
  readonly maxFrameBytes: number;
  readonly maxBodyBytes: number;
  readonly maxWindow: number;
  readonly idleMs: number;
}

export interface Services {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits: CoreLimits;
  readonly policy: LimitPolicy;
  readonly inboxes: Inboxes;
  readonly directory: Directory;
  readonly hub: Hub;
  readonly cursors: Cursors;
  readonly presence: Presence;
  readonly readers: Readers;
  readonly deadLetters: DeadLetters;
  readonly newId: () => string;
  /** Told of what nobody can be answered: bugs, and work in the background that failed. */
  readonly onError: (message: string, error: unknown) => void;
}
