/**
 * Takes text from a peer and gives a message of `parley.v1` or a fault: the only way in for untrusted JSON. Hot path:
 * compiled validators, no allocation beside `JSON.parse` on the way that succeeds (bench: `npm run bench`).
 */

import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { fail, ok, type Result } from "./result.ts";
import { type ClientMessage, clientMessages, type ServerMessage, serverMessages } from "./schema.ts";

/** How deep objects and arrays may nest in a message, the message itself being 1. No field needs more than 4. */
export const maxDepth = 8;

interface Checker {
  check(value: unknown): boolean;
  explain(value: unknown): string;
}

function compile(schemas: Record<string, TSchema>): ReadonlyMap<string, Checker> {
  const checkers = new Map<string, Checker>();
  for (const [op, schema] of Object.entries(schemas)) {
    const validator = Compile(schema);
    checkers.set(op, {
      check: (value) => validator.Check(value),
      explain: (value) => explain(op, validator.Errors(value)),
    });
  }
  return checkers;
}

function explain(op: string, faults: readonly { instancePath: string; message: string }[]): string {
  const first = faults[0];
  if (!first) return `${op}: not of the documented shape`;
  const field = first.instancePath.slice(1).replaceAll("/", ".");
  return field === "" ? `${op}: ${first.message}` : `${op}: field "${field}" ${first.message}`;
}

const clientCheckers = compile(clientMessages);
const serverCheckers = compile(serverMessages);

/** Parses one frame from a client. Fails with `bad_json`, `unknown_op` or `bad_message`. */
export function parseClientMessage(text: string): Result<ClientMessage> {
  return parse(text, clientCheckers) as Result<ClientMessage>;
}

/** Parses one frame from a server. Fails with `bad_json`, `unknown_op` or `bad_message`. */
export function parseServerMessage(text: string): Result<ServerMessage> {
  return parse(text, serverCheckers) as Result<ServerMessage>;
}

function parse(text: string, checkers: ReadonlyMap<string, Checker>): Result<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail("bad_json", "the frame is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return fail("bad_json", "the frame is not a JSON object");
  const op = (value as { op?: unknown }).op;
  const checker = typeof op === "string" ? checkers.get(op) : undefined;
  if (!checker)
    return fail(
      "unknown_op",
      op === undefined ? 'the field "op" is missing' : `unknown op ${JSON.stringify(op).slice(0, 80)}`,
    );
  if (isDeeperThan(value, maxDepth)) return fail("bad_message", `${String(op)}: nested deeper than ${maxDepth}`);
  if (!checker.check(value)) return fail("bad_message", checker.explain(value));
  return ok(value);
}

function isDeeperThan(value: object, limit: number): boolean {
  if (limit === 0) return true;
  for (const key in value) {
    const child = (value as Record<string, unknown>)[key];
    if (typeof child === "object" && child !== null && isDeeperThan(child, limit - 1)) return true;
  }
  return false;
}
