/**
 * Checks a value by a JSON Schema with ajv and says in sentences what was expected; where a value stands is `yaml.ts`'s matter.
 * Nothing is coerced: a number where text is wanted is a fault. Defaults are filled into the value given.
 */
import { createRequire } from 'node:module'
import type { Ajv, ErrorObject } from 'ajv'
import type { JsonSchema } from '../api/index.js'
import { closest } from '../text/suggest.js'
import { FORMATS } from './formats.js'
import type { KeptChecks } from './kept-checks.js'

/** A fault by path; `key` when the place of the key is meant and not that of its value. */
export interface Complaint {
  readonly path: readonly string[]
  readonly key: boolean
  readonly message: string
}

let ajv: Ajv | undefined

/** Throws when the schema itself is wrong: that is a fault of the program or plugin, not of the admin. `kept`: what has passed before. */
export function checkBySchema(schema: JsonSchema, value: unknown, kept?: KeptChecks): readonly Complaint[] {
  if (kept?.passes(schema, value) === true) return []
  const remember = kept?.remember(schema, value)
  ajv ??= makeAjv()
  const validate = ajv.compile(schema)
  if (validate(value)) {
    remember?.(value)
    return []
  }
  const errors = withoutLosingBranches(validate.errors ?? [])
  const complaints = errors.map(complain)
  return complaints.filter((_, i) => !isExplainedByTypo(errors[i]!, complaints))
}

/** Loaded when it is wanted: most starts find all they ask in what has passed before. */
function makeAjv(): Ajv {
  const require = createRequire(import.meta.url)
  const { Ajv } = require('ajv') as typeof import('ajv')
  const formats = require('ajv-formats') as typeof import('ajv-formats')
  // each schema checks a file once: making its code shorter costs more than it saves (80 ms of a start)
  const made = new Ajv({
    code: { optimize: false },
    allErrors: true,
    useDefaults: true,
    verbose: true,
    strict: true,
    strictTypes: false,
  })
  formats.default(made)
  for (const [name, format] of Object.entries(FORMATS)) made.addFormat(name, format.passes)
  return made
}

function pathOf(error: ErrorObject): readonly string[] {
  return error.instancePath
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function complain(error: ErrorObject): Complaint {
  const path = pathOf(error)
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params.additionalProperty)
    return { path: [...path, key], key: true, message: unknownKey(key, Object.keys(schemaOf(error).properties ?? {})) }
  }
  return { path, key: false, message: sentence(error) }
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = closest(key, known)
  if (meant !== undefined) return `unknown key ${quote(key)}, did you mean ${quote(meant)}?`
  return `unknown key ${quote(key)}; known here: ${known.join(', ') || 'none'}`
}

function sentence(error: ErrorObject): string {
  const schema = schemaOf(error)
  const got = describe(error.data)
  switch (error.keyword) {
    case 'required': {
      const key = String(error.params.missingProperty)
      const what = schema.properties?.[key]?.description
      return what === undefined ? `${quote(key)} is missing` : `${quote(key)} is missing: ${what}`
    }
    case 'type':
    case 'format':
      return `expected ${wish(schema)}, got ${got}`
    case 'enum':
      return `expected ${list(schema.enum ?? [])}, got ${got}${meantValue(error.data, schema.enum ?? [])}`
    case 'anyOf':
      return `expected ${(schema.anyOf ?? []).map(wish).join(' or ')}, got ${got}`
    case 'pattern':
      return `expected ${schema.description ?? 'another form'} (${schema.pattern}), got ${got}`
    case 'uniqueItems':
      return `entries ${Number(error.params.j) + 1} and ${Number(error.params.i) + 1} are the same`
    case 'minLength':
    case 'maxLength':
    case 'minimum':
    case 'maximum':
      return `expected ${bound(error)}, got ${got}`
    case 'minItems':
    case 'maxItems':
      return `expected ${bound(error)}, got ${(error.data as readonly unknown[]).length}`
    default:
      return `${error.message ?? 'is not valid'}, got ${got}`
  }
}

/** `at least 5 letters` */
function bound({ keyword, params }: ErrorObject): string {
  const limit = Number(params.limit)
  const [one, many] = keyword.endsWith('Length') ? [' letter', ' letters'] : [' entry', ' entries']
  const unit = keyword.endsWith('imum') ? '' : limit === 1 ? one : many
  return `${keyword.startsWith('min') ? 'at least' : 'at most'} ${limit}${unit}`
}

const TYPES: Readonly<Record<string, string>> = {
  object: 'keys with values',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
}

function wish(schema: JsonSchema): string {
  if (schema.format !== undefined && FORMATS[schema.format]) return FORMATS[schema.format]!.wish
  if (schema.enum !== undefined) return list(schema.enum)
  const type = TYPES[schema.type ?? ''] ?? 'something else'
  return schema.description === undefined ? type : `${type} (${schema.description})`
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'keys with values'
  if (typeof value === 'string') return quote(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  return `the ${typeof value} ${String(value)}`
}

function list(values: readonly unknown[]): string {
  return values.length === 1 ? `${values[0]}` : `one of ${values.join(', ')}`
}

function meantValue(got: unknown, values: readonly unknown[]): string {
  const meant = typeof got === 'string' ? closest(got, values.map(String)) : undefined
  return meant === undefined ? '' : `, did you mean ${quote(meant)}?`
}

function quote(text: string): string {
  return JSON.stringify(text)
}

function schemaOf(error: ErrorObject): JsonSchema {
  return (error.parentSchema ?? {}) as JsonSchema
}

/** Of alternatives, only the one whose type fits is worth its faults; when none or several fit, the alternatives are named instead. */
function withoutLosingBranches(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const dropped = new Set<ErrorObject>()
  for (const any of errors.filter(e => e.keyword === 'anyOf')) {
    const inner = errors.filter(e => e !== any && e.schemaPath.startsWith(`${any.schemaPath}/`))
    const here = inner.filter(e => e.instancePath.startsWith(any.instancePath))
    const branch = (e: ErrorObject) => e.schemaPath.slice(any.schemaPath.length + 1).split('/')[0]
    const wrong = new Set(here.filter(e => isOfType(e) && e.instancePath === any.instancePath).map(branch))
    const fitting = new Set(here.map(branch).filter(b => !wrong.has(b)))
    for (const e of here) if (fitting.size !== 1 || wrong.has(branch(e))) dropped.add(e)
    if (fitting.size === 1) dropped.add(any)
  }
  return errors.filter(e => !dropped.has(e))
}

function isOfType(error: ErrorObject): boolean {
  return error.keyword === 'type' || error.keyword === 'enum'
}

/** A missing key whose misspelling is already complained of. */
function isExplainedByTypo(error: ErrorObject, complaints: readonly Complaint[]): boolean {
  if (error.keyword !== 'required') return false
  const parent = pathOf(error).join('/')
  const hint = `did you mean ${quote(String(error.params.missingProperty))}?`
  return complaints.some(c => c.key && c.path.slice(0, -1).join('/') === parent && c.message.endsWith(hint))
}
