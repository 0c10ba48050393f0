/** What every peer needs of the protocol and no more: nothing here pulls in the schema library or does I/O. */

export {
  type DeadLetter,
  type DeadReason,
  type Delivery,
  deadReasons,
  type Letter,
  type LetterPage,
  type Purged,
  type Receiver,
  type Replayed,
  type StoredMessage,
  type Trace,
  type TracedLetter,
  type TracedPlace,
  type TracedReader,
} from "./dead-letters.ts";
export { type ErrorCode, type ErrorKind, errors, isErrorCode } from "./errors.ts";
export { encodeFrame, FrameDecoder, type FrameFault, lengthPrefixBytes } from "./framing.ts";
export {
  defaultListing,
  defaultPage,
  defaultWindow,
  helloFrameBytes,
  maxRecipients,
} from "./limits.ts";
export {
  type Address,
  type DeviceKey,
  type Everyone,
  everyone,
  foldName,
  type LogName,
  maxNameCharacters,
  parseAddress,
  parseDevice,
  parseRoom,
  parseUser,
  type RoomAddress,
  type RoomKey,
  type UserAddress,
  type UserKey,
} from "./names.ts";
export { quote } from "./quote.ts";
export { type Fault, fail, ok, type Result } from "./result.ts";
export type {
  ClientMessage,
  ClientMessages,
  Durability,
  Position,
  Presence,
  ServerMessage,
  ServerMessages,
} from "./schema.ts";
