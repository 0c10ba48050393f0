/**
 * The one error table: every code that Parley can answer, on whatever carrier. PROTOCOL.md's table is this one
 * (a test compares them). A gateway for another protocol maps these codes to its own words.
 */

export interface ErrorKind {
  /** What it means, for PROTOCOL.md and for API documents. */
  readonly meaning: string;
  /** HTTP status when the answer goes over HTTP. */
  readonly http: number;
  /** WebSocket close code when the connection is closed because of it. */
  readonly wsClose: number;
  /** Whether the connection ends after the answer. */
  readonly closes: boolean;
  /** What helps: `no` (the same again fails again), `later` (the same again may succeed), `reconnect` (on a new connection). */
  readonly retry: "no" | "later" | "reconnect";
}

const table = {
  bad_frame: {
    meaning: "The frame has no payload, or is not of the kind this carrier uses.",
    http: 400,
    wsClose: 1003,
    closes: true,
    retry: "no",
  },
  bad_utf8: { meaning: "The bytes are not UTF-8.", http: 400, wsClose: 1007, closes: true, retry: "no" },
  frame_too_large: {
    meaning:
      "The frame, or the body of an HTTP request, is longer than allowed: `limits.maxFrameBytes` (64 KiB before `welcome`).",
    http: 413,
    wsClose: 1009,
    closes: true,
    retry: "no",
  },
  bad_json: {
    meaning: "The text is not one JSON object.",
    http: 400,
    wsClose: 1007,
    closes: false,
    retry: "no",
  },
  unknown_op: {
    meaning: "`op` is missing or not one that a client may send.",
    http: 400,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  bad_message: {
    meaning: "A field is missing, of the wrong type, out of range, nested too deep or not well-formed Unicode.",
    http: 400,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  bad_name: {
    meaning: "A user, room or device name breaks the name rule.",
    http: 400,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  hello_required: {
    meaning: "Anything but `hello`, `ping` or `bye` came before a successful `hello`.",
    http: 401,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  hello_twice: {
    meaning: "A second `hello` on a connection that is logged in.",
    http: 409,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  hello_timeout: {
    meaning: "No successful `hello` within the time limit (`limits.loginMs`).",
    http: 408,
    wsClose: 4001,
    closes: true,
    retry: "reconnect",
  },
  unauthorized: {
    meaning: "The token or password is missing or not valid.",
    http: 401,
    wsClose: 4002,
    closes: true,
    retry: "no",
  },
  token_expired: {
    meaning: "The token has expired: get a new one.",
    http: 401,
    wsClose: 4006,
    closes: true,
    retry: "reconnect",
  },
  revoked: {
    meaning: "The token was revoked, or all that its user or device had.",
    http: 401,
    wsClose: 4007,
    closes: true,
    retry: "no",
  },
  forbidden: { meaning: "The user may not do this.", http: 403, wsClose: 4003, closes: false, retry: "no" },
  unknown_user: {
    meaning: "No user of that name has ever connected.",
    http: 404,
    wsClose: 1008,
    closes: false,
    retry: "later",
  },
  unknown_room: { meaning: "No room of that name exists.", http: 404, wsClose: 1008, closes: false, retry: "later" },
  not_member: {
    meaning: "The user is not a member of that room.",
    http: 403,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  too_large: {
    meaning: "The body is longer than `limits.maxBodyBytes`.",
    http: 413,
    wsClose: 1009,
    closes: false,
    retry: "no",
  },
  client_id_reused: {
    meaning: "The same `clientId` was sent before with another content.",
    http: 409,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  unknown_message: {
    meaning: "There is no such message, or no such dead letter.",
    http: 404,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  rate_limited: {
    meaning: "Too much at once, by this connection, its user or its address. Nothing may be sent for `retryAfter`.",
    http: 429,
    wsClose: 4008,
    closes: false,
    retry: "later",
  },
  too_many: {
    meaning: "More connections, sessions, rooms, watched users or recipients than are allowed.",
    http: 429,
    wsClose: 4009,
    closes: false,
    retry: "later",
  },
  inbox_full: {
    meaning: "Too much waits unacknowledged for a recipient; nothing was stored.",
    http: 429,
    wsClose: 1008,
    closes: false,
    retry: "later",
  },
  storage_unavailable: {
    meaning: "The store could not take it; nothing was stored under this answer.",
    http: 503,
    wsClose: 1011,
    closes: false,
    retry: "later",
  },
  idle: {
    meaning: "Nothing was received for `limits.idleMs`.",
    http: 408,
    wsClose: 4004,
    closes: true,
    retry: "reconnect",
  },
  replaced: {
    meaning: "The same device connected again; this is the older connection.",
    http: 409,
    wsClose: 4005,
    closes: true,
    retry: "no",
  },
  shutting_down: {
    meaning: "The server is going down and closes its connections.",
    http: 503,
    wsClose: 1012,
    closes: true,
    retry: "reconnect",
  },
  unknown_session: {
    meaning: "No session of that id lives.",
    http: 404,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  account_exists: {
    meaning: "HTTP: there is an account of that name already.",
    http: 409,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  closed: {
    meaning: "The user, or an operator, has closed this session.",
    http: 409,
    wsClose: 4020,
    closes: true,
    retry: "no",
  },
  unknown_path: { meaning: "HTTP: nothing is at that path.", http: 404, wsClose: 1008, closes: false, retry: "no" },
  bad_method: {
    meaning: "HTTP: the path does not have that method.",
    http: 405,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  bad_content_type: {
    meaning: "HTTP: the body is not of a type that the path takes.",
    http: 415,
    wsClose: 1008,
    closes: false,
    retry: "no",
  },
  internal: {
    meaning: "A bug in the server; it is in the server's log.",
    http: 500,
    wsClose: 1011,
    closes: false,
    retry: "later",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof table;

/** The table itself: `errors[code]` tells HTTP status, close code and whether to retry. */
export const errors: Readonly<Record<ErrorCode, ErrorKind>> = table;

/** Whether `code` (from a peer) is one this version knows. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(table, code);
}
