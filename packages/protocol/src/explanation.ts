/**
 * Says, for people, why a value is not of a schema: the first field that is wrong, what it has to be, what came. Only
 * called when a compiled validator has refused the value, so it walks plainly. It knows the part of JSON Schema that
 * `schema.ts` uses; text that came is shown only when it is short (`quote.ts`).
 */
import type { TSchema } from "typebox";
import { Check } from "typebox/schema";
import { quote } from "./quote.ts";

interface Node {
  readonly type?: string;
  readonly const?: string;
  readonly pattern?: string;
  readonly description?: string;
  readonly anyOf?: readonly Node[];
  readonly items?: Node;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
}

/** Why `value` does not fit `schema`: `field "to[1]" must be a string … (got 5)`. A sentence in any case. */
export function explain(schema: TSchema, value: unknown): string {
  return faultIn(schema as Node, value, "") ?? "not of the documented shape";
}

function faultIn(node: Node, value: unknown, path: string): string | undefined {
  if (node.type === "object" && isObject(value)) return faultInObject(node, value, path);
  if (node.type === "array" && node.items && Array.isArray(value) && fitsLength(node, value)) {
    const items = node.items;
    for (const [index, item] of value.entries()) {
      const fault = faultIn(items, item, `${path}[${index}]`);
      if (fault) return fault;
    }
    return undefined;
  }
  if (Check(node as TSchema, value)) return undefined;
  const list = node.anyOf?.find((branch) => branch.type === "array");
  if (list && Array.isArray(value) && fitsLength(list, value)) return faultIn(list, value, path);
  return `field "${path}" must be ${describe(node)} (got ${show(value)})`;
}

function faultInObject(node: Node, value: Record<string, unknown>, path: string): string | undefined {
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const field = path === "" ? key : `${path}.${key}`;
    if (Object.hasOwn(value, key)) {
      const fault = faultIn(child, value[key], field);
      if (fault) return fault;
    } else if (node.required?.includes(key)) return `field "${field}" is missing`;
  }
  return undefined;
}

/** What a field has to be, with its limits, in words. */
function describe(node: Node): string {
  // Nobody reads a regular expression.
  if (node.pattern !== undefined && node.description !== undefined) return node.description;
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.anyOf) return node.anyOf.map(describe).join(" or ");
  if (node.type === "array") return `a list${range(node.minItems, node.maxItems, "items")}`;
  if (node.type === "string") return `a string${range(node.minLength, node.maxLength, "characters")}`;
  if (node.type === "integer") return `a whole number${range(node.minimum, node.maximum, "")}`;
  return node.type === "boolean" ? "true or false" : "an object";
}

function range(min: number | undefined, max: number | undefined, unit: string): string {
  const words = unit === "" ? "" : ` ${unit}`;
  if (min !== undefined && max !== undefined)
    return unit === "" ? ` from ${min} to ${max}` : ` of ${min} to ${max}${words}`;
  if (min !== undefined) return ` of at least ${min}${words}`;
  return max === undefined ? "" : ` of at most ${max}${words}`;
}

function show(value: unknown): string {
  if (typeof value === "string") return value.length <= 40 ? quote(value) : "a longer string";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  return isObject(value) ? "an object" : String(value);
}

function fitsLength(node: Node, value: readonly unknown[]): boolean {
  return value.length >= (node.minItems ?? 0) && value.length <= (node.maxItems ?? Number.POSITIVE_INFINITY);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
