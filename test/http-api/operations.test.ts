/**
 * A generic client reads the OpenAPI document and carries out every operation in it, by the examples in `cases/`: what
 * comes has to be what is documented, what is wrong has to be refused as documented. An operation without an example
 * fails, and so does an example of no operation.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { type ApiServer, startApiServer } from "./api-server.ts";
import type { Example, Examples } from "./example.ts";
import { DocumentedAnswers, type Operation, operationsOf, readDocument } from "./openapi.ts";

const files = readdirSync(new URL("./cases", import.meta.url)).filter((name) => name.endsWith(".ts"));
const modules: { readonly examples: Examples }[] = await Promise.all(files.map((name) => import(`./cases/${name}`)));
const all: Examples = Object.assign({}, ...modules.map(({ examples }) => examples));

function urlOf({ path, parameters }: Operation, { path: values = {}, query = {} }: Example): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? `no ${name}`));
  const known = new Set(parameters.filter((one) => one.in === "query").map(({ name }) => name));
  for (const name of Object.keys(query)) assert.ok(known.has(name), `the parameter ${name} is not documented`);
  const search = new URLSearchParams(query).toString();
  return `${filled.replace(/^\/v1/, "")}${search && `?${search}`}`;
}

function carryOut(
  server: ApiServer,
  operation: Operation,
  example: Example,
  changes: Partial<Example> & { method?: string } = {},
) {
  const { as = "alice", headers = {}, body, ...rest } = { ...example, ...changes };
  const method = (changes.method ?? operation.method).toUpperCase();
  return server.ask(urlOf(operation, { ...rest, headers, body }), { method, as: as || undefined, headers, body });
}

describe("the OpenAPI document", () => {
  it("is valid OpenAPI 3.1, and names each operation once, with summary and tag", async (t) => {
    const document = await readDocument(await startApiServer(t));
    assert.match(document.openapi, /^3\.1\./);
    const validator = new Validator();
    const { valid, errors } = await validator.validate(
      structuredClone(document) as unknown as Parameters<Validator["validate"]>[0],
    );
    assert.ok(valid, JSON.stringify(errors));
    const operations = operationsOf(document);
    assert.ok(operations.length > 0);
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
    for (const { operationId, summary, tags } of operations) assert.ok(operationId && summary && tags?.length, summary);
  });
});

describe("every operation", async () => {
  it("has an example, and every example an operation", async (t) => {
    const operations = operationsOf(await readDocument(await startApiServer(t)));
    assert.deepEqual(operations.map(({ operationId }) => operationId).sort(), Object.keys(all).sort());
  });

  for (const [operationId, prepare] of Object.entries(all)) {
    it(`${operationId} answers as documented, whether the request is right or wrong`, async (t) => {
      const server = await startApiServer(t);
      const document = await readDocument(server);
      const answers = new DocumentedAnswers(document);
      const operation = operationsOf(document).find((one) => one.operationId === operationId);
      assert.ok(operation, "no such operation");
      const example = await prepare(server);
      const expectAnswer = async (
        status: number,
        code: string | undefined,
        changes: Parameters<typeof carryOut>[3],
      ) => {
        const { headers, json, text, ...answer } = await carryOut(server, operation, example, changes);
        assert.equal(answer.status, status, text);
        if (code !== undefined) assert.equal((json as { code: string }).code, code);
        const isDocumented = !["bad_method", "bad_content_type", "frame_too_large", "bad_json", "bad_utf8"].includes(
          code ?? "",
        );
        const faults = answers.faultsOf(operation, status, headers.get("content-type"), json ?? text);
        if (isDocumented) assert.deepEqual(faults, [], text);
      };
      const isPublic = operation.security?.length === 0;
      if (!isPublic) {
        await expectAnswer(401, "unauthorized", { as: "" });
        await expectAnswer(401, "unauthorized", { as: "", headers: { authorization: "Digest x" } });
      }
      await expectAnswer(405, "bad_method", {
        method: "trace" === operation.method ? "get" : "patch",
        body: undefined,
      });
      for (const parameter of operation.parameters) {
        if (parameter.in !== "query" || !["integer", "boolean"].includes(parameter.schema.type ?? "")) continue;
        await expectAnswer(400, "bad_message", { query: { ...example.query, [parameter.name]: "nonsense" } });
      }
      if (operation.requestBody) {
        await expectAnswer(400, "bad_json", { body: "{" });
        await expectAnswer(400, "bad_json", { body: "[1" });
        await expectAnswer(400, "bad_json", { body: "5" });
        await expectAnswer(415, "bad_content_type", { body: "x", headers: { "content-type": "text/plain" } });
        await expectAnswer(413, "frame_too_large", { body: `"${"x".repeat(9_000_000)}"` });
        await expectAnswer(400, "bad_message", { body: `{"x":${"[".repeat(20)}${"]".repeat(20)}}` });
      }
      await expectAnswer(example.status, undefined, {});
    });
  }
});
