/**
 * Compares PROTOCOL.md with the protocol package: messages, fields, types, limits, examples, errors, both ways. Each
 * disagreement is one sentence; an empty list is the proof that the page and the validators say the same. The test
 * runs it on the page as it is, and on pages with planted mistakes.
 */
import { isDeepStrictEqual } from "node:util";
import { errors, FrameDecoder, isErrorCode, lengthPrefixBytes, maxNameCharacters } from "@parley/protocol";
import { clientMessages, serverMessages } from "@parley/protocol/schema";
import { maxDepth, parseClientMessage, parseServerMessage } from "@parley/protocol/validate";
import { canonical, type Lookup, objectOf, parseType, type Schema } from "./notation.ts";
import { codeSpans, type Page, parsePage, type Section } from "./page.ts";

/** One direction: what the code has, what the page has, how a frame is parsed. */
interface Direction {
  readonly name: "client" | "server";
  readonly schemas: Readonly<Record<string, unknown>>;
  readonly sections: readonly Section[];
  readonly parse: typeof parseClientMessage | typeof parseServerMessage;
}

/** Everything in which the page's text and the code disagree. */
export function comparePage(text: string): string[] {
  const page = parsePage(text);
  const client: Direction = {
    name: "client",
    schemas: clientMessages,
    sections: page.client,
    parse: parseClientMessage,
  };
  const server: Direction = {
    name: "server",
    schemas: serverMessages,
    sections: page.server,
    parse: parseServerMessage,
  };
  const lookup = lookupIn(page);
  return [
    ...compareSections(client, lookup),
    ...compareSections(server, lookup),
    ...compareExamples(client),
    ...compareExamples(server),
    ...compareSessions(page, client, server),
    ...compareReplies(page),
    ...compareErrors(page),
    ...compareNumbers(page),
  ];
}

function lookupIn(page: Page): Lookup {
  const lookup: Lookup = (name) => {
    const alias = page.types.find((type) => type.name === name);
    if (alias) return parseType(alias.notation, lookup);
    const object = page.objects.find((section) => section.name === name);
    if (object) return objectOf(object.fields, lookup);
    const message = page.server.find((section) => section.name === name);
    if (message) return objectOf(message.fields, lookup, name);
    throw new Error(`the type ${name} is not defined`);
  };
  return lookup;
}

function compareSections({ name, schemas, sections }: Direction, lookup: Lookup): string[] {
  const faults: string[] = [];
  for (const op of Object.keys(schemas)) {
    const count = sections.filter((section) => section.name === op).length;
    if (count !== 1) faults.push(`${name} ${op}: ${count} sections on the page`);
  }
  for (const section of sections) {
    const schema = schemas[section.name];
    if (schema === undefined) faults.push(`${name} ${section.name}: not a message of the code`);
    else faults.push(...compareFields(`${name} ${section.name}`, section, canonical(schema), lookup));
  }
  return faults;
}

function compareFields(where: string, section: Section, schema: Schema, lookup: Lookup): string[] {
  const faults: string[] = [];
  const properties = schema.properties as Record<string, Schema>;
  const required = schema.required as string[];
  const named = section.fields.map((field) => field.name);
  for (const field of Object.keys(properties)) {
    if (field !== "op" && !named.includes(field)) faults.push(`${where}.${field}: missing on the page`);
  }
  for (const { name, type, required: needed, meaning } of section.fields) {
    const actual = properties[name];
    if (named.indexOf(name) !== named.lastIndexOf(name)) faults.push(`${where}.${name}: twice on the page`);
    if (meaning === "") faults.push(`${where}.${name}: no meaning on the page`);
    if (actual === undefined) faults.push(`${where}.${name}: not in the code`);
    else if (needed !== (required.includes(name) ? "yes" : "no"))
      faults.push(`${where}.${name}: required is "${needed}"`);
    if (actual !== undefined) faults.push(...compareType(`${where}.${name}`, type, actual, lookup));
  }
  return faults;
}

function compareType(where: string, notation: string, actual: Schema, lookup: Lookup): string[] {
  try {
    const stated = parseType(notation, lookup);
    if (isDeepStrictEqual(stated, actual)) return [];
    return [`${where}: the page says ${JSON.stringify(stated)}, the code ${JSON.stringify(actual)}`];
  } catch (error) {
    return [`${where}: ${(error as Error).message}`];
  }
}

function compareExamples(direction: Direction): string[] {
  const faults: string[] = [];
  for (const section of direction.sections) {
    const where = `${direction.name} ${section.name}`;
    if (section.examples.length === 0) faults.push(`${where}: no example`);
    for (const example of section.examples) {
      const fault = faultOfExample(example, direction, section.name);
      if (fault) faults.push(`${where}: example: ${fault}`);
    }
  }
  return faults;
}

