/** Where a domain wants reports about TLS to go: the TXT record `_smtp._tls.DOMAIN` (RFC 8460 §3). Pure; strangers write it. */
import { type AddressParts, ReadError, Reader, readMailto } from 'posthouse/text'

export type Destination =
  | { readonly kind: 'mail'; readonly to: AddressParts }
  | { readonly kind: 'post'; readonly url: URL }

const DELIMITER = /[ \t]*;[ \t]*/
const FIELD_NAME = /[A-Za-z0-9][A-Za-z0-9_.-]{0,31}/
const VALUE = /[^;]*/
const COMMA = /[ \t]*,[ \t]*/
const MAX_RECORD = 4096
const MAX_DESTINATIONS = 10

/** In the order of the record; empty: the domain wants none, or its record cannot be read. Schemes that we do not know are left out. */
export function readRecord(texts: readonly string[]): readonly Destination[] {
  const records = texts.filter(text => /^v=TLSRPTv1[ \t]*;/.test(text))
  const [record] = records
  // RFC 8460 §3: none or several are as good as none.
  if (record === undefined || records.length > 1 || record.length > MAX_RECORD) return []
  try {
    return readFields(new Reader(record))
  } catch (error) {
    if (error instanceof ReadError) return []
    throw error
  }
}

function readFields(input: Reader): readonly Destination[] {
  let destinations: readonly Destination[] = []
  input.need('v=TLSRPTv1', 'v=TLSRPTv1')
  while (!input.atEnd) {
    input.need(DELIMITER, 'a semicolon')
    if (input.atEnd) break
    const name = input.need(FIELD_NAME, 'the name of a field')
    input.need('=', 'an equals sign')
    const value = input.need(VALUE, 'a value').trimEnd()
    if (name === 'rua' && destinations.length === 0) destinations = readUris(value)
  }
  return destinations
}

function readUris(value: string): readonly Destination[] {
  return value
    .split(COMMA)
    .slice(0, MAX_DESTINATIONS)
    .flatMap(text => readUri(text.trim()) ?? [])
}

function readUri(text: string): Destination | undefined {
  const to = readMailto(text)
  if (to !== undefined) return { kind: 'mail', to }
  const url = URL.canParse(text) ? new URL(text) : undefined
  // A secret in a URL of somebody else is none of ours to send.
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined
  return { kind: 'post', url }
}
