/** What a caller may do that is not decided by the path alone: the API's own questions, in one place. */
import { fail, type LogName, ok, type Result } from "@parley/protocol";
import type { FastifyRequest } from "fastify";
import type { User } from "../../core/directory.ts";
import { isReader } from "../../core/inspection.ts";

type Caller = Pick<FastifyRequest, "identity" | "user">;

/** A log is read by whom it is for, and by who administers. Faults: `forbidden`. */
export function mayReadLog({ identity, user }: Caller, log: LogName): Result<undefined> {
  return isReader(user, log) ? ok(undefined) : administers(identity, `you do not read ${log}`);
}

/** What belongs to a user is the user's, and open to who administers. Faults: `forbidden`. */
export function mayManage({ identity, user }: Caller, owner: User): Result<undefined> {
  return owner === user ? ok(undefined) : administers(identity, `this belongs to ${owner.name}`);
}

/** Whether the caller sees what concerns all users. */
export function mayOperate({ identity }: Caller): boolean {
  return identity.rights.administer;
}

function administers({ rights }: Caller["identity"], otherwise: string): Result<undefined> {
  return rights.administer ? ok(undefined) : fail("forbidden", otherwise);
}
