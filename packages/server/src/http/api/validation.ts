/**
 * What comes in: bodies are strict JSON, and everything is checked by the schemas that the OpenAPI document shows. The
 * compiled validators and the words are those of the native protocol.
 */
import { explain } from "@parley/protocol/explanation";
import { findFlaw } from "@parley/protocol/validate";
import type { FastifyInstance, FastifySchemaCompiler, FastifyTypeProvider } from "fastify";
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { Convert } from "typebox/value";
import { Refusal } from "./problem.ts";

/** Derives the types of what a handler is given from the route's schemas. */
export interface SchemaTypes extends FastifyTypeProvider {
  validator: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
  serializer: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
}

/** Texts of the path and the query become numbers and flags where the schema wants them; parameters nobody knows are refused. */
const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema);
  const known = new Set(Object.keys((schema as { properties?: object }).properties ?? {}));
  return (given: unknown) => {
    const value = httpPart === "body" ? given : Convert(schema, given);
    if (httpPart === "querystring") {
      const unknown = Object.keys(value as object).find((key) => !known.has(key));
      if (unknown !== undefined)
        return { error: new Refusal("bad_message", `there is no parameter ${JSON.stringify(unknown)} in the query`) };
    }
    if (validator.Check(value)) return { value };
    return { error: new Refusal("bad_message", explain(schema, value)) };
  };
};

/** Makes `app` take JSON only, check by the schemas, and write answers as they are. */
export function validateRequests(app: FastifyInstance): void {
  app.setValidatorCompiler(compileValidator);
  app.setSerializerCompiler(() => JSON.stringify);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, async (_: unknown, body: Buffer) => parse(body));
}

function parse(body: Buffer): unknown {
  const value = parseJson(decode(body));
  if (typeof value !== "object" || value === null) throw new Refusal("bad_json", "the body is not a JSON object");
  const flaw = findFlaw(value);
  if (flaw !== undefined) throw new Refusal("bad_message", flaw);
  return value;
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new Refusal("bad_utf8", "the body is not UTF-8");
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal("bad_json", "the body is not JSON");
  }
}
