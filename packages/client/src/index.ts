/**
 * `@parley/client`: the whole library for browsers and Node. What needs Node (TCP, files) is in `@parley/client/node`.
 */
export type { Position, Presence } from "@parley/protocol";
export type { BackoffLimits } from "./backoff.ts";
export { type Client, createClient } from "./client.ts";
export type { Unsubscribe } from "./emitter.ts";
export type { CancelTimer, Environment } from "./environment.ts";
export { type ClientErrorCode, ParleyError, type ParleyErrorCode } from "./errors.ts";
export type {
  ClientEvents,
  Gap,
  Problem,
  Receipt,
  Reset,
  SendResult,
  State,
  StateChange,
  Welcome,
} from "./events.ts";
export type { HistoryOptions, HistoryPage } from "./history.ts";
export { indexedDbPersistence } from "./indexed-db-persistence.ts";
export type { RoomPage, UserPage } from "./listings.ts";
export type { AckOptions, Message, StoredMessage } from "./message.ts";
export type { ClientOptions } from "./options.ts";
export { type Change, memoryPersistence, type Persistence, type StoredSend, type StoredState } from "./persistence.ts";
export type { SendOptions } from "./send.ts";
export type { Transport, TransportConnection, TransportEvents } from "./transport.ts";
export { type WebStorage, webStoragePersistence } from "./web-storage-persistence.ts";
export { webSocketTransport } from "./websocket-transport.ts";
