/** What changes in the header of a part when its encoding does. Pure; offsets count from the start of the header. */
import type { Field } from './header.js'

export interface ChangedField {
  readonly encoding: '7bit' | 'quoted-printable' | 'base64'
  /** The body is encoded, and was not before. */
  readonly encoded: boolean
}

export interface HeaderPart {
  /** Without its empty line. */
  readonly header: Buffer
  readonly fields: readonly Field[]
  /** Begins a message, and is no part of a multipart. */
  readonly isMessage: boolean
}

export interface HeaderEdit {
  readonly from: number
  readonly to: number
  readonly by: Buffer
}

/** The first Content-Transfer-Encoding is the one that counts, and stays the only one. */
export function changedHeader({ header, fields, isMessage }: HeaderPart, change: ChangedField): readonly HeaderEdit[] {
  const has = (name: string) => fields.some(field => field.name.toLowerCase() === name)
  const said = `Content-Transfer-Encoding: ${change.encoding}\r\n`
  const old = fields.filter(({ name }) => name.toLowerCase() === 'content-transfer-encoding')
  const edits = old.map(({ start, end }, at) => ({ from: start, to: end, by: Buffer.from(at === 0 ? said : '') }))
  const added = [
    ...(old.length > 0 ? [] : [said]),
    // RFC 1428 §3: text from before MIME, in nobody knows which charset.
    ...(isMessage && change.encoded && !has('content-type')
      ? ['Content-Type: text/plain; charset=unknown-8bit\r\n']
      : []),
    // RFC 2045 §4: without it the encoding says nothing.
    ...(isMessage && !has('mime-version') ? ['MIME-Version: 1.0\r\n'] : []),
  ].join('')
  return added === '' ? edits : [...edits, { from: header.length, to: header.length, by: Buffer.from(added) }]
}
