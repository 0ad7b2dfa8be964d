/**
 * Asks the identity provider over HTTP: one answer in JSON, within a time and a size, and never by way of a redirect, which could lead
 * tokens and client secrets anywhere. Whatever is wrong with it is `ProviderDown`: nobody is refused for that.
 */
export interface Bounds {
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** The provider did not answer, or not as it should. `message` is for the log. */
export class ProviderDown extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'ProviderDown'
  }
}

/** For the log: what went wrong and why, without a stack, as nothing here is broken. */
export function troubleOf({ message, cause }: ProviderDown): { readonly why: string; readonly cause?: string } {
  return { why: `the provider ${message}`, ...(cause !== undefined && { cause: String(cause) }) }
}

export async function ask(
  url: string,
  init: Pick<RequestInit, 'method' | 'headers' | 'body'>,
  { timeoutMs, maxBytes }: Bounds,
): Promise<Readonly<Record<string, unknown>>> {
  // One time for all of it: a body that drips is late as well.
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await trying('does not answer', () => fetch(url, { ...init, redirect: 'manual', signal }))
  if (response.status !== 200) {
    await response.body?.cancel().catch(() => undefined)
    throw new ProviderDown(`answers ${response.status === 0 ? 'with a redirect' : response.status}`)
  }
  const text = await trying('breaks off', () => readBounded(response, maxBytes))
  return parse(text)
}

/** Only https, and http within this machine: tokens are passwords. */
export function isSafe(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
  return protocol === 'https:' || (protocol === 'http:' && loopback)
}

async function readBounded(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length
    if (size > maxBytes) throw new ProviderDown(`answers more than ${maxBytes} octets`)
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ProviderDown('does not answer in JSON', error)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ProviderDown('does not answer an object')
  return value as Readonly<Record<string, unknown>>
}

async function trying<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof ProviderDown ? error : new ProviderDown(what, error)
  }
}
