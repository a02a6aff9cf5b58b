import { join } from "node:path";
import ts from "typescript";

const ROOT = join(import.meta.dirname, "../../..");

export type JsonSchema = Readonly<Record<string, unknown>>;

/** JSON schemas of the answers' types, made of the types themselves: their fields, and what is said of them. */
export interface TypeSchemas {
  /** Returns a reference to the exported type `name`, and keeps its schema among `all`. @throws Error where no file of them has it */
  of(name: string): JsonSchema;
  readonly all: ReadonlyMap<string, JsonSchema>;
}

/** @param files where the types are exported, relative to the repository */
export function createTypeSchemas(files: readonly string[]): TypeSchemas {
  const paths = files.map((file) => join(ROOT, file));
  const { config } = ts.readConfigFile(join(ROOT, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: paths }, ts.sys, ROOT);
  const program = ts.createProgram(paths, { ...options, types: [], noEmit: true });
  const checker = program.getTypeChecker();
  const exported = new Map<string, ts.Type>();
  for (const path of paths) {
    const source = program.getSourceFile(path);
    const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
    for (const symbol of module === undefined ? [] : checker.getExportsOfModule(module)) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      if (target.flags & ts.SymbolFlags.Type) exported.set(symbol.name, checker.getDeclaredTypeOfSymbol(target));
    }
  }

  const all = new Map<string, JsonSchema>();
  const names = new Map([...exported].map(([name, type]) => [type, name]));

  const ofUnion = (types: readonly ts.Type[]): JsonSchema => {
    const given = types.filter((type) => !(type.flags & ts.TypeFlags.Undefined));
    const literals = given.filter((type) => type.isStringLiteral());
    const schemas = given
      .filter((type) => !type.isStringLiteral() && !(type.flags & ts.TypeFlags.BooleanLiteral))
      .map((type) => ofType(type));
    if (literals.length > 0) schemas.unshift({ type: "string", enum: literals.map(({ value }) => value) });
    if (given.some((type) => type.flags & ts.TypeFlags.BooleanLiteral)) schemas.unshift({ type: "boolean" });
    const [first = {}, ...others] = schemas;
    return others.length === 0 ? first : { anyOf: schemas };
  };

  const ofObject = (type: ts.Type): JsonSchema => {
    const index = checker.getIndexInfosOfType(type)[0];
    const fields = checker.getPropertiesOfType(type).map((symbol) => {
      const described = ts.displayPartsToString(symbol.getDocumentationComment(checker));
      const schema = ofType(checker.getTypeOfSymbol(symbol));
      const isOptional = (symbol.flags & ts.SymbolFlags.Optional) !== 0;
      const entry = [symbol.name, described === "" ? schema : { description: described, ...schema }] as const;
      return { entry, required: isOptional ? [] : [symbol.name] };
    });
    const required = fields.flatMap((field) => field.required);
    return {
      type: "object",
      ...(fields.length > 0 && { properties: Object.fromEntries(fields.map(({ entry }) => entry)) }),
      ...(required.length > 0 && { required }),
      ...(index !== undefined && { additionalProperties: ofType(index.type) }),
    };
  };

  const ofType = (type: ts.Type): JsonSchema => {
    const name = names.get(type);
    if (name !== undefined) return reference(name, type);
    if (type.flags & ts.TypeFlags.StringLike && !type.isUnion())
      return type.isStringLiteral() ? { type: "string", enum: [type.value] } : { type: "string" };
    if (type.flags & ts.TypeFlags.Number) return { type: "number" };
    if (type.flags & ts.TypeFlags.NumberLiteral) return { const: (type as ts.NumberLiteralType).value };
    if (type.flags & ts.TypeFlags.Boolean) return { type: "boolean" };
    if (type.flags & ts.TypeFlags.BooleanLiteral) return { type: "boolean" };
    if (type.flags & ts.TypeFlags.Null) return { type: "null" };
    if (type.isUnion()) return ofUnion(type.types);
    if (type.isIntersection() && type.types.some(({ flags }) => flags & ts.TypeFlags.String)) return { type: "string" };
    if (checker.isArrayType(type)) {
      const [item] = checker.getTypeArguments(type as ts.TypeReference);
      return { type: "array", items: item === undefined ? {} : ofType(item) };
    }
    return type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection) ? ofObject(type) : {};
  };

  const reference = (name: string, type: ts.Type): JsonSchema => {
    if (!all.has(name)) {
      all.set(name, {}); // It may hold itself.
      names.delete(type);
      all.set(name, ofType(type));
      names.set(type, name);
    }
    return { $ref: `#/components/schemas/${name}` };
  };

  return {
    all,
    of(name) {
      const type = exported.get(name);
      if (type === undefined) throw new Error(`none of ${files.join(", ")} exports ${name}`);
      return reference(name, type);
    },
  };
}
