/**
 * How a session begins for somebody who was identified: as one of the user's devices, while the identity stands, and
 * at most so many at once. Used by `core.ts`; what comes before it is in `admission.ts`.
 */
import {
  type ClientMessages,
  type DeviceKey,
  defaultWindow,
  fail,
  ok,
  type Result,
  type ServerMessages,
} from "@parley/protocol";
import { chosenDevice, expiryOf, stands } from "./admission.ts";
import { randomWord } from "./clock.ts";
import type { Connection } from "./connection.ts";
import type { Credentials, Identity } from "./identity.ts";
import type { LiveSessions } from "./live-sessions.ts";
import { userOf } from "./registration.ts";
import { resume } from "./resumption.ts";
import type { Services } from "./services.ts";
import { Session } from "./session.ts";

/** What a gateway says to log a connection in. */
export type Login = Omit<ClientMessages["hello"], "op" | "ref" | keyof Credentials> & Credentials;

/** The same for somebody who was identified already. */
export type IdentifiedLogin = Omit<Login, keyof Credentials> & Pick<Credentials, "device">;

export interface LoggedIn {
  readonly session: Session;
  readonly welcome: ServerMessages["welcome"];
  /** Positions that could not be resumed; to be told after `welcome`. */
  readonly resets: readonly ServerMessages["reset"][];
}

/** When a login may be tried again that was one too many. */
const sessionRetryMs = 5000;

export class Logins {
  readonly #services: Services;
  readonly #sessions: LiveSessions<Session>;

  constructor(services: Services, sessions: LiveSessions<Session>) {
    this.#services = services;
    this.#sessions = sessions;
  }

  /** Faults: `bad_name`, `forbidden`, `too_many`, those of `stands`. Rejects with `StorageUnavailable`. */
  async begin(connection: Connection, identity: Identity, login: IdentifiedLogin): Promise<Result<LoggedIn>> {
    const { clock, presence, policy, limits } = this.#services;
    const chosen = chosenDevice(login.device, identity.device);
    if (!chosen.ok) return chosen;
    const id = randomWord(clock);
    const device = chosen.value ?? (`session-${id}` as DeviceKey);
    const registered = await userOf(this.#services, identity);
    if (!registered.ok) return registered;
    const user = registered.value;
    const standing = stands(this.#services, identity, user.key, device);
    if (!standing.ok) return standing;
    const { maxSessions } = policy;
    if (maxSessions > 0 && user.sessions.size >= maxSessions && !this.#sessions.has(user.key, device))
      return fail("too_many", `${user.name} has ${maxSessions} sessions already`, sessionRetryMs);
    const session = new Session(this.#services, connection, {
      id,
      user,
      identity,
      device,
      lasting: chosen.value !== undefined,
      window: Math.min(login.window ?? defaultWindow, limits.maxWindow),
      onEnd: this.#onEnd,
    });
    this.#sessions.add(session);
    presence.sessionBegan(session);
    try {
      const resets = await resume(session, login.positions ?? []);
      return ok({ session, welcome: welcome(this.#services, session), resets });
    } catch (error) {
      session.end();
      throw error;
    }
  }

  /** One for all sessions: each keeps it. */
  readonly #onEnd = (session: Session): void => {
    this.#sessions.delete(session);
    this.#services.presence.sessionEnded(session);
  };
}

function welcome({ limits: core, policy, clock }: Services, session: Session): ServerMessages["welcome"] {
  const { maxFrameBytes, maxBodyBytes, idleMs } = core;
  const { maxRecipients, maxRooms, maxWatched, connection } = policy;
  const positions = [...session.subscriptions.values()].map(({ topic: { log, epoch }, sent }) => ({
    log,
    epoch,
    seq: sent,
  }));
  const limits = {
    maxFrameBytes,
    maxBodyBytes,
    maxRecipients,
    window: session.window,
    idleMs,
    maxRooms,
    maxWatched,
    ...connection,
  };
  const { id, user, device, identity } = session;
  return {
    op: "welcome",
    user: user.name,
    device,
    session: id,
    positions,
    limits,
    ...expiryOf(identity, clock.now()),
  };
}
