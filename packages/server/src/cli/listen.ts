/**
 * `parley listen`: every message as a line of JSON on standard output, with `gap` and `reset` between them where the
 * server announces one. A message is acknowledged after the operating system took its line, so a reader that is slow
 * slows the server down and one that dies loses nothing that was not written.
 */
import type { Client, Message } from "@parley/client";
import { complain, complainAbout, explain, lossReason } from "./complaint.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { jsonLine } from "./json-line.ts";
import { createLineWriter } from "./line-writer.ts";
import { createLoginClient, type Login } from "./login.ts";

export interface ListenFlags extends Login {
  /** Rooms to join first. */
  readonly room?: readonly string[];
  /** End after so many messages. */
  readonly count?: number;
  /** End when everything that waited was written. */
  readonly once?: boolean;
}

/** How long a reader may take for the last line after Ctrl-C. */
const lastLineMs = 500;

/** Listens until Ctrl-C, SIGTERM, the reader's end or what the flags say. Resolves with the exit code. */
export async function listen(flags: ListenFlags): Promise<ExitCode> {
  const client = createLoginClient(flags, { autoAck: false });
  const output = createLineWriter(process.stdout);
  const messages = client.messages();
  const stop = () => void messages.return?.();
  const interrupt = () => {
    stop();
    // The line in hand goes out, unless the reader does not read: then it comes again next time.
    setTimeout(() => output.abandon(), lastLineMs).unref();
  };
  reportConnection(client);
  client.on("gap", (gap) => void output.write(jsonLine({ op: "gap", ...gap })));
  client.on("reset", ({ dropped: _, ...reset }) => void output.write(jsonLine({ op: "reset", ...reset })));
  // Not at once: the event comes while the stream is about to say that it has nothing more.
  if (flags.once) client.on("live", () => queueMicrotask(stop));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupt);
  try {
    await connectOnce(client);
    for (const room of flags.room ?? []) await client.join(room);
    let left = flags.count ?? Number.POSITIVE_INFINITY;
    for (let next = await messages.next(); !next.done; next = await messages.next()) {
      if ((await output.write(messageLine(next.value))) === "gone") break;
      next.value.ack();
      if (--left === 0) break;
    }
    return exitCodes.ok;
  } catch (error) {
    return await complainAbout(error, flags.url);
  } finally {
    await client.close();
  }
}

/** A message as PROTOCOL.md has it, with the epoch of its log. */
function messageLine(message: Message): string {
  return jsonLine({ op: "message", ...message, receipt: message.receipt || undefined });
}

/** Connects; the first failure is final. After that, lost connections are made again for as long as it takes. */
async function connectOnce(client: Client): Promise<void> {
  const failed = Promise.withResolvers<never>();
  const forget = client.on("state", (change) => {
    if (change.state === "offline") failed.reject(change.error);
  });
  await Promise.race([client.connect(), failed.promise]).finally(forget);
}

function reportConnection(client: Client): void {
  let wasOnline = false;
  let isOffline = false;
  client.on("state", (change) => {
    if (change.state === "online") {
      if (isOffline) complain("connected again");
      wasOnline = true;
      isOffline = false;
    } else if (change.state === "offline" && wasOnline && !isOffline) {
      isOffline = true;
      complain(`offline (${lossReason(change.error)}), trying again …`);
    }
  });
  client.on("error", (problem) => {
    if (problem.type === "server") complain(explain(problem.error));
    else if (problem.type === "listener") throw problem.error;
  });
}
