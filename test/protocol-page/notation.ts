/**
 * The type notation of PROTOCOL.md ("Types") as JSON Schema, so that what the page says of a field and what the
 * validators enforce are the same kind of thing and can be compared. Both sides are brought to one canonical form:
 * plain objects without annotations, `required` sorted.
 */
import type { Field } from "./page.ts";

export type Schema = { readonly [key: string]: unknown };

/** Finds what a type's name stands for; throws on a name that the page does not define. */
export type Lookup = (name: string) => Schema;

/** `address or address[1..100]` → `{ anyOf: [...] }`. Throws where the notation cannot be read. */
export function parseType(notation: string, lookup: Lookup): Schema {
  const alternatives = notation.split(" or ");
  if (alternatives.length > 1) return { anyOf: alternatives.map((alternative) => parseType(alternative, lookup)) };
  const array = /^(.+)\[(?:(\d*)\.\.(\d*))?\]$/.exec(notation);
  if (array) {
    const items = parseType(array[1] as string, lookup);
    return { type: "array", items, ...limits("minItems", array[2], "maxItems", array[3]) };
  }
  const literal = /^"([^"]+)"$/.exec(notation);
  if (literal) return { type: "string", const: literal[1] };
  const pattern = /^string \/(.+)\/$/.exec(notation);
  if (pattern) return { type: "string", pattern: pattern[1] };
  const simple = /^(string|integer|boolean)(?: (\d*)\.\.(\d*))?$/.exec(notation);
  if (!simple) return lookup(notation);
  const [, type, min, max] = simple;
  if (type === "string") return { type, ...limits("minLength", min, "maxLength", max) };
  return { type, ...limits("minimum", min, "maximum", max) };
}

/** The fields of a table as an object schema; `op` adds the field that every message has. */
export function objectOf(fields: readonly Field[], lookup: Lookup, op?: string): Schema {
  const properties: Record<string, Schema> = op === undefined ? {} : { op: { type: "string", const: op } };
  for (const field of fields) properties[field.name] = parseType(field.type, lookup);
  const required = fields.filter((field) => field.required === "yes").map((field) => field.name);
  if (op !== undefined) required.push("op");
  return { type: "object", properties, required: required.sort() };
}

/** A schema of the code in the same form: JSON only, no descriptions. */
export function canonical(schema: unknown): Schema {
  const copy = JSON.parse(JSON.stringify(schema), (key, value: unknown) => (key === "description" ? undefined : value));
  return sortRequired(copy) as Schema;
}

function sortRequired(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(sortRequired);
  if (typeof node !== "object" || node === null) return node;
  const sorted = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, sortRequired(value)]));
  if (sorted.type === "object" && "properties" in sorted) {
    const required = Array.isArray(sorted.required) ? sorted.required : [];
    return { ...sorted, required: [...required].sort() };
  }
  return sorted;
}

function limits(minKey: string, min: string | undefined, maxKey: string, max: string | undefined): Schema {
  return { ...(min ? { [minKey]: Number(min) } : {}), ...(max ? { [maxKey]: Number(max) } : {}) };
}
