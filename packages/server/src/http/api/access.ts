/** The API's own questions of access that the path alone does not decide, put to the core's table. */
import type { LogName, Result } from "@parley/protocol";
import type { FastifyRequest } from "fastify";
import { authorise } from "../../core/authorisation.ts";
import type { User } from "../../core/directory.ts";

type Caller = Pick<FastifyRequest, "actor">;

/** A log is read by whom it is for, and by who administers. Faults: `forbidden`. */
export function mayReadLog({ actor }: Caller, log: LogName): Result<undefined> {
  const reads = authorise(actor, "read", log);
  return reads.ok || !authorise(actor, "inspectLog", log).ok ? reads : authorise(actor, "inspectLog", log);
}

/** What belongs to a user is the user's, and open to who administers. Faults: `forbidden`. */
export function mayManage({ actor }: Caller, owner: User): Result<undefined> {
  return authorise(actor, "manageUser", owner.key);
}

/** Whether the caller sees what concerns all users. */
export function mayOperate({ actor }: Caller): boolean {
  return authorise(actor, "operate", undefined).ok;
}
