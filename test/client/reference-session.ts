/** One connection of a client to the reference server, over either carrier: frames in and out, and cutting it. */
import type { Socket } from "node:net";
import { encodeFrame, FrameDecoder } from "@parley/protocol";
import type { WebSocket } from "ws";

export interface Session {
  user: string;
  device: string;
  readonly carrier: "ws" | "tcp";
  /** Next seq to deliver, by log. */
  readonly next: Map<string, number>;
  /** Seq acknowledged, by log. */
  readonly acked: Map<string, number>;
  tell(message: object): void;
  /** Writes bytes or text as they are. */
  raw(data: string | Uint8Array): void;
  /** Ends the connection without a word; what it has sent and was not looked at is lost. */
  cut(): void;
  readonly isCut: boolean;
}

/** Is told of what comes, and when the connection is gone. */
export interface SessionListener {
  received(text: string, session: Session): void;
  gone(session: Session): void;
}

export function beginOverWebSocket(socket: WebSocket, { received, gone }: SessionListener): void {
  const session = createSession(
    "ws",
    (data) => socket.send(data, { binary: false }),
    () => socket.terminate(),
  );
  socket.on("message", (data) => received(String(data), session));
  socket.on("close", () => gone(session));
  socket.on("error", () => {});
}

export function beginOverTcp(socket: Socket, maxFrameBytes: number, { received, gone }: SessionListener): void {
  const session = createSession(
    "tcp",
    (data) => socket.write(data),
    () => socket.destroy(),
  );
  const decoder = new FrameDecoder(maxFrameBytes, (payload) => received(new TextDecoder().decode(payload), session));
  socket.on("data", (chunk) => decoder.push(chunk));
  socket.on("close", () => gone(session));
  socket.on("error", () => {});
}

function createSession(carrier: "ws" | "tcp", raw: (data: string | Uint8Array) => void, cut: () => void): Session {
  let isCut = false;
  const tell = (message: object) => {
    const text = JSON.stringify(message);
    raw(carrier === "ws" ? text : encodeFrame(new TextEncoder().encode(text)));
  };
  return {
    user: "",
    device: "",
    carrier,
    next: new Map(),
    acked: new Map(),
    tell,
    raw,
    cut() {
      isCut = true;
      cut();
    },
    get isCut() {
      return isCut;
    },
  };
}
