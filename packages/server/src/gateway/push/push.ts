/**
 * The gateway of POC Messaging (docs/gateways/push.md): texts are sent to users by plain HTTP and reach all their open
 * WebSockets, which say nothing themselves. Here are the sockets; the requests are in `routes.ts`.
 */
import type { IncomingMessage } from "node:http";
import { errors, ok, type Result } from "@parley/protocol";
import type { Core } from "../../core/core.ts";
import type { Identity } from "../../core/identity.ts";
import type { Entry } from "../../engine/entry.ts";
import type { HttpListener, UpgradeHandler } from "../../http/http-listener.ts";
import type { Doors } from "../doors.ts";
import { encodeOne } from "../frames.ts";
import type { Gateway, GatewayLog } from "../gateway.ts";
import { IdleSweep } from "../idle-sweep.ts";
import { Participant } from "../participant.ts";
import { render } from "../rendering.ts";
import { unexpected } from "../unexpected.ts";
import { webSocketText } from "../websocket-framing.ts";
import { connectPeer, type WebSocketPeer } from "../websocket-gateway.ts";
import { WebSocketAcceptor } from "../websocket-wire.ts";
import type { Wire } from "../wire.ts";
import { Bearers, badToken } from "./bearers.ts";
import { ownOrigins } from "./cors.ts";
import { openRedisChannel } from "./redis-channel.ts";
import { pushRoutes } from "./routes.ts";
import { Tokens } from "./tokens.ts";

const name = "push";
const socketPath = "/ws";
const pingMs = 10_000;

export interface PushOptions {
  readonly core: Core;
  /** The main listener, not open yet: the gateway adds routes. */
  readonly http: HttpListener;
  readonly maxOutboxBytes: number;
  readonly log: GatewayLog;
  readonly doors?: Doors | undefined;
  /** Origins of web pages, beside the server's own. */
  readonly origins: readonly string[];
  /** What tokens are signed with; empty: a secret that the server keeps for itself. */
  readonly appSecret: string;
  readonly socketSecret: string;
  /** Empty: no Redis. */
  readonly redisUrl: string;
}

const contentOf = (entry: Entry) => render(entry).text;
const encodeShared = (entry: Entry) => encodeOne(contentOf(entry), webSocketText);

/** Serves `/token`, `/ws/token`, `/message`, `/healthcheck` and `/ws`. Rejects with `StorageUnavailable`. */
export async function startPush(options: PushOptions): Promise<Gateway> {
  const { core, http, maxOutboxBytes, log, redisUrl, doors } = options;
  const { maxFrameBytes, idleMs } = core.limits;
  const app = options.appSecret || (await core.secret("push.app"));
  const socket = options.socketSecret || (await core.secret("push.socket"));
  const bearers = new Bearers(core, new Tokens({ app, socket }, () => core.now()));
  const origins = [...options.origins, ...ownOrigins(http.url)];
  http.routes(pushRoutes({ core, bearers, origins, log, addressOf: (ip) => doors?.keyOf(ip) }));

  const acceptor = new WebSocketAcceptor({ gateway: name, maxPayload: maxFrameBytes, maxOutboxBytes, idleMs });
  const sweep = new IdleSweep<Participant>(idleMs, (peer) => peer.probe(), Math.max(3, Math.ceil(idleMs / pingMs)));
  let stopped = false;
  const shakeHands: UpgradeHandler = async (request, socket, head) => {
    const identity = await admit(options, bearers, request);
    const status = identity.ok ? 503 : errors[identity.fault.code].http;
    if (!identity.ok) http.refuseUpgrade(socket, status, `${status}: ${identity.fault.message}`);
    else if (stopped) http.refuseUpgrade(socket, status, `${status}: the server is going down`);
    else
      acceptor.accept(request, socket, head, (wire) =>
        connectPeer(open(options, wire, identity.value), sweep.connections),
      );
  };
  http.onUpgrade(socketPath, shakeHands, origins);
  const closeRedis = redisUrl === "" ? undefined : await openRedisChannel(redisUrl, core, log);
  return {
    name,
    listeners: [
      { url: `${http.url}/message`, purpose: 'push: POST {"username", "content"} to send, with curl or what you like' },
      { url: `${http.url.replace("http", "ws")}${socketPath}`, purpose: "push: sockets that get the contents" },
    ],
    stop: async () => {
      stopped = true;
      closeRedis?.();
      sweep.stop();
      http.offUpgrade(socketPath);
      for (const peer of sweep.connections) peer.stop();
    },
  };
}

/** Whose token the handshake has. Faults: `forbidden`, `storage_unavailable`, `internal`. */
async function admit(
  { core, log }: PushOptions,
  bearers: Bearers,
  request: IncomingMessage,
): Promise<Result<Identity>> {
  try {
    const identity = await bearers.identify(authorizationOf(request), "socket", "app");
    if (!identity.ok) return identity;
    const actor = await core.actor(identity.value);
    return actor.ok ? identity : badToken;
  } catch (error) {
    return unexpected(error, name, log);
  }
}

function open({ core, log }: PushOptions, wire: Wire, identity: Identity): WebSocketPeer {
  const speech = { encode: contentOf, shared: encodeShared, told: () => {} };
  const participant = new Participant(core, wire, speech, log);
  participant.tasks.run(async () => {
    const result = await participant.login(async () => ok(identity));
    if (!result.ok) participant.close(result.fault.code, result.fault.message);
  });
  // The protocol has no words for binary frames.
  return { participant, text: (text) => participant.say(text), binary: () => {} };
}

/** The token, from the query or, where a client can set headers, from there. */
function authorizationOf({ url = "", headers }: IncomingMessage): string {
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  return query.get("authorization") ?? headers.authorization ?? "";
}
