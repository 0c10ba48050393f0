/** What follows from a renewed identity: what it does not allow any more ends, what it allows anew begins. */
import type { LogName } from "@parley/protocol";
import { type Actor, authorise } from "./authorisation.ts";
import type { User } from "./directory.ts";
import type { Watcher } from "./presence.ts";
import { readableBy } from "./reading-start.ts";
import type { Services } from "./services.ts";

/** A session whose rights have changed. */
export interface Reviewed extends Actor, Watcher {
  readonly user: User;
  /** The logs that it reads. */
  readonly subscriptions: ReadonlyMap<LogName, unknown>;
  /** Reads a log no more, or from now on. */
  left(log: LogName): void;
  joined(log: LogName): Promise<void>;
}

/** Goes through what the session watches and reads. Rejects with `StorageUnavailable`. */
export async function reviewRights({ presence }: Services, session: Reviewed): Promise<void> {
  const { watching, subscriptions, user } = session;
  if (watching === "everybody") {
    if (!authorise(session, "seeEverybody", undefined).ok) presence.unwatch(session, undefined);
  } else if (watching !== undefined) {
    const unseen = [...watching].filter((key) => !authorise(session, "seeUser", key).ok);
    presence.unwatch(session, unseen);
  }
  for (const log of [...subscriptions.keys()]) if (!authorise(session, "read", log).ok) session.left(log);
  for (const log of readableBy(user)) if (!subscriptions.has(log)) await session.joined(log);
}
