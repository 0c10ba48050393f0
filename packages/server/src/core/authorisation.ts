/**
 * Who may do what: one table of actions, each with its rule over who asks (`Actor`) and what for. Everything that decides
 * by membership, ownership or rights is decided here, for every gateway and the HTTP API; docs/authorisation.md is the
 * table for people. `send` and `read` are on the hot path: who is not restricted costs nothing.
 */
import {
  type Address,
  everyone,
  fail,
  type LogName,
  ok,
  type Result,
  type RoomAddress,
  type RoomKey,
  type UserKey,
} from "@parley/protocol";
import { AddressSet } from "./address-pattern.ts";
import type { User } from "./directory.ts";
import type { Identity, Rights } from "./identity.ts";

/** Who asks: a user, and what the proof of being that user allows. A session is one. */
export interface Actor {
  readonly user: User;
  readonly permissions: Permissions;
  /** The server itself: it may send to rooms that it is no member of. */
  readonly isServer: boolean;
}

/** Rights with their patterns compiled. An undefined set is not restricted. */
export interface Permissions {
  readonly administer: boolean;
  readonly send: AddressSet | undefined;
  readonly read: AddressSet | undefined;
  readonly join: AddressSet | undefined;
}

export function permissionsOf({ administer, send, read, join }: Rights, user: UserKey): Permissions {
  const compile = (patterns: readonly string[] | undefined) => patterns && new AddressSet(patterns, user);
  return { administer, send: compile(send), read: compile(read), join: compile(join) };
}

/** What may be asked for, and what it is about. */
export interface Targets {
  /** Sending in that user's name. */
  readonly sendAs: UserKey;
  readonly send: Address;
  readonly join: RoomAddress;
  /** Making others members too, of a room that exists or does not. */
  readonly addMembers: RoomAddress & { readonly exists: boolean };
  /** Being delivered a log, paging in it, acknowledging it. */
  readonly read: LogName;
  /** Learning whether somebody is online. */
  readonly seeUser: UserKey;
  /** Learning of everybody who is online, or will be. */
  readonly seeEverybody: undefined;
  /** Learning that a room exists and who is in it. */
  readonly seeRoom: RoomKey;
  /** Listing and inspecting dead letters of a log; undefined: of all. */
  readonly seeDeadLetters: LogName | undefined;
  /** Replaying and purging them. */
  readonly settleDeadLetters: LogName | undefined;
  /** What is a user's own: sessions, devices, rooms, tokens; undefined: everybody's. */
  readonly manageUser: UserKey | undefined;
  /** Making, changing and removing accounts. */
  readonly manageAccounts: undefined;
  /** Reading anybody's log without being its reader. */
  readonly inspectLog: LogName;
  /** What concerns the server as a whole: statistics, traces, configuration. */
  readonly operate: undefined;
}

export type Action = keyof Targets;
type Rule<A extends Action> = (actor: Actor, target: Targets[A]) => Result<undefined>;

const allowed = ok(undefined);

const rules: { readonly [A in Action]: Rule<A> } = {
  sendAs: ({ user }, key) =>
    key === user.key ? allowed : fail("forbidden", `you are ${user.name} and cannot send as somebody else`),

  send: ({ user, permissions, isServer }, { kind, key, name }) => {
    if (permissions.send !== undefined && !permissions.send.has(key)) return withheld("send to", name);
    if (kind !== "room" || isServer || user.rooms.has(key)) return allowed;
    return fail("not_member", `you are not a member of ${name}`);
  },

  join: ({ permissions }, { key, name }) =>
    permissions.join === undefined || permissions.join.has(key) ? allowed : withheld("join", name),

  addMembers: (actor, room) => {
    if (room.exists && !actor.user.rooms.has(room.key))
      return fail("not_member", `${room.name} exists and you are not a member of it`);
    return rules.join(actor, room);
  },

  read: ({ user, permissions }, log) => {
    const isReader = log === user.key || log === everyone.key || user.rooms.has(log as RoomKey);
    if (!isReader) return fail("forbidden", `you do not read ${log}`);
    return permissions.read === undefined || permissions.read.has(log) ? allowed : withheld("read", log);
  },

  seeUser: ({ user, permissions }, key) =>
    permissions.read === undefined || key === user.key || permissions.read.has(key) ? allowed : withheld("see", key),

  seeEverybody: ({ permissions }) =>
    permissions.read === undefined ? allowed : fail("forbidden", "your token does not allow to see everybody"),

  seeRoom: ({ permissions }, key) =>
    permissions.read === undefined || permissions.read.has(key) ? allowed : withheld("see", key),

  seeDeadLetters: (actor, log) => (log === actor.user.key ? rules.read(actor, log) : administrators(actor)),
  settleDeadLetters: administrators,
  // A token that was restricted to something is not to manage its user by.
  manageUser: (actor, key) => (key === actor.user.key && !isRestricted(actor) ? allowed : administrators(actor)),
  manageAccounts: administrators,
  inspectLog: administrators,
  operate: administrators,
};

function isRestricted({ permissions: { send, read, join } }: Actor): boolean {
  return send !== undefined || read !== undefined || join !== undefined;
}

function administrators({ permissions }: Actor): Result<undefined> {
  return permissions.administer ? allowed : fail("forbidden", "only who administers may do this");
}

function withheld(what: string, name: string): ReturnType<typeof fail> {
  return fail("forbidden", `your token does not allow to ${what} ${name}`);
}

/** Whether the actor may do that. Faults: `forbidden`, `not_member`. Hot path. */
export function authorise<A extends Action>(actor: Actor, action: A, target: Targets[A]): Result<undefined> {
  return (rules[action] as Rule<A>)(actor, target);
}

/** Somebody who was identified, without a session. */
export function actorOf(user: User, { rights }: Pick<Identity, "rights">): Actor {
  return { user, permissions: permissionsOf(rights, user.key), isServer: false };
}
