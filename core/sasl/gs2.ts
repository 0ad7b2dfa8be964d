/**
 * The GS2 header (RFC 5801 §4, RFC 5802 §7) that opens the messages of SCRAM and OAUTHBEARER: what the client thinks of channel
 * binding, and whom it wants to act for.
 */
import { ReadError, type Reader } from '../text/index.js'

export interface Gs2Header {
  /** `n`: cannot bind. `y`: could, and thinks that we cannot. A name: binds with data of that type. */
  readonly flag: 'n' | 'y' | { readonly type: string }
  readonly actFor?: string
  /** As sent, with the comma at its end. */
  readonly text: string
}

const CB_NAME = /[A-Za-z0-9.-]{1,64}/
/** RFC 5802 §7: saslname, no NUL; `=` only as `=2C` and `=3D`. */
const SASLNAME = /(?:[^\0=,]|=2C|=3D){1,2048}/u

/** Throws `ReadError`. */
export function readGs2Header(input: Reader): Gs2Header {
  const whole = input.rest
  const flag = readFlag(input)
  input.need(',', 'a comma')
  const actFor = input.take('a=') === undefined ? undefined : readSaslName(input)
  input.need(',', 'a comma')
  const text = whole.slice(0, whole.length - input.rest.length)
  return { flag, ...(actFor !== undefined && { actFor }), text }
}

function readFlag(input: Reader): Gs2Header['flag'] {
  if (input.take('p=') !== undefined) return { type: input.need(CB_NAME, 'a type of channel binding') }
  return input.need(/[ny]/, 'n, y or p=') as 'n' | 'y'
}

export function readSaslName(input: Reader): string {
  const column = input.column
  const name = input.need(SASLNAME, 'a name').replaceAll('=2C', ',').replaceAll('=3D', '=')
  if (name.length > 1024) throw new ReadError(column, 'a name of at most 1024 characters')
  return name
}
