/**
 * The part of JSON Schema that plugin configs use, and the TypeScript type it stands for.
 * A property is always there when it is required or has a default (ajv fills defaults in); otherwise it may be missing.
 */
export interface JsonSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly enum?: readonly (string | number | boolean)[]
  /** Alternatives of different types; defaults inside them are not filled in. */
  readonly anyOf?: readonly JsonSchema[]
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly pattern?: string
  /** Also ours: `duration` (`5m`), `size` (`50MB`), `domain`, `network` (`192.0.2.0/24`), `endpoint` (`127.0.0.1:25`), `email`. */
  readonly format?: string
  readonly examples?: readonly unknown[]
  /** Of the whole: schemas that stand in themselves, by name. Their types are not derived. */
  readonly $defs?: Readonly<Record<string, JsonSchema>>
  /** `#/$defs/NAME` */
  readonly $ref?: string
}

type Always<S extends JsonSchema> =
  | (S['required'] extends readonly (infer R extends string)[] ? R : never)
  | (S['properties'] extends infer P
      ? { [K in keyof P]: P[K] extends { readonly default: unknown } ? K : never }[keyof P]
      : never)

type ObjectOf<S extends JsonSchema> =
  S['properties'] extends Readonly<Record<string, JsonSchema>>
    ? { readonly [K in keyof S['properties'] as K extends Always<S> ? K : never]: Infer<S['properties'][K]> } & {
        readonly [K in keyof S['properties'] as K extends Always<S> ? never : K]?: Infer<S['properties'][K]>
      }
    : S['additionalProperties'] extends JsonSchema
      ? Readonly<Record<string, Infer<S['additionalProperties']>>>
      : Readonly<Record<string, unknown>>

type OneOf<S> = S extends JsonSchema ? Infer<S> : never

export type Infer<S extends JsonSchema> = S extends { readonly enum: readonly (infer E)[] }
  ? E
  : S extends { readonly anyOf: readonly (infer B)[] }
    ? OneOf<B>
    : S['type'] extends 'object'
      ? ObjectOf<S>
      : S['type'] extends 'array'
        ? readonly (S['items'] extends JsonSchema ? Infer<S['items']> : unknown)[]
        : S['type'] extends 'string'
          ? string
          : S['type'] extends 'integer' | 'number'
            ? number
            : S['type'] extends 'boolean'
              ? boolean
              : unknown
