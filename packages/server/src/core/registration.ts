/**
 * Users who come for the first time: made durably, under a name that may be chosen or, for guests, one that nobody can
 * choose. Used by `core.ts` and `login.ts`.
 */
import { everyone, ok, parseUser, type Result, type UserAddress } from "@parley/protocol";
import type { Counters } from "./counters.ts";
import type { User } from "./directory.ts";
import type { Identity } from "./identity.ts";
import { checkChoosable } from "./reserved-names.ts";
import type { Services } from "./services.ts";

/** The user of that name, made durably if new. Faults: `bad_name`, `forbidden`. Rejects with `StorageUnavailable`. */
export async function register(services: Services, name: string): Promise<Result<User>> {
  const address = parseUser(name);
  if (!address.ok) return address;
  const allowed = checkChoosable(address.value.key);
  return allowed.ok ? ok(await make(services, address.value)) : allowed;
}

/** The user whom an identity stands for. Faults: those of `register`. Rejects with `StorageUnavailable`. */
export async function userOf(services: Services, { user }: Identity): Promise<Result<User>> {
  return typeof user === "string" ? register(services, user) : ok(user);
}

/** A user whose name nobody had before and nobody can choose. Rejects with `StorageUnavailable`. */
export async function newGuest(services: Services, counters: Counters): Promise<User> {
  for (;;) {
    const address = parseUser(`guest-${await counters.next("guest", 1)}`);
    if (!address.ok) throw new Error(address.fault.message);
    if (!services.directory.users.has(address.value.key)) return make(services, address.value);
  }
}

function make({ directory, engine, cursors, clock }: Services, address: UserAddress): Promise<User> {
  const everyoneSeq = async () => {
    // Nobody who was removed had that name: they leave a cursor at the end of their log.
    if ((await engine.head(address.key)).tail === 0) cursors.hasNone(address.key);
    return (await engine.head(everyone.key)).tail;
  };
  return directory.register(address, clock.now(), everyoneSeq);
}
