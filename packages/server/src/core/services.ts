/**
 * What the parts of the core share, made once by `core.ts` and passed to whoever needs it: no part reaches for the
 * whole core, so none of them depends on another's insides.
 */
import type { Engine } from "../engine/engine.ts";
import type { Accounts } from "./accounts.ts";
import type { Clock } from "./clock.ts";
import type { Cursors } from "./cursors.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { DeliveryRecord } from "./delivery-record.ts";
import type { Directory } from "./directory.ts";
import type { Expiry } from "./expiry.ts";
import type { Hub } from "./hub.ts";
import type { Authenticate } from "./identity.ts";
import type { NewId } from "./ids.ts";
import type { Inboxes } from "./limits/inboxes.ts";
import type { LimitPolicy } from "./limits/policy.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { LogFields } from "./log.ts";
import type { Presence } from "./presence.ts";
import type { Readers } from "./readers.ts";
import type { Revocations } from "./revocations.ts";
import type { Statistics } from "./statistics.ts";
import type { Traffic } from "./traffic.ts";

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
  readonly authenticate: Authenticate;
  readonly sessions: LiveSessions;
  readonly revocations: Revocations;
  readonly traffic: Traffic;
  readonly statistics: Statistics;
  readonly accounts: Accounts;
  readonly expiry: Expiry;
  readonly deliveries: DeliveryRecord;
  readonly newId: NewId;
  /** Told of what nobody can be answered: bugs, and work in the background that failed. */
  readonly onError: (message: string, error: unknown, about?: LogFields) => void;
}
