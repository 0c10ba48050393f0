/** Gateways with a bug that the fuzz must find, each on a listener of lines. A run that does not report its bug is a defect. */
import { createServer, type Socket } from "node:net";
import type { Connection } from "../../packages/server/src/core/connection.ts";
import type { Core } from "../../packages/server/src/core/core.ts";
import type { StartGateway } from "../../packages/server/src/gateway/gateway.ts";
import { steadyNames } from "./steady-pair.ts";

/** The names of the bugs, with the field of the report where they have to show. */
export const plantedGateways = {
  /** Throws out of a socket's callback where a number is larger than it thought of. */
  "crash-on-number": "ended",
  /** Keeps what every connection sent. */
  "leak-connections": "leaked",
  /** Looks for a way through the text that takes the longer the deeper it is nested. */
  "block-on-nesting": "late",
  /** Catches its own exception and says so in the log. */
  "bug-in-log": "bugs",
  /** Writes into the log what it is told, as it is. */
  "log-what-comes": "logged",
  /** Tells everybody what one user is told. */
  "tell-strangers": "misdelivered",
} as const;

export type PlantedGateway = keyof typeof plantedGateways;

const leakedBytes = 128 * 1024;
const blockedMs = 6_000;

/** A gateway with the bug of that name. */
export function plantedGateway(name: string, port: number): StartGateway {
  if (!Object.hasOwn(plantedGateways, name)) throw new Error(`no planted gateway ${name}`);
  return async ({ core, log }) => {
    const peers = new Set<Socket>();
    if (name === "tell-strangers") await overhear(core, (text) => peers.forEach((peer) => void peer.write(text)));
    const kept: Buffer[] = [];
    let blocked = false;
    const react: { readonly [N in PlantedGateway]: (text: string) => void } = {
      "crash-on-number": (text) => {
        if (/\d{12}/.test(text)) throw new RangeError(`a number of ${text.length} digits`);
      },
      "leak-connections": () => kept.push(Buffer.alloc(leakedBytes, 1)),
      "block-on-nesting": (text) => {
        if (blocked || !/[[{]{8}/.test(text)) return;
        blocked = true;
        for (const end = Date.now() + blockedMs; Date.now() < end; );
      },
      "bug-in-log": (text) => {
        if (text.includes("\u0000")) log.error("bug in planted", new Error("a zero"));
      },
      "log-what-comes": (text) => {
        if (text.includes("\u001b")) log.error(`planted was told ${text}`, undefined);
      },
      "tell-strangers": () => {},
    };
    const accept = (socket: Socket) => {
      peers.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => peers.delete(socket));
      socket.on("data", (chunk) => react[name as PlantedGateway](chunk.toString("latin1")));
    };
    const server = createServer(accept);
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return {
      name: "planted",
      listeners: [{ url: `tcp://127.0.0.1:${port}`, purpose: "a bug" }],
      stop: async () => void server.close(),
    };
  };
}

/** Listens to what one of the steady pair is sent, on one more device. */
async function overhear(core: Core, hear: (text: string) => void): Promise<void> {
  const connection: Connection = {
    info: { gateway: "planted", address: "nowhere" },
    deliver: (event) => {
      if (event.op === "message") hear(event.payload);
      return "queued";
    },
    pause: () => {},
    resume: () => {},
    close: () => {},
  };
  const login = await core.login(connection, { user: steadyNames[0], device: "overhearing", window: 65_536 });
  if (login.ok) login.value.session.start();
}
