/**
 * What can be done to bytes: each mutation takes some and gives others, by the random numbers it is given and nothing else.
 * Those of payloads know a little of JSON and HTTP, so that they come further than the first check.
 */
import type { Random } from "../../tools/replay/random.ts";

export type Mutation = (random: Random, bytes: Buffer) => Buffer;

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)] as T;
}

const numbers = [
  ...["0", "-0", "-1", "1e999", "-1e999", "1e-999", "0.1", "9007199254740993", "18446744073709551616", "2147483648"],
  ...["1".repeat(400), "65536", "4294967296", "null", "true", "[]", "{}", '""', '"1"', "NaN", "0x10", "1_000", "١٢٣"],
];
const texts = [
  ...["", " ", "\\u0000", "\\ud800", "\\udfff\\ud800", "\\n", "\\u202e", "\\ufeff", "é", "e\u0301", "ﷺ", "İ", "ß", "𝒳"],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "#",
    "*",
    "#*",
    "..",
    "../../x",
    "%00",
    "%s%n",
    "$where",
  ],
  ...[
    "\\u001b[31m",
    "<script>",
    "' OR 1=1",
    "{{7*7}}",
    "a".repeat(65),
    "a".repeat(5_000),
    "#".repeat(100),
    "🎉".repeat(70),
  ],
];
const keys = ["__proto__", "constructor", "prototype", "op", "to", "toString", "", "length", "\\u0000"];
const interestingBytes = [0x00, 0xff, 0x80, 0xc0, 0xc3, 0xed, 0xf8, 0x7b, 0x5b, 0x22, 0x5c, 0x0a, 0x0d, 0x1b, 0x7f];

const flipBits: Mutation = (random, bytes) => {
  const changed = Buffer.from(bytes);
  for (let left = 1 + random.below(8); left > 0 && changed.length > 0; left--) {
    const at = random.below(changed.length);
    changed[at] = (changed[at] as number) ^ (1 << random.below(8));
  }
  return changed;
};

const truncate: Mutation = (random, bytes) => bytes.subarray(0, random.below(bytes.length + 1));

const remove: Mutation = (random, bytes) => {
  const from = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(16))]);
};

const duplicatePart: Mutation = (random, bytes) => {
  const from = random.below(bytes.length + 1);
  const to = from + random.below(bytes.length - from + 1);
  const times = 1 + random.below(4);
  return Buffer.concat([bytes.subarray(0, to), ...new Array(times).fill(bytes.subarray(from, to)), bytes.subarray(to)]);
};

const insertBytes: Mutation = (random, bytes) => {
  const at = random.below(bytes.length + 1);
  const inserted = Buffer.alloc(1 + random.below(12), pick(random, interestingBytes));
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
};

const overwrite: Mutation = (random, bytes) => {
  const changed = Buffer.from(bytes);
  if (changed.length > 0) changed[random.below(changed.length)] = pick(random, interestingBytes);
  return changed;
};

/** What does not depend on what the bytes mean. */
export const byteMutations: readonly Mutation[] = [flipBits, truncate, remove, duplicatePart, insertBytes, overwrite];

/** Replaces one of the matches of `pattern`, which is global. */
function replaceOne(random: Random, bytes: Buffer, pattern: RegExp, by: (match: string) => string): Buffer {
  const text = bytes.toString();
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return flipBits(random, bytes);
  const match = pick(random, matches);
  return Buffer.from(text.slice(0, match.index) + by(match[0]) + text.slice(match.index + match[0].length));
}

const changeNumber: Mutation = (random, bytes) => replaceOne(random, bytes, /-?\d+/g, () => pick(random, numbers));
const changeText: Mutation = (random, bytes) =>
  replaceOne(random, bytes, /"[^"\\]*"/g, () => `"${pick(random, texts)}"`);
const changeType: Mutation = (random, bytes) => replaceOne(random, bytes, /"[^"\\]*"/g, () => pick(random, numbers));

const nest: Mutation = (random, bytes) => {
  const depth = pick(random, [8, 9, 64, 1_000, 20_000]);
  const [open, close] = pick(random, [
    ["[", "]"],
    ['{"a":', "}"],
    ['[{"__proto__":', "}]"],
  ] as const);
  const isClosed = random.below(4) > 0;
  return replaceOne(
    random,
    bytes,
    /"[^"\\]*"|-?\d+/g,
    (match) => `${open.repeat(depth)}${match}${isClosed ? close.repeat(depth) : ""}`,
  );
};

