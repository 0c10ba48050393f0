/**
 * What a test's connection needs of a carrier: bytes out, texts in, and how it ended. Implemented by `tcp-link.ts` and
 * `web-socket-link.ts`.
 */
import type { NativeServer } from "./native-server.ts";

export interface Link {
  /** The bytes of one frame, as a client sends it. */
  frame(payload: string | Uint8Array): Buffer;
  write(bytes: Uint8Array): void;
  /** Stops or goes on taking bytes from the socket. */
  pause(): void;
  resume(): void;
  /** Cuts the connection without a word. */
  cut(): void;
}

/** How a connection ended: on WebSocket the close code, if there was one; `torn`: not by an orderly end of the stream. */
export interface End {
  readonly code?: number;
  readonly reason?: string;
  readonly torn: boolean;
}

export interface LinkEvents {
  text(text: string): void;
  end(end: End): void;
}

export interface Carrier {
  readonly name: "TCP" | "WebSocket";
  connect(server: NativeServer, events: LinkEvents): Promise<Link>;
}
