/** The list of fingerprints: YAML of the admin, `fingerprint:` and `login:` per entry, as `openssl x509 -fingerprint -sha256` prints them. */
import type { Fault, Files } from 'posthouse/api'

const FILE = {
  type: 'array',
  description: 'certificates and whose they are',
  items: {
    type: 'object',
    additionalProperties: false,
    required: ['fingerprint', 'login'],
    properties: {
      fingerprint: {
        type: 'string',
        pattern: '^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$',
        description: 'SHA-256 of the certificate: 64 hexadecimal digits, with or without colons',
      },
      login: { type: 'string', minLength: 1, description: 'the account it logs in' },
      note: { type: 'string', description: 'for people' },
    },
  },
} as const

export interface Fingerprints {
  /** Logins by fingerprint in lower case, without colons. */
  readonly logins: ReadonlyMap<string, string>
  readonly faults: readonly Fault[]
}

export async function readFingerprints(files: Files, name: string): Promise<Fingerprints> {
  const file = await files.yaml(name, FILE, { optional: true, large: true })
  const faults = [...file.faults]
  const logins = new Map<string, string>()
  for (const [at, { fingerprint, login }] of (file.value ?? []).entries()) {
    const key = fingerprint.replaceAll(':', '').toLowerCase()
    const before = logins.get(key)
    if (before !== undefined) faults.push(file.fault([at, 'fingerprint'], `stands there already, for ${before}`))
    logins.set(key, login)
  }
  return { logins, faults }
}
