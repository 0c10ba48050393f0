/** Schemas with a name of their own in the OpenAPI document: said once there, pointed to wherever they are used. */
import { type Static, type TSchema, Type } from "typebox";

/** Points to a schema that has an `$id` and is in `api.ts`'s list of named schemas. For answers: requests are validated by the schema itself. */
export function reference<S extends TSchema>(schema: S): Type.TUnsafe<Static<S>> {
  const { $id } = schema as { $id?: string };
  if ($id === undefined) throw new Error("a schema without a name cannot be pointed to");
  return Type.Unsafe<Static<S>>({ $ref: `${$id}#` });
}
