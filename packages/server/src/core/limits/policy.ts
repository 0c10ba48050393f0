/**
 * What may be asked of the server, in numbers: the defaults that `settings.ts` offers and `docs/limits.md` lists. Rates
 * may be exceeded for a moment: up to two seconds' worth at once. 0 is no limit, everywhere.
 */
import { maxRecipients } from "@parley/protocol";

export interface Rate {
  /** Frames of any kind: messages, requests, acknowledgements, pings. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
}

export interface AddressPolicy extends Rate {
  readonly connections: number;
  /** Those of `connections` on which nobody has logged in yet. */
  readonly unauthenticated: number;
  readonly connectionsPerSecond: number;
}

export interface LimitPolicy {
  /** Time from the connection to a successful login, in ms. */
  readonly loginMs: number;
  /** Most addresses in one send. */
  readonly maxRecipients: number;
  /** Most rooms that a user is a member of. */
  readonly maxRooms: number;
  /** Most users whose presence one session watches by name. */
  readonly maxWatched: number;
  /** Most sessions of one user. */
  readonly maxSessions: number;
  readonly connection: Rate;
  readonly user: Rate;
  readonly address: AddressPolicy;
  /** Most messages, and bytes of them, that wait unacknowledged for one user. */
  readonly inboxMessages: number;
  readonly inboxBytes: number;
  /** What becomes of a message to a user whose inbox is full: the sender's error, or a dead letter. */
  readonly inboxFull: "refuse" | "dead-letter";
}

const mebibyte = 1024 * 1024;

export const defaultPolicy: LimitPolicy = {
  loginMs: 10_000,
  maxRecipients,
  maxRooms: 1000,
  maxWatched: 10_000,
  maxSessions: 1000,
  connection: { messagesPerSecond: 10_000, bytesPerSecond: 32 * mebibyte },
  user: { messagesPerSecond: 20_000, bytesPerSecond: 64 * mebibyte },
  address: {
    messagesPerSecond: 40_000,
    bytesPerSecond: 128 * mebibyte,
    connections: 2000,
    unauthenticated: 500,
    connectionsPerSecond: 200,
  },
  inboxMessages: 100_000,
  inboxBytes: 256 * mebibyte,
  inboxFull: "refuse",
};
