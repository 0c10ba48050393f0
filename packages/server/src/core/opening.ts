/** What the core is made of when it opens: its options, and the parts that share each other. Used by `core.ts`. */
import type { Durability } from "@parley/protocol";
import type { Engine } from "../engine/engine.ts";
import { Accounts } from "./accounts.ts";
import type { Clock } from "./clock.ts";
import { Cursors } from "./cursors.ts";
import { DeadLetters } from "./dead-letters.ts";
import { DeliveryRecord } from "./delivery-record.ts";
import { Directory } from "./directory.ts";
import { Expiry } from "./expiry.ts";
import { Hub } from "./hub.ts";
import { type Authenticate, takeAtTheirWord } from "./identity.ts";
import { createIds } from "./ids.ts";
import { Inboxes } from "./limits/inboxes.ts";
import { defaultPolicy, type LimitPolicy } from "./limits/policy.ts";
import type { LiveSessions } from "./live-sessions.ts";
import { type Log, type LogFields, silentLog } from "./log.ts";
import { Presence } from "./presence.ts";
import { Readers } from "./readers.ts";
import type { RetentionPolicy } from "./retention.ts";
import { Revocations } from "./revocations.ts";
import type { CoreLimits, Services } from "./services.ts";
import type { Session } from "./session.ts";
import { Statistics } from "./statistics.ts";
import { Traffic } from "./traffic.ts";

export interface CoreOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits: CoreLimits;
  /** Of messages whose protocol has no word for it. Default: `fsync`. */
  readonly durability?: Durability;
  /** Default: `defaultPolicy`. */
  readonly policy?: LimitPolicy;
  readonly retention: RetentionPolicy;
  /** How many deliveries and acknowledgements are remembered, for `trace`; default: none. */
  readonly rememberedDeliveries?: number;
  readonly onError: Services["onError"];
  /** Is told of connections and refusals. Default: nobody is. */
  readonly log?: Log;
  /** Default: everybody is whom they say. */
  readonly authenticate?: Authenticate;
  /** No token that `authenticate` takes lives longer. Default: 366 days. */
  readonly longestTokenMs?: number;
  /** Whether names are given for the asking; otherwise a token is needed. Default: where there is no `authenticate`. */
  readonly openLogin?: boolean;
}

const defaultLongestTokenMs = 366 * 24 * 3_600_000;

/** Loads what is kept in memory and makes the parts of the core over it. Rejects with `StorageUnavailable`. */
export async function openServices(options: CoreOptions, sessions: LiveSessions<Session>): Promise<Services> {
  const { engine, clock, limits, policy = defaultPolicy, rememberedDeliveries = 0, onError, log } = options;
  const { authenticate = takeAtTheirWord, longestTokenMs = defaultLongestTokenMs } = options;
  const now = () => clock.now();
  const directory = await Directory.load(engine);
  const newId = createIds(clock);
  const cursors = new Cursors(engine);
  const readers = new Readers(directory, cursors);
  const traffic = new Traffic(log ?? silentLog);
  const accounts = new Accounts(engine, readers);
  const deadLetters = new DeadLetters(engine, clock, newId, readers, (reason) => traffic.died(reason));
  const onFault = (error: unknown, about?: LogFields) => onError("a dead letter was not written", error, about);
  return {
    engine,
    clock,
    limits,
    policy,
    directory,
    newId,
    onError,
    hub: new Hub(engine),
    inboxes: new Inboxes(engine, cursors, policy, onError),
    cursors,
    readers,
    statistics: await Statistics.open(engine, (error) => onError("statistics were not written", error)),
    presence: new Presence(clock, directory, (error) => onError("lastSeen was not written", error)),
    deadLetters,
    authenticate,
    sessions,
    revocations: await Revocations.load({ engine, sessions, now, longestTokenMs }),
    traffic,
    accounts,
    deliveries: new DeliveryRecord(clock, rememberedDeliveries),
    expiry: new Expiry({ engine, clock, readers, accounts, deadLetters, onFault }),
  };
}