function compareSessions(page: Page, client: Direction, server: Direction): string[] {
  const faults: string[] = page.sessions.length === 0 ? ["there is no worked session"] : [];
  for (const line of page.sessions) {
    const [, from, text = ""] = /^([CS]): (.+)$/.exec(line) ?? [];
    const fault = from ? faultOfExample(text, from === "C" ? client : server) : "neither C nor S";
    if (fault) faults.push(`session: ${fault}: ${line}`);
  }
  return faults;
}

/** An example must validate in its direction, be of the right `op`, and have no field that the code does not know. */
function faultOfExample(text: string, { schemas, parse }: Direction, op?: string): string | undefined {
  const parsed = parse(text);
  if (!parsed.ok) return parsed.fault.message;
  const message = parsed.value;
  if (op !== undefined && message.op !== op) return `its op is ${message.op}`;
  if ("code" in message && !isErrorCode(message.code)) return `unknown code ${message.code}`;
  const stray = strayField(canonical(schemas[message.op]), message, message.op);
  return stray && `unknown field ${stray}`;
}

function strayField(schema: Schema, value: unknown, path: string): string | undefined {
  if (Array.isArray(value)) {
    const items = (schema.items ?? {}) as Schema;
    return value
      .map((item, index) => strayField(items, item, `${path}[${index}]`))
      .find((stray) => stray !== undefined);
  }
  if (typeof value !== "object" || value === null) return undefined;
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  for (const [key, child] of Object.entries(value)) {
    const known = properties[key];
    const stray = known ? strayField(known, child, `${path}.${key}`) : `${path}.${key}`;
    if (stray) return stray;
  }
  return undefined;
}

function compareReplies(page: Page): string[] {
  const faults: string[] = [];
  for (const { name, reply } of page.client) {
    if (reply === "") faults.push(`client ${name}: no line that begins with "Reply:"`);
    const [replies = "", codes = ""] = reply.split("Errors: ");
    const first = codeSpans(replies)[0];
    if (first !== undefined && !(first in serverMessages)) faults.push(`client ${name}: replies ${first}?`);
    for (const code of codeSpans(codes)) if (!isErrorCode(code)) faults.push(`client ${name}: error ${code}?`);
  }
  return faults;
}

function compareErrors(page: Page): string[] {
  const faults: string[] = [];
  for (const [code, kind] of Object.entries(errors)) {
    const rows = page.errors.filter((row) => row[0] === code);
    if (rows.length !== 1) faults.push(`error ${code}: ${rows.length} rows on the page`);
    if (!page.prose.includes(`\`${code}\``)) faults.push(`error ${code}: nothing on the page says when it comes`);
    const expected = [code, kind.meaning, `${kind.http}`, `${kind.wsClose}`, kind.closes ? "yes" : "no", kind.retry];
    for (const row of rows) {
      if (!isDeepStrictEqual([...row], expected))
        faults.push(`error ${code}: the page says ${row}, the code ${expected}`);
    }
  }
  for (const [code] of page.errors) if (!isErrorCode(code)) faults.push(`error ${code}: not in the code`);
  return faults;
}

/** Numbers in running text that the code has as constants, and the frame that is written out in bytes. */
function compareNumbers(page: Page): string[] {
  const faults: string[] = [];
  const numbers: readonly (readonly [RegExp, number])[] = [
    [/nested deeper than (\d+) levels/, maxDepth],
    [/name has 1 to (\d+) characters/, maxNameCharacters],
    [/a (\d+)-byte unsigned big-endian length/, lengthPrefixBytes],
  ];
  for (const [sentence, value] of numbers) {
    const stated = sentence.exec(page.prose)?.[1];
    if (stated !== `${value}`) faults.push(`"${sentence.source}": the page says ${stated}, the code ${value}`);
  }
  if (page.hex.length === 0) faults.push("there is no frame in bytes");
  for (const hex of page.hex) {
    const payloads: string[] = [];
    const decoder = new FrameDecoder(1024, (payload) => payloads.push(new TextDecoder().decode(payload)));
    const fault = decoder.push(Buffer.from(hex.replaceAll(/\s/g, ""), "hex"));
    const text = payloads.join();
    if (fault || decoder.bufferedBytes > 0 || !parseClientMessage(text).ok) faults.push(`hex: ${fault ?? text}`);
    if (!page.prose.includes(`\`${text}\``)) faults.push(`hex: the page does not say that it is ${text}`);
  }
  return faults;
}
