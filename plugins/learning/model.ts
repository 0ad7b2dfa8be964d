/**
 * The starting model: a weight of one octet for each token, made by `posthouse learn build-model` and read only. A file of one line of JSON that
 * says where it is from, the weights, and a line for each anchor, all of it compressed.
 */
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip, gzipSync } from 'node:zlib'
import { type Anchor, Anchors } from './anchors.js'
import { KINDS, OWN_KINDS, SHAPE, SPACE } from './tokens/kinds.js'
import { packTokens, unpackTokens } from './tokens/pack.js'
import type { Tokens } from './tokens/sink.js'
import { valuesOf } from './weights.js'

export interface ModelHeader {
  readonly shape: number
  readonly made: string
  readonly sources: readonly {
    readonly name: string
    readonly ham: number
    readonly spam: number
    readonly terms: string
  }[]
  /** Of the tokens that are left: seen in so many mails of so many senders. */
  readonly tokens: number
  readonly leastMails: number
  readonly leastSenders: number
  /** What one step of a weight means. */
  readonly scale: number
  readonly bias: number
}

const MAX_BYTES = 16 * 1024 * 1024
const NEWLINE = 10
/** Tokens of other kinds share numbers with those it knows. */
const IS_KNOWN = KINDS.map(kind => !OWN_KINDS.has(kind))

export class StartingModel {
  readonly header: ModelHeader
  readonly anchors: Anchors
  readonly #weights: Int8Array

  constructor(header: ModelHeader, weights: Int8Array, anchors: readonly Anchor[] = []) {
    this.header = header
    this.#weights = weights
    this.anchors = new Anchors(anchors, tokens => this.sum(tokens))
  }

  sum(tokens: Tokens): number {
    const [weights, values] = [this.#weights, valuesOf(tokens)]
    let sum = 0
    for (let kind = 0; kind < values.length; kind++) {
      if (!IS_KNOWN[kind]) continue
      const list = tokens[kind]!
      let part = 0
      for (let at = 0; at < list.length; at++) part += weights[list[at]!]!
      sum += part * values[kind]!
    }
    return sum * this.header.scale + this.header.bias
  }

  /** It has an opinion of nothing. */
  get isEmpty(): boolean {
    return this.header.tokens === 0
  }

  /** `at`: the place of the token's kind. */
  of(at: number, token: number): number {
    return IS_KNOWN[at] ? this.#weights[token]! * this.header.scale : 0
  }
}

/** Knows nothing. */
export const NO_MODEL = new StartingModel(
  { shape: SHAPE, made: '', sources: [], tokens: 0, leastMails: 0, leastSenders: 0, scale: 0, bias: 0 },
  new Int8Array(SPACE),
)

/** Throws with a sentence when there is no such file, when that is no model, or one of another shape. */
export async function readModel(path: string): Promise<StartingModel> {
  const file = await readFile(path).catch(error => {
    throw new Error(`cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error })
  })
  const { header, weights, anchors } = await partsOf(file).catch(error => {
    throw new Error('is no model of `posthouse learn build-model`, or a broken one', { cause: error })
  })
  if (weights.length !== SPACE || header.shape !== SHAPE) {
    throw new Error(`was made for other tokens (shape ${header.shape}, here ${SHAPE}): build it anew`)
  }
  return new StartingModel(header, new Int8Array(weights.buffer, weights.byteOffset, weights.length), anchors)
}

async function partsOf(file: Buffer): Promise<{ header: ModelHeader; weights: Buffer; anchors: readonly Anchor[] }> {
  const octets = await promisify(gunzip)(file, { maxOutputLength: MAX_BYTES })
  const end = octets.indexOf(NEWLINE)
  const header = JSON.parse(octets.subarray(0, Math.max(0, end)).toString()) as ModelHeader
  if (!Number.isFinite(header.scale) || !Number.isFinite(header.bias)) throw new Error('it has no scale')
  const weights = octets.subarray(end + 1, end + 1 + SPACE)
  const lines = octets
    .subarray(end + 1 + SPACE)
    .toString('latin1')
    .split('\n')
  return { header, weights, anchors: lines.filter(line => line !== '').map(readAnchor) }
}

function readAnchor(line: string): Anchor {
  const [label, packed = ''] = line.split(' ')
  const tokens = unpackTokens(packed)
  if (tokens === undefined || (label !== 'spam' && label !== 'ham')) throw new Error('it has a broken anchor')
  return { label, tokens }
}

/** The weights are rounded to 127 steps; the largest few are cut, as one loud token should not take the steps from all others. */
export function modelFile(
  header: Omit<ModelHeader, 'scale'>,
  weights: Float32Array,
  anchors: readonly Anchor[] = [],
): Buffer {
  const sizes = weights
    .filter(weight => weight !== 0)
    .map(Math.abs)
    .sort()
  const largest = sizes[Math.floor(sizes.length * 0.9995)] ?? 1
  const scale = largest / 127
  const steps = Int8Array.from(weights, weight => Math.max(-127, Math.min(127, Math.round(weight / scale))))
  const head = Buffer.from(`${JSON.stringify({ ...header, scale })}\n`)
  const lines = anchors.map(({ label, tokens }) => `${label} ${packTokens(tokens)}\n`).join('')
  return gzipSync(Buffer.concat([head, Buffer.from(steps.buffer), Buffer.from(lines)]), { level: 9 })
}
