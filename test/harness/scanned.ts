/** Every door with TLS of a server under test, as sslscan and testssl.sh name the ways to it; with a certificate for RSA and one for ECDSA. */
import { join } from 'node:path'
import { CONTENT, Instance, type Ports } from './instance.js'
import { runProgram } from './programs.js'

export interface ScannedDoor {
  readonly port: keyof Ports
  /** Left out: TLS from the first octet. */
  readonly starttls?: 'smtp' | 'pop3' | 'imap'
}

export const DOORS: readonly ScannedDoor[] = [
  { port: 'mx', starttls: 'smtp' },
  { port: 'submission', starttls: 'smtp' },
  { port: 'submissions' },
  { port: 'pop3', starttls: 'pop3' },
  { port: 'pop3s' },
  { port: 'imap', starttls: 'imap' },
  { port: 'imaps' },
]

/** Shown to who asks for no name; 2048 bits, a year. */
export const RSA_NAME = 'rsa.example.test'
export const ECDSA_NAME = 'ecdsa.example.test'

/** `openssl` must be there. */
export async function startScanned(): Promise<Instance> {
  const server = await Instance.make({
    without: CONTENT,
    server: {
      tls: {
        certificate: 'rsa.pem',
        key: 'rsa.key',
        certificates: [{ certificate: 'ecdsa.pem', key: 'ecdsa.key' }],
      },
    },
  })
  const kinds = [
    ['rsa', ['-newkey', 'rsa:2048'], RSA_NAME],
    ['ecdsa', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], ECDSA_NAME],
  ] as const
  for (const [file, key, name] of kinds) {
    const [out, keyOut] = [join(server.configDir, `${file}.pem`), join(server.configDir, `${file}.key`)]
    const more = ['-nodes', '-sha256', '-days', '365', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
    const made = await runProgram('openssl', ['req', '-x509', ...key, ...more, '-out', out, '-keyout', keyOut])
    if (made.code !== 0) throw new Error(made.stderr)
  }
  await server.start()
  return server
}
