/**
 * What was revoked before its time: single tokens, everything of a user, everything of one device of a user. Kept in
 * the engine until no token can exist any more that it is about. A revocation ends the live sessions at once and refuses
 * later logins. Used by `core.ts` and `admission.ts`.
 */
import { type DeviceKey, fail, ok, parseDevice, parseUser, type Result, type UserKey } from "@parley/protocol";
import type { Engine, RecordKinds, RecordWrite } from "../engine/engine.ts";
import type { Identity } from "./identity.ts";
import type { LiveSession, LiveSessions } from "./live-sessions.ts";

/** Longest `jti` that is taken, in characters. */
export const maxTokenIdLength = 256;

/** Who may revoke their own devices must not fill the store with names that never were any. */
const maxDevicesPerUser = 64;

/** What an operator asks to be revoked: a token by its `jti`, or what a user (on one device) had until now. */
export type RevocationRequest =
  | { readonly tokenId: string; readonly expiresAt?: number }
  | { readonly user: string; readonly device?: string };

/** Whom it concerns, in the form in which sessions have it. */
type Target =
  | { readonly tokenId: string; readonly until: number | undefined }
  | { readonly user: UserKey; readonly device: DeviceKey | undefined; readonly until: undefined };

type Revocation = RecordKinds["revocation"];

export interface RevocationsOptions {
  readonly engine: Engine;
  readonly sessions: LiveSessions;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** No token lives longer than this. */
  readonly longestTokenMs: number;
}

export class Revocations {
  readonly #options: RevocationsOptions;
  readonly #byKey = new Map<string, Revocation>();

  private constructor(options: RevocationsOptions) {
    this.#options = options;
  }

  /** Reads what is kept. Rejects with `StorageUnavailable`. */
  static async load(options: RevocationsOptions): Promise<Revocations> {
    const revocations = new Revocations(options);
    for (const [key, revocation] of await options.engine.scan("revocation", ""))
      revocations.#byKey.set(key, revocation);
    return revocations;
  }

  /**
   * Revokes; returns how many sessions ended. They end before it is on disk, and it is on disk when this resolves.
   * Faults: `bad_name`, `bad_message`, `forbidden`. Rejects with `StorageUnavailable`; until a restart it holds all the same.
   */
  async add(request: RevocationRequest): Promise<Result<{ readonly sessionsClosed: number }>> {
    const target = parseTarget(request);
    if (!target.ok) return target;
    const { engine, now, longestTokenMs, sessions } = this.#options;
    const key = keyOf(target.value);
    if (!this.#byKey.has(key) && this.#hasTooMany(target.value))
      return fail("forbidden", `more than ${maxDevicesPerUser} devices of a user: revoke what the user has`);
    const value = { before: now(), until: target.value.until ?? now() + longestTokenMs };
    this.#byKey.set(key, value);
    const sessionsClosed = sessions.close("revoked", "the token was revoked", (session) =>
      concerns(target.value, session),
    );
    await engine.write([{ kind: "revocation", key, value }]);
    return ok({ sessionsClosed });
  }

  #hasTooMany(target: Target): boolean {
    if (!("user" in target) || target.device === undefined) return false;
    const prefix = `device ${target.user} `;
    let devices = 0;
    for (const key of this.#byKey.keys()) if (key.startsWith(prefix)) devices += 1;
    return devices >= maxDevicesPerUser;
  }

  /** Whether what somebody has proved was revoked since. */
  has({ tokenId, issuedAt }: Identity, user: UserKey, device: DeviceKey | undefined): boolean {
    if (this.#byKey.size === 0) return false;
    if (tokenId !== undefined && this.#byKey.has(keyOf({ tokenId, until: undefined }))) return true;
    const isVoid = (key: string) => issuedAt <= (this.#byKey.get(key)?.before ?? -1);
    if (isVoid(keyOf({ user, device: undefined, until: undefined }))) return true;
    return device !== undefined && isVoid(keyOf({ user, device, until: undefined }));
  }

  /** Forgets what no token can be about any more. Rejects with `StorageUnavailable`. */
  async clean(): Promise<void> {
    const now = this.#options.now();
    const old = [...this.#byKey].filter(([, { until }]) => until <= now).map(([key]) => key);
    if (old.length === 0) return;
    await this.#options.engine.write(old.map((key): RecordWrite => ({ kind: "revocation", key, value: undefined })));
    for (const key of old) if ((this.#byKey.get(key)?.until ?? Infinity) <= now) this.#byKey.delete(key);
  }
}

/** Whether a text may be a token's id: as text it has to survive being stored. */
export function isTokenId(text: string): boolean {
  return text !== "" && text.length <= maxTokenIdLength && text.isWellFormed();
}

function parseTarget(request: RevocationRequest): Result<Target> {
  if ("tokenId" in request) {
    const { tokenId, expiresAt } = request;
    if (isTokenId(tokenId)) return ok({ tokenId, until: expiresAt });
    return fail("bad_message", `a token's id has 1 to ${maxTokenIdLength} characters`);
  }
  const user = parseUser(request.user);
  if (!user.ok) return user;
  const device = request.device === undefined ? ok(undefined) : parseDevice(request.device);
  return device.ok ? ok({ user: user.value.key, device: device.value, until: undefined }) : device;
}

function concerns(target: Target, { identity, user, device }: LiveSession): boolean {
  if ("tokenId" in target) return identity.tokenId === target.tokenId;
  return user.key === target.user && (target.device === undefined || device === target.device);
}

/** No name has a space, so that no two targets have one key. */
function keyOf(target: Target): string {
  if ("tokenId" in target) return `token ${target.tokenId}`;
  return target.device === undefined ? `user ${target.user}` : `device ${target.user} ${target.device}`;
}
