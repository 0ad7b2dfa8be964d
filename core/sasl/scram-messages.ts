/** What SCRAM clients say (RFC 5802 §7), read from left to right. Pure; throws `ReadError`. */
import { isUtf8 } from 'node:buffer'
import { ReadError, Reader } from '../text/index.js'
import { type Gs2Header, readGs2Header, readSaslName } from './gs2.js'

export interface ClientFirst {
  readonly header: Gs2Header
  readonly login: string
  readonly nonce: string
  /** Without the header, as sent: it goes into the signature. */
  readonly bare: string
}

export interface ClientFinal {
  /** Base64 as sent. */
  readonly binding: string
  readonly nonce: string
  /** Base64 as sent. */
  readonly proof: string
  /** All before the proof: it goes into the signature. */
  readonly withoutProof: string
}

/** Ours is 24 characters; no client needs hundreds. */
const NONCE = /[!-+\x2d-~]{1,512}/
const BASE64 = /[A-Za-z0-9+/]{1,4096}={0,2}/
/** RFC 5802 §7: attr-val, of attributes that nobody has defined yet. Not `m`, and not `p`, which is the last. */
const EXTENSION = /,[A-Za-ln-oq-z]=[^\0,]{1,1024}/u
const EXTENSIONS = 10

export function readClientFirst(message: Buffer): ClientFirst {
  const text = textOf(message)
  const input = new Reader(text)
  const header = readGs2Header(input)
  const bare = input.rest
  // RFC 5802 §5.1: an extension that must be understood, and none is.
  if (input.peek('m=')) throw new ReadError(input.column, 'no extension')
  input.need('n=', 'n=')
  const login = readSaslName(input)
  input.need(',r=', 'r=')
  const nonce = input.need(NONCE, 'a nonce')
  skipExtensions(input)
  input.end()
  return { header, login, nonce, bare }
}

export function readClientFinal(message: Buffer): ClientFinal {
  const text = textOf(message)
  const input = new Reader(text)
  input.need('c=', 'c=')
  const binding = input.need(BASE64, 'the channel binding in base64')
  input.need(',r=', 'r=')
  const nonce = input.need(NONCE, 'a nonce')
  skipExtensions(input)
  const withoutProof = text.slice(0, input.column - 1)
  input.need(',p=', 'p=')
  const proof = input.need(BASE64, 'a proof in base64')
  input.end()
  return { binding, nonce, proof, withoutProof }
}

function textOf(message: Buffer): string {
  if (!isUtf8(message)) throw new ReadError(1, 'UTF-8')
  return message.toString('utf8')
}

function skipExtensions(input: Reader): void {
  for (let count = 0; input.take(EXTENSION) !== undefined; count++) {
    if (count >= EXTENSIONS) throw new ReadError(input.column, 'fewer extensions')
  }
}
