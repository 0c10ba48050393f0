/** A processor profile of the server (V8's format) by the parts of a message's way. */

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

/** As `node --cpu-prof` writes it: `samples` are ids of nodes, `timeDeltas` the µs before each. */
export interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The first that fits a file, or a function of Node's own, decides; a function in none of them counts for who called it. */
const parts: readonly (readonly [part: string, files: RegExp, functions?: RegExp])[] = [
  ["idle", /^$/, /^\(idle\)$/],
  ["garbage collection", /^$/, /^\(garbage collector\)$/],
  [
    "WebSocket and length-prefixed frames in",
    /websocket-(receiver|masking|wire)|partial-message|ws\/lib|framing|text-frames/,
  ],
  [
    "parse, and who sends",
    /(peer-json|native|framed-tcp|device-text)\/|protocol\/src|participant|websocket-gateway|task-queue|limits\/|hello-limit/,
  ],
  ["encode and put together", /rendering|frames\.ts|outbox|entry\.ts|websocket-framing|length-prefix/],
  ["acknowledge", /auto-ack|cursors/],
  [
    "validate, make the message",
    /submission|authorisation|directory|message\.ts|ids\.ts|commands|core\.ts|statistics|clock/,
  ],
  ["fan-out to sessions", /hub|run\.ts|subscription|session|unacked|delivery-record|request-queue|traffic/],
  [
    "checkpoint",
    /checkpoint|chunk|block-file|volumes|receipt-files|receipt-table|bloom|records\.ts|classic-level|abstract-level|dedupe/,
  ],
  ["append and commit", /engine\//],
  ["read from sockets", /shared-reads/, /^onStreamRead$/],
  ["write to sockets", /direct-writes/],
  ["other", /./],
];

/** What Node does for us, by what it does, whoever asked for it. */
const nodeParts: readonly (readonly [part: string, functions: RegExp])[] = [
  [
    "write to sockets",
    /^(writeGeneric|_writeGeneric|Socket\._writeGeneric|handleWriteReq|afterWriteTick|Writable\.write|_write|writeOrBuffer)$/,
  ],
];

function partOf({ functionName, url }: CallFrame, isLeaf: boolean): string | undefined {
  for (const [part, files, functions] of parts) {
    if (functions?.test(functionName)) return part;
    if (url.startsWith("file:") && files.test(url)) return part;
  }
  const found = nodeParts.find(([, functions]) => url.startsWith("node:") && functions.test(functionName));
  if (found) return found[0];
  return isLeaf && functionName === "(program)" ? "the system, for nobody in particular" : undefined;
}

/** µs of each part in the last `seconds` before the load ended, the largest first; idle time is left out. */
export function partsOf(profile: Profile, seconds: number): { readonly part: string; readonly us: number }[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const callers = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const partOfNode = new Map<number, string>();
  for (const { id } of profile.nodes) {
    let part: string | undefined;
    for (let at: number | undefined = id; at !== undefined && part === undefined; at = callers.get(at)) {
      const node = nodes.get(at);
      if (node) part = partOf(node.callFrame, at === id);
    }
    partOfNode.set(id, part ?? "other");
  }
  // The server has nothing to do after the load: what counts ends with the last sample that is not idle by far.
  const busyUntil = profile.samples.findLastIndex((id) => partOfNode.get(id) === "fan-out to sessions");
  const sums = new Map<string, number>();
  let left = seconds * 1e6;
  for (let i = busyUntil; i >= 0 && left > 0; i--) {
    const part = partOfNode.get(profile.samples[i] as number) ?? "other";
    const us = profile.timeDeltas[i] as number;
    left -= us;
    if (part !== "idle") sums.set(part, (sums.get(part) ?? 0) + us);
  }
  return [...sums].map(([part, us]) => ({ part, us })).sort((a, b) => b.us - a.us);
}
