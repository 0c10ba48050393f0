/**
 * Takes text from a peer and gives a message of `parley.v1` or a fault: the only way in for untrusted JSON. Hot path:
 * compiled validators, no allocation beside `JSON.parse` on the way that succeeds (bench: `npm run bench`).
 */

import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { explain } from "./explanation.ts";
import { quote } from "./quote.ts";
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
    checkers.set(op, { check: (value) => validator.Check(value), explain: (value) => explain(schema, value) });
  }
  return checkers;
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
  if (typeof op !== "string")
    return fail("unknown_op", `field "op" ${op === undefined ? "is missing" : "must be a string"}`);
  const checker = checkers.get(op);
  if (!checker) return fail("unknown_op", `unknown op ${quote(op)}`);
  const flaw = findFlaw(value);
  if (flaw !== undefined) return fail("bad_message", `${op}: ${flaw}`);
  if (!checker.check(value)) return fail("bad_message", `${op}: ${checker.explain(value)}`);
  return ok(value);
}

/** What no message may have, whatever its schema: too many levels, or text that UTF-8 cannot carry; undefined: nothing. */
export function findFlaw(value: object): string | undefined {
  return flawIn(value, maxDepth);
}

/** What no field may have, documented or not: more than `limit` levels, or text that UTF-8 cannot carry. */
function flawIn(value: object, limit: number): string | undefined {
  if (limit === 0) return `nested deeper than ${maxDepth}`;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const flaw = flawOf(value[index], limit);
      if (flaw !== undefined) return flaw;
    }
    return undefined;
  }
  for (const key in value) {
    const flaw = flawOf((value as Record<string, unknown>)[key], limit);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

function flawOf(value: unknown, limit: number): string | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : "text with half of a surrogate pair in it";
  return typeof value === "object" && value !== null ? flawIn(value, limit - 1) : undefined;
}