const addKey: Mutation = (random, bytes) =>
  replaceOne(
    random,
    bytes,
    /\{/g,
    () => `{"${pick(random, keys)}":${pick(random, [...numbers, '{"polluted":true}'])},`,
  );

const repeatKey: Mutation = (random, bytes) =>
  replaceOne(
    random,
    bytes,
    /"[a-zA-Z_]+":"[^"\\]*"/g,
    (match) => `${match},${match.replace(/:".*/s, `:"${pick(random, texts)}"`)}`,
  );

const grow: Mutation = (random, bytes) =>
  replaceOne(random, bytes, /[a-z]{2,}/g, (match) => match.repeat(pick(random, [40, 1_000, 20_000])));

/** What makes the most of a text that is JSON, or nearly. */
export const payloadMutations: readonly Mutation[] = [
  ...[changeNumber, changeText, changeText, changeType, nest, addKey, repeatKey, grow],
  ...byteMutations,
];

const lengths = ["0", "-1", "+5", "1e3", "0x5", "5, 6", "99999999999999999999", "4294967296", " 7 ", ""];
const extraHeaders = [
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: xchunked",
  "Transfer-Encoding : chunked",
  "Transfer-Encoding: identity, chunked",
  "Transfer-Encoding:\tchunked\r\nTransfer-Encoding: cow",
  "Content-Length: 5\r\nContent-Length: 6",
  "Expect: 100-continue",
  "Connection: Upgrade, keep-alive\r\nUpgrade: websocket",
  "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
  "Host: evil.example\r\nHost: 127.0.0.1",
  "Origin: https://evil.example",
  "Origin: null",
  "X-Forwarded-For: 10.0.0.1, ::1",
  "Content-Encoding: gzip",
  " folded: line",
  "Name\u0000: zero",
  "No colon at all",
  `X-Long: ${"x".repeat(20_000)}`,
  Array.from({ length: 300 }, (_, n) => `X-${n}: ${n}`).join("\r\n"),
  'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8, x; y="\\""',
  "Sec-WebSocket-Protocol: parley.v1, parley.v1",
  "Authorization: Basic OjpA",
  "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.",
];
const targets = [
  "*",
  "http://evil.example/",
  "//evil",
  "/../../etc/passwd",
  "/%",
  "/%ff",
  `/${"a/".repeat(9_000)}`,
  "/\u0000",
  "",
];
const methods = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PUT", "DELETE", "PRI", "GET\u0000", "get", ""];

/** What HTTP servers and proxies disagree about (RFC 9112, sections 6 and 11.2). */
export const requestMutations: readonly Mutation[] = [
  (random, bytes) =>
    editHead(bytes, (lines) => lines.splice(1 + random.below(lines.length), 0, pick(random, extraHeaders))),
  (random, bytes) =>
    editHead(bytes, (lines) => lines.splice(1 + random.below(lines.length), 0, pick(random, extraHeaders))),
  (random, bytes) =>
    editHead(bytes, (lines) => {
      const at = lines.findIndex((line) => /^content-length:/i.test(line));
      if (at >= 0) lines[at] = `Content-Length: ${pick(random, lengths)}`;
      else lines.push(`Content-Length: ${pick(random, lengths)}`);
    }),
  (random, bytes) =>
    editHead(bytes, (lines) => {
      const [method = "", target = "", version = ""] = (lines[0] ?? "").split(" ");
      lines[0] = pick(random, [
        `${pick(random, methods)} ${target} ${version}`,
        `${method} ${pick(random, targets)} ${version}`,
        `${method} ${target} ${pick(random, ["HTTP/0.9", "HTTP/2.0", "HTTP/1.10", "http/1.1", ""])}`,
        `${method}  ${target}\t${version}`,
      ]);
    }),
  (random, bytes) => editHead(bytes, (lines) => lines.splice(random.below(lines.length), 1)),
  (_, bytes) => Buffer.from(bytes.toString("latin1").replaceAll("\r\n", "\n"), "latin1"),
  (random, bytes) => {
    // The same body as chunks, of which one lies.
    const end = bytes.indexOf("\r\n\r\n");
    const head = bytes.toString("latin1", 0, Math.max(end, 0)).replace(/content-length/i, "X-Was");
    const size = pick(random, ["5", "-5", "ffffffffffffffff", '5;x="\n"', "0x5", "g", ""]);
    const chunks = `${size}\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\nGET / HTTP/1.1\r\n\r\n`;
    return Buffer.from(`${head}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`, "latin1");
  },
  ...byteMutations,
];

function editHead(bytes: Buffer, edit: (lines: string[]) => unknown): Buffer {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return bytes;
  const lines = bytes.toString("latin1", 0, end).split("\r\n");
  edit(lines);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes.subarray(end + 4)]);
}
