/**
 * The composition root: the only place that wires engine, core, listeners and gateways together. Used by `parley serve`
 * and by whoever embeds the server.
 */
import { chmodSync, mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { Authentication } from "./auth/authentication.ts";
import { type AuthSettings, loadTokenKeys } from "./auth/token-keys.ts";
import { type Config, isForThisMachine } from "./config.ts";
import { randomWord, systemClock } from "./core/clock.ts";
import { Core } from "./core/core.ts";
import { completeLog, type ErrorLog, type Log } from "./core/log.ts";
import { drain } from "./drain.ts";
import type { Engine, EngineMeter, ObservableEngine } from "./engine/engine.ts";
import { LevelEngine, type LevelOptions } from "./engine/level/level-engine.ts";
import { MemoryEngine } from "./engine/memory.ts";
import { startDeviceText } from "./gateway/device-text/device-text.ts";
import { Doors } from "./gateway/doors.ts";
import { startFramedTcp } from "./gateway/framed-tcp/framed-tcp.ts";
import type { Gateway, GatewayContext, Listener, StartGateway } from "./gateway/gateway.ts";
import { startNativeTcp } from "./gateway/native/tcp.ts";
import { startNativeWebSocket } from "./gateway/native/websocket.ts";
import { startPeerJson } from "./gateway/peer-json/peer-json.ts";
import { startPush } from "./gateway/push/push.ts";
import { startUdpAgent } from "./gateway/udp-agent/udp-agent.ts";
import { startApi } from "./http/api/api.ts";
import { HttpListener } from "./http/http-listener.ts";
import { policyOf } from "./limit-settings.ts";
import { Metrics } from "./observe/metrics.ts";
import { startObserving } from "./observe/observe.ts";
import { observePaths } from "./observe/routes.ts";
import type { GatewayName } from "./settings.ts";
import { CertificateRefused, ServerTls } from "./tls/server-tls.ts";

interface Stoppable {
  stop(): Promise<void>;
}

export interface RunningServer {
  readonly listeners: readonly Listener[];
  /** Reads the certificate of the listeners anew; without TLS nothing happens. */
  reload(): void;
  /** Ends in good order within `drain.seconds`; see `drain.ts`. Rejects with `DrainTimeout`. */
  stop(): Promise<void>;
}

/** What the server is made of, beside its configuration: gateways of one's own, and what tests change. */
export interface ServerParts {
  /** Levels that it has not are not logged. */
  readonly log: ErrorLog & Partial<Log>;
  /** Started after the configured ones. */
  readonly gateways?: readonly StartGateway[];
  readonly level?: Pick<LevelOptions, "onStep" | "checkpointBytes" | "lazyMs">;
  readonly wrapEngine?: (engine: Engine) => Engine;
}

/** How often messages that have expired are looked for. */
const expiryMs = 1_000;

/** Opens the store and listens. Rejects with `AuthenticationRefused`, `StoreRefused`, `CertificateRefused`, or where an address cannot be had. */
export async function startServer(
  config: Config,
  { log: givenLog, gateways: ownGateways = [], level, wrapEngine = (engine) => engine }: ServerParts,
): Promise<RunningServer> {
  const log = completeLog(givenLog);
  const keys = await loadTokenKeys(authSettings(config), {
    inMemory: config.engine === "memory",
    insecure: config.insecure,
    now: systemClock.now,
    onFault: log.error,
  });
  const tls = openTls(config, log);
  const metrics = new Metrics();
  const store = await openEngine(config, log, metrics, level).catch((error: unknown) => {
    tls?.stop();
    throw error;
  });
  const engine = wrapEngine(store);
  /** In the order in which they are stopped: those that answer until everybody has been told come last. */
  const first: Stoppable[] = [];
  const last: Stoppable[] = [];
  try {
    const settings = authSettings(config);
    const auth = await Authentication.open({ settings, keys, engine, clock: systemClock });
    const core = await Core.open({
      engine,
      authenticate: auth.authenticate,
      openLogin: auth.mode === "open",
      longestTokenMs: auth.longestTokenMs,
      clock: systemClock,
      limits: {
        maxFrameBytes: config["limits.maxFrameBytes"],
        maxBodyBytes: config["limits.maxBodyBytes"],
        maxWindow: config["limits.maxWindow"],
        idleMs: config["limits.idleMs"],
      },
      durability: config.durability,
      policy: policyOf(config),
      retention: {
        maxAgeMs: config["retention.maxAgeHours"] * 3_600_000,
        maxMessages: config["retention.maxMessages"],
        maxBytes: config["retention.maxBytes"],
        unackedMs: config["delivery.unackedHours"] * 3_600_000,
      },
      rememberedDeliveries: config["trace.deliveries"],
      onError: log.error,
      log,
    });
    const doors = new Doors(core.limiter, config["limits.exemptAddresses"]);
    const gateways: Gateway[] = [];
    const httpAt = (port: number, origins: readonly string[] = []) => ({
      host: config.host,
      port,
      origins: [...config["http.origins"], ...origins],
      checksHost: isForThisMachine(config),
      onError: log.error,
      tls,
      headersTimeoutMs: config["limits.loginMs"],
      admit: (socket: Socket) => doors.admit(socket),
    });
    const listenHttp: ListenHttp = (port, origins) => HttpListener.start(httpAt(port, origins));
    const isShared = config["http.api"] || config.gateways.some((name) => onSharedListener.has(name));
    const http = isShared ? await HttpListener.bind(httpAt(config["http.port"])) : undefined;
    if (http) last.push(http);
    const observed = await startObserving({ config, core, store, metrics, http, tls, log });
    last.push(observed);
    const add = (gateway: Gateway) => {
      first.push(gateway);
      gateways.push(gateway);
    };
    const context = { core, host: config.host, maxOutboxBytes: config["limits.maxOutboxBytes"], log, tls, doors };
    for await (const gateway of startGateways(config, context, http, listenHttp)) add(gateway);
    for (const start of ownGateways) add(await start(context));
    if (http && config["http.api"]) add(startApi({ ...context, auth, http }));
    await http?.open();
    if (http && config.engine === "level") last.push(announceOperator(auth, config.dataDir, http.url));
    const rounds = [
      regularly(() => core.trim(), config["retention.intervalSeconds"] * 1000, "retention", log),
      regularly(() => core.expire(), expiryMs, "expiry", log),
    ];
    const { health } = observed;
    let stopped: Promise<void> | undefined;
    return {
      listeners: [...gateways, observed].flatMap(({ listeners }) => listeners),
      reload: () => tls?.reload(),
      stop: () => {
        http?.drain(observePaths);
        tls?.stop();
        const limitMs = config["drain.seconds"] * 1000;
        stopped ??= drain({ core, engine, health, log, limitMs, first: [...rounds, ...first], last });
        return stopped;
      },
    };
  } catch (error) {
    tls?.stop();
    await Promise.all([...first, ...last].map((part) => part.stop()));
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

function authSettings(config: Config): AuthSettings {
  return {
    mode: config["auth.mode"],
    secret: config["auth.secret"],
    keyFiles: config["auth.keyFiles"],
    jwksUrl: config["auth.jwksUrl"],
    jwksSeconds: config["auth.jwksSeconds"],
    audience: config["auth.audience"],
    issuer: config["auth.issuer"],
    skewSeconds: config["auth.skewSeconds"],
    maxTokenDays: config["auth.maxTokenDays"],
    sessionHours: config["auth.sessionHours"],
  };
}

function announceOperator({ operator }: Authentication, dataDir: string, url: string): { stop(): Promise<void> } {
  const withdraw = operator.announce(dataDir, url);
  return { stop: async () => withdraw() };
}

function openTls(config: Config, log: Log): ServerTls | undefined {
  const { "tls.cert": cert, "tls.key": key, "tls.minVersion": minVersion } = config;
  if (cert === "") return undefined;
  const opened = ServerTls.open({ cert, key, minVersion, log });
  if (!opened.ok) throw new CertificateRefused(opened.fault.message);
  return opened.value;
}

async function openEngine(
  config: Config,
  log: Log,
  metrics: Metrics,
  level: ServerParts["level"],
): Promise<ObservableEngine> {
  const newEpoch = () => randomWord(systemClock);
  if (config.engine === "memory") return new MemoryEngine(newEpoch);
  const directory = join(config.dataDir, "store");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // The data directory may be somebody's who lets others in; what is in the store is not for them.
  chmodSync(directory, 0o700);
  const onFault = (fault: Error | undefined) => {
    if (!fault) return log.info("the store writes again");
    metrics.storeFailed();
    log.error("the store cannot write", fault);
  };
  return LevelEngine.open({
    directory,
    newEpoch,
    onFault,
    meter: warnOfSlow(metrics, config["log.slowCommitMs"], log),
    ...level,
  });
}

/** Measures, and tells of commits that made somebody wait for too long. */
function warnOfSlow(metrics: EngineMeter, slowMs: number, log: Log): EngineMeter {
  return {
    committed: (commit) => {
      metrics.committed(commit);
      const { appends, settleMs, commitMs, syncMs = 0 } = commit;
      if (settleMs < slowMs) return;
      const [ms, durableMs, synced] = [settleMs, commitMs, syncMs].map(Math.round);
      log.warn("slow commit", { messages: appends, ms, commitMs: durableMs, syncMs: synced });
    },
    checkpointed: (ms, bytes) => metrics.checkpointed(ms, bytes),
  };
}

/** Does it in the background, never twice at once. */
function regularly(work: () => Promise<void>, everyMs: number, what: string, log: Log): Stoppable {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= work()
      .catch((error: unknown) => log.error(what, error))
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
