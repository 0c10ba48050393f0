/**
 * Whom a send is for: addresses as they are registered, if the sender may send to them (`authorisation.ts`). Used by
 * `submission.ts`; hot path.
 */
import {
  type Address,
  type ClientMessages,
  everyone,
  fail,
  type LogName,
  ok,
  parseAddress,
  type Result,
  type UserAddress,
  type UserKey,
} from "@parley/protocol";
import { type Actor, authorise } from "./authorisation.ts";
import type { Directory, User } from "./directory.ts";
import type { Services } from "./services.ts";

/** A recipient: somebody or something that is registered, or everybody. */
export type Recipient = User | Exclude<Address, UserAddress>;

/** The recipients of a send, each once. Faults: `bad_name`, `unknown_user`, `unknown_room`, `too_many`, and those of `authorise`. */
export function recipientsOf(
  { directory, policy: { maxRecipients } }: Services,
  sender: Actor,
  { to }: Pick<ClientMessages["send"], "to">,
): Result<readonly Recipient[]> {
  if (typeof to === "string") {
    const one = recipient(directory, sender, to);
    return one.ok ? ok(alone(one.value)) : one;
  }
  if (to.length > maxRecipients) return fail("too_many", `a message has at most ${maxRecipients} recipients`);
  const addresses = new Map<LogName, Recipient>();
  for (const text of to) {
    const one = recipient(directory, sender, text);
    if (!one.ok) return one;
    addresses.set(one.value.key, one.value);
  }
  return ok([...addresses.values()]);
}

function alone(one: Recipient): readonly Recipient[] {
  if (one.kind !== "user") return [one];
  one.alone ??= [one];
  return one.alone;
}

/** The address, in its registered spelling, if the sender may send to it. */
function recipient(directory: Directory, sender: Actor, text: string): Result<Recipient> {
  // Most senders write a user's name as names are compared: that needs no parsing.
  const user = directory.users.get(text as UserKey);
  if (user) return permitted(sender, user);
  const parsed = parseAddress(text);
  if (!parsed.ok) return parsed;
  const known = registered(directory, parsed.value);
  if (known) return permitted(sender, known);
  const allowed = authorise(sender, "send", parsed.value);
  // Nobody is a member of a room that does not exist; whether it does is not told to those who may not send there.
  if (!allowed.ok && allowed.fault.code !== "not_member") return allowed;
  const { kind, name } = parsed.value;
  return kind === "room"
    ? fail("unknown_room", `there is no room ${name}`)
    : fail("unknown_user", `no user ${name} has ever connected`);
}

function permitted(sender: Actor, known: Recipient): Result<Recipient> {
  const allowed = authorise(sender, "send", known);
  return allowed.ok ? ok(known) : allowed;
}

function registered({ users, rooms }: Directory, address: Address): Recipient | undefined {
  if (address.kind === "everyone") return everyone;
  return address.kind === "user" ? users.get(address.key) : rooms.get(address.key);
}
