/**
 * Names and addresses: the only things one can send to. A name keeps the spelling it was given (`name`, NFKC) and
 * is compared by its folded form (`key`). Branded types: a `UserKey` or `LogName` is made here or nowhere.
 * The rule is PROTOCOL.md, "Names".
 */
import { quote } from "./quote.ts";
import { fail, ok, type Result } from "./result.ts";

declare const brand: unique symbol;
/** A user's folded name: what users are compared and stored by. Also the name of the user's log. */
export type UserKey = string & { readonly [brand]: "user" };
/** A room's folded name with its `#`. Also the name of the room's log. */
export type RoomKey = string & { readonly [brand]: "room" };
/** A device's folded name, unique within its user. */
export type DeviceKey = string & { readonly [brand]: "device" };
export type Everyone = "*" & { readonly [brand]: "everyone" };
/** The name of a log: a user key, a room key, or `*`. */
export type LogName = UserKey | RoomKey | Everyone;

export interface UserAddress {
  readonly kind: "user";
  readonly key: UserKey;
  readonly name: string;
}
export interface RoomAddress {
  readonly kind: "room";
  readonly key: RoomKey;
  readonly name: string;
}
export interface EveryoneAddress {
  readonly kind: "everyone";
  readonly key: Everyone;
  readonly name: "*";
}
export type Address = UserAddress | RoomAddress | EveryoneAddress;

/** The log that everybody reads. */
export const everyone: EveryoneAddress = { kind: "everyone", key: "*" as Everyone, name: "*" };

export const maxNameCharacters = 64;
const plain = /^[a-z0-9._-]{1,64}$/;
const allowed = /^[\p{L}\p{N}._-][\p{L}\p{N}\p{M}._-]*$/u;
/** Variation selectors and fillers are marks and letters by category, but nobody sees them: two names would look alike. */
const invisible = /\p{Default_Ignorable_Code_Point}/u;

/** What names are compared by: NFKC, lower case, NFKC again (lower-casing can denormalise). Idempotent. */
export function foldName(name: string): string {
  return name.normalize("NFKC").toLowerCase().normalize("NFKC");
}

function parseName(text: string, what: string): Result<{ name: string; key: string }> {
  if (plain.test(text)) return ok({ name: text, key: text });
  // Normalising can grow a string 18-fold; the check before it bounds the work on hostile input.
  if (text.length > maxNameCharacters * 4) return badLength(what, text);
  const name = text.normalize("NFKC");
  const key = foldName(name);
  // Folding can grow a name too (İ becomes two characters), and a key has to be a name again.
  if (name === "" || [...name].length > maxNameCharacters || [...key].length > maxNameCharacters)
    return badLength(what, text);
  if (!allowed.test(name) || invisible.test(name))
    return fail("bad_name", `a ${what} name has only letters, digits, ".", "_" and "-" (got ${quote(text)})`);
  return ok({ name, key });
}

function badLength(what: string, text: string): ReturnType<typeof fail> {
  return fail("bad_name", `a ${what} name has 1 to ${maxNameCharacters} characters (got ${quote(text)})`);
}

/** Parses a user's name. Fails with `bad_name`. */
export function parseUser(text: string): Result<UserAddress> {
  const parsed = parseName(text, "user");
  return parsed.ok ? ok({ kind: "user", key: parsed.value.key as UserKey, name: parsed.value.name }) : parsed;
}

/** Parses a room's name, `#` included. Fails with `bad_name`. */
export function parseRoom(text: string): Result<RoomAddress> {
  if (!text.startsWith("#")) return fail("bad_name", `a room name begins with "#" (got ${quote(text)})`);
  const parsed = parseName(text.slice(1), "room");
  return parsed.ok
    ? ok({ kind: "room", key: `#${parsed.value.key}` as RoomKey, name: `#${parsed.value.name}` })
    : parsed;
}

/** Parses a device's name. Fails with `bad_name`. */
export function parseDevice(text: string): Result<DeviceKey> {
  const parsed = parseName(text, "device");
  return parsed.ok ? ok(parsed.value.key as DeviceKey) : parsed;
}

/** Parses anything one can send to: a user, a `#room`, or `*`. Fails with `bad_name`. */
export function parseAddress(text: string): Result<Address> {
  if (text === "*") return ok(everyone);
  return text.startsWith("#") ? parseRoom(text) : parseUser(text);
}
