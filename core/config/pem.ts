/**
 * Are certificate and key what TLS can work with? Asked when the configuration is read, so that `check` and a reload name the key in
 * server.yaml instead of OpenSSL's opinion. What we may not read is left to those who may: commands need not be able to.
 */
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

export interface PemTrouble {
  readonly key: 'certificate' | 'key'
  readonly message: string
}

export function pemTrouble(certificatePath: string, keyPath: string): PemTrouble | undefined {
  const cert = readable(certificatePath)
  const key = readable(keyPath)
  if (cert === undefined || key === undefined) return undefined
  if (!fits({ cert })) return { key: 'certificate', message: 'expected a file with a certificate in PEM form' }
  if (!fits({ key }))
    return { key: 'key', message: 'expected a file with a private key in PEM form, without passphrase' }
  return fits({ cert, key }) ? undefined : { key: 'key', message: 'this is not the key of that certificate' }
}

function readable(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

function fits(pair: { readonly cert?: Buffer; readonly key?: Buffer }): boolean {
  try {
    createSecureContext(pair)
    return true
  } catch {
    return false
  }
}
