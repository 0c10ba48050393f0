/**
 * `parley send`: one message from the arguments or from standard input, or one for each line of it. Prints the ids that
 * the server gave, in the order of the input. What is not UTF-8 is sent as bytes.
 */
import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { Client, ParleyError, SendOptions, SendResult } from "@parley/client";
import { complain, complainAbout } from "./complaint.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { splitLines, wholeInput, withoutLineBreak } from "./input.ts";
import { jsonLine } from "./json-line.ts";
import { createLineWriter, type LineWriter } from "./line-writer.ts";
import { type Login, withClient } from "./login.ts";

export interface SendFlags extends Login {
  readonly lines?: boolean;
  readonly exact?: boolean;
  readonly json?: boolean;
  readonly clientId?: string;
  readonly type?: string;
  readonly contentType?: string;
  readonly ttl?: number;
  readonly durability?: "fsync" | "memory";
  readonly copy: boolean;
  readonly receipt?: boolean;
}

/** Lines on their way without an answer. */
const maxInFlight = 256;

/** Sends to `to`: the words of `text` with a space between, or standard input where there are none. */
export async function send(
  to: string | readonly string[],
  text: readonly string[],
  flags: SendFlags,
): Promise<ExitCode> {
  const output = createLineWriter(process.stdout);
  if (flags.lines) return withClient(flags, (client) => sendLines(client, to, flags, output));
  const body = text.length > 0 ? text.join(" ") : await bodyFromInput(flags.exact ?? false);
  if (body === undefined) return exitCodes.failed;
  return withClient(flags, (client) => sendOne(client, to, body, flags, output));
}

async function sendOne(
  client: Client,
  to: string | readonly string[],
  body: string | Uint8Array,
  flags: SendFlags,
  output: LineWriter,
): Promise<ExitCode> {
  const clientId = flags.clientId ?? randomUUID();
  try {
    const result = await client.send(to, body, { ...sendOptions(flags), clientId });
    await output.write(resultLine(result, flags));
    return exitCodes.ok;
  } catch (error) {
    const code = await complainAbout(error, flags.url);
    if (code === exitCodes.unreachable)
      complain(`it may or may not have been stored; sending it again with --client-id ${clientId} stores it once`);
    return code;
  }
}

async function sendLines(
  client: Client,
  to: string | readonly string[],
  flags: SendFlags,
  output: LineWriter,
): Promise<ExitCode> {
  const options = sendOptions(flags);
  const answers: Promise<SendResult | ParleyError>[] = [];
  const failed: { readonly line: number; readonly error: ParleyError }[] = [];
  let answered = 0;
  const settleFirst = async () => {
    const answer = await answers.shift();
    answered += 1;
    if (answer instanceof Error) failed.push({ line: answered, error: answer });
    else if (answer) await output.write(resultLine(answer, flags));
  };
  for await (const line of splitLines(process.stdin)) {
    answers.push(client.send(to, asBody(line), options).catch((error: ParleyError) => error));
    if (answers.length >= maxInFlight) await settleFirst();
    if (failed.length > 0) break;
  }
  while (answers.length > 0) await settleFirst();
  return complainAboutLines(failed, flags.url);
}

/** Tells of the first line that was not taken, and how many more there are; nothing is sent after it was noticed. */
async function complainAboutLines(
  failed: readonly { readonly line: number; readonly error: ParleyError }[],
  url: string,
): Promise<ExitCode> {
  const [first] = failed;
  if (!first) return exitCodes.ok;
  complain(`line ${first.line} was not sent${failed.length > 1 ? `, nor were ${failed.length - 1} after it` : ""}`);
  return complainAbout(first.error, url);
}

async function bodyFromInput(exact: boolean): Promise<string | Uint8Array | undefined> {
  if (process.stdin.isTTY) console.error("Type the message; Ctrl-D on an empty line sends it.");
  const input = await wholeInput(process.stdin);
  if (input === undefined) {
    complain("standard input is longer than any server takes");
    return undefined;
  }
  return asBody(exact || !isUtf8(input) ? input : withoutLineBreak(input));
}

function asBody(bytes: Buffer): string | Uint8Array {
  return isUtf8(bytes) ? bytes.toString("utf8") : bytes;
}

function sendOptions({ type, contentType, ttl, durability, copy, receipt }: SendFlags): SendOptions {
  return {
    ...(type === undefined ? {} : { type }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(durability === undefined ? {} : { durability }),
    ...(copy ? {} : { copy }),
    ...(receipt ? { receipt } : {}),
  };
}

function resultLine(result: SendResult, { json }: SendFlags): string {
  return json ? jsonLine({ op: "ok", ...result }) : result.id;
}
