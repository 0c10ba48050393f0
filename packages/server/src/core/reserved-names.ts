/** Names that nobody can choose: the server's own, and those that guests are given. */
import { fail, ok, type Result, type UserKey } from "@parley/protocol";

/** The names that the server speaks by: nobody can be mistaken for it. */
export const systemNames = ["server", "broker", "push"] as const;
export type SystemName = (typeof systemNames)[number];

const isSystemName: ReadonlySet<string> = new Set(systemNames);
const guestName = /^guest-\d+$/;

/** Faults with `forbidden` where the name cannot be chosen. */
export function checkChoosable(key: UserKey): Result<undefined> {
  if (isSystemName.has(key)) return fail("forbidden", `the name ${key} is the server's own`);
  if (guestName.test(key)) return fail("forbidden", `the name ${key} is not allowed: such names are for guests`);
  return ok(undefined);
}
