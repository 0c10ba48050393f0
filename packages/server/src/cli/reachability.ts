/**
 * Why a server cannot be reached, in words. A WebSocket does not tell (by design of browsers), so this asks the network
 * once more, with a plain TCP connection, after an attempt has failed.
 */
import { connect } from "node:net";

const probeTimeoutMs = 2_000;
const defaultPorts: Readonly<Record<string, number>> = {
  "ws:": 80,
  "wss:": 443,
  "http:": 80,
  "https:": 443,
  "tcp:": 5790,
};
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "no such host, or no name server",
  ENETUNREACH: "no route to it",
  EHOSTUNREACH: "no route to it",
  ETIMEDOUT: "it does not answer",
};

/** The reason, or undefined where something does answer at `url`. */
export function whyUnreachable(url: string): Promise<string | undefined> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return new Promise((resolve) => {
    const socket = connect({ host, port: port === "" ? (defaultPorts[protocol] ?? 80) : Number(port) });
    const settle = (reason: string | undefined) => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(probeTimeoutMs, () => settle(reasons.ETIMEDOUT));
    socket.once("connect", () => settle(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) => settle(reasons[error.code ?? ""] ?? error.message));
  });
}
