/**
 * The composition root: the only place that wires engine, core, listeners and gateways together. Used by `parley serve`
 * and by whoever embeds the server.
 */
import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { randomWord, systemClock } from "./core/clock.ts";
import { Core } from "./core/core.ts";
import type { Engine } from "./engine/engine.ts";
import { LevelEngine, type LevelOptions } from "./engine/level/level-engine.ts";
import { MemoryEngine } from "./engine/memory.ts";
import { startDeviceText } from "./gateway/device-text/device-text.ts";
import { Doors } from "./gateway/doors.ts";
import { startFramedTcp } from "./gateway/framed-tcp/framed-tcp.ts";
import type { Gateway, GatewayContext, GatewayLog, Listener, StartGateway } from "./gateway/gateway.ts";
import { startNativeTcp } from "./gateway/native/tcp.ts";
import { startNativeWebSocket } from "./gateway/native/websocket.ts";
import { startPeerJson } from "./gateway/peer-json/peer-json.ts";
import { startPush } from "./gateway/push/push.ts";
import { startUdpAgent } from "./gateway/udp-agent/udp-agent.ts";
import { startApi } from "./http/api/api.ts";
import { HttpListener } from "./http/http-listener.ts";
import { policyOf } from "./limit-settings.ts";
import type { GatewayName } from "./settings.ts";

export interface RunningServer {
  readonly listeners: readonly Listener[];
  /** Drains: no new connections, sessions told to reconnect, what is buffered written, the store closed. */
  stop(): Promise<void>;
}

/** What the server is made of, beside its configuration: gateways of one's own, and what tests change. */
export interface ServerParts {
  readonly log: GatewayLog;
  /** Started after the configured ones. */
  readonly gateways?: readonly StartGateway[];
  readonly level?: Pick<LevelOptions, "onStep" | "checkpointBytes" | "lazyMs">;
  readonly wrapEngine?: (engine: Engine) => Engine;
}

const drainMs = 2_000;

/** Opens the store and listens. Rejects with `StoreRefused`, or where an address cannot be had. */
export async function startServer(
  config: Config,
  { log, gateways: ownGateways = [], level, wrapEngine = (engine) => engine }: ServerParts,
): Promise<RunningServer> {
  const engine = wrapEngine(await openEngine(config, log, level));
  const started: { stop(): Promise<void> }[] = [];
  try {
    const core = await Core.open({
      engine,
      clock: systemClock,
      limits: {
        maxFrameBytes: config["limits.maxFrameBytes"],
        maxBodyBytes: config["limits.maxBodyBytes"],
        maxWindow: config["limits.maxWindow"],
        idleMs: config["limits.idleMs"],
      },
      policy: policyOf(config),
      retention: {
        maxAgeMs: config["retention.maxAgeHours"] * 3_600_000,
        maxMessages: config["retention.maxMessages"],
        maxBytes: config["retention.maxBytes"],
      },
      onError: log.error,
    });
    const doors = new Doors(core.limiter, config["limits.exemptAddresses"]);
    const gateways: Gateway[] = [];
    const httpAt = (port: number, origins: readonly string[] = []) => ({
      host: config.host,
      port,
      origins: [...config["http.origins"], ...origins],
      onError: log.error,
      headersTimeoutMs: config["limits.loginMs"],
      admit: (socket: Socket) => doors.admit(socket),
    });
    const listenHttp: ListenHttp = (port, origins) => HttpListener.start(httpAt(port, origins));
    const isShared = config["http.api"] || config.gateways.some((name) => onSharedListener.has(name));
    const http = isShared ? await HttpListener.bind(httpAt(config["http.port"])) : undefined;
    if (http) started.push(http);
    const add = (gateway: Gateway) => {
      started.push(gateway);
      gateways.push(gateway);
    };
    const context = { core, host: config.host, maxOutboxBytes: config["limits.maxOutboxBytes"], log, doors };
    for await (const gateway of startGateways(config, context, http, listenHttp)) add(gateway);
    for (const start of ownGateways) add(await start(context));
    if (http && config["http.api"]) add(startApi({ core, http, log, doors }));
    await http?.open();
    const trimming = trimRegularly(core, config["retention.intervalSeconds"] * 1000, log);
    return {
      listeners: gateways.flatMap(({ listeners }) => listeners),
      stop: () => drain(core, engine, [trimming, ...started]),
    };
  } catch (error) {
    await Promise.all(started.map((part) => part.stop()));
    await engine.close();
    throw error;
  }
}

/** A listener of a gateway's own; `origins` may connect beside those that may everywhere. */
type ListenHttp = (port: number, origins?: readonly string[]) => Promise<HttpListener>;

/** The gateways on the HTTP listener of `http.port`. */
const onSharedListener: ReadonlySet<GatewayName> = new Set(["native-websocket", "push"]);

async function* startGateways(
  config: Config,
  context: GatewayContext,
  http: HttpListener | undefined,
  listenHttp: ListenHttp,
): AsyncGenerator<Gateway> {
  const on = new Set(config.gateways);
  if (http && on.has("native-websocket")) yield startNativeWebSocket({ ...context, http });
  if (on.has("native-tcp")) yield await startNativeTcp({ ...context, port: config["nativeTcp.port"] });
  if (on.has("peer-json")) yield startPeerJson({ ...context, http: await listenHttp(config["peerJson.port"]) });
  if (http && on.has("push"))
    yield await startPush({
      ...context,
      http,
      origins: config["push.origins"],
      appSecret: config["push.appSecret"],
      socketSecret: config["push.socketSecret"],
      redisUrl: config["push.redisUrl"],
    });
  if (on.has("framed-tcp"))
    yield await startFramedTcp({
      ...context,
      port: config["framedTcp.port"],
      maxFrameBytes: config["framedTcp.maxFrameBytes"],
    });
  if (on.has("device-text")) {
    const own = await listenHttp(config["deviceText.port"], config["deviceText.origins"]);
    yield startDeviceText({ ...context, http: own });
  }
  if (on.has("udp-agent"))
    yield await startUdpAgent({
      ...context,
      port: config["udpAgent.port"],
      discoveryPort: config["udpAgent.discoveryPort"],
      multicastGroup: config["udpAgent.multicastGroup"],
      inactivityMs: config["udpAgent.inactivityMs"],
      maxDatagramBytes: config["udpAgent.maxDatagramBytes"],
    });
}

async function openEngine(config: Config, log: GatewayLog, level: ServerParts["level"]): Promise<Engine> {
  const newEpoch = () => randomWord(systemClock);
  if (config.engine === "memory") return new MemoryEngine(newEpoch);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const onFault = (fault: Error | undefined) =>
    log.error(fault ? "the store cannot write" : "the store writes again", fault);
  return LevelEngine.open({
    directory: join(config.dataDir, "store"),
    newEpoch,
    onFault,
    ...level,
  });
}

/** Trims in the background, never two runs at once. */
function trimRegularly(core: Core, everyMs: number, log: GatewayLog): { stop(): Promise<void> } {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= core
      .trim()
      .catch((error: unknown) => log.error("retention", error))
      .finally(() => {
        running = undefined;
      });
  }, everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

async function drain(core: Core, engine: Engine, parts: readonly { stop(): Promise<void> }[]): Promise<void> {
  const stopped = Promise.all(parts.map((part) => part.stop()));
  core.close();
  // A peer that does not read its goodbye does not keep us here.
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, drainMs);
  });
  await Promise.race([stopped, enough]);
  clearTimeout(timer);
  await engine.close();
}
