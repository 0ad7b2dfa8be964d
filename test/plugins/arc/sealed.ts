/** Mail sealed by us with keys of a test, and mail that arrives with a chain. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { sealMessage } from 'mailauth/lib/arc/index.js'
import type { JobView, NewField, Resolver, SigningKey, Submitter } from '../../../core/api/index.js'
import { aMessage, anEnvelope, aSession, setUp } from '../../../core/testing/index.js'
import { foldField, scanHeader, writeDkimRecord } from '../../../core/text/index.js'
import arc from '../../../plugins/arc/index.js'

export const US = 'mail.example.test'
export const records = new Map<string, string>()

function aKey(selector: string, type: 'rsa' | 'ed25519' = 'rsa', domain = 'example.test') {
  const { privateKey } =
    type === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 1024 }) : generateKeyPairSync('ed25519')
  records.set(`${selector}._domainkey.${domain}`, writeDkimRecord(privateKey))
  const key: SigningKey = {
    ...{ domain, selector, algorithm: type === 'rsa' ? 'rsa-sha256' : 'ed25519-sha256', signatureBytes: 128 },
    sign: async octets =>
      type === 'rsa'
        ? sign('sha256', octets, privateKey)
        : sign(null, createHash('sha256').update(octets).digest(), privateKey),
  }
  return { key, pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() }
}

export const rsa = aKey('r1')
export const ed = aKey('e1', 'ed25519')
export const other = aKey('o1', 'rsa', 'first.test')

export const dns: Partial<Resolver> = {
  configured: true,
  txt: async name => (records.has(name) ? [records.get(name)!] : []),
}

interface Wish {
  readonly prefix?: string
  readonly keys?: readonly SigningKey[]
  readonly submitter?: Submitter
  readonly config?: object
  readonly dns?: Partial<Resolver>
  readonly tries?: number
}

export const MAIL = Buffer.from(
  'From: Alice <alice@first.test>\r\nTo:  list@example.test\r\nSubject: hello\r\n there\r\nDKIM-Signature: v=1; a=x\r\n\r\nHow  are you? \r\n\r\n',
)

/** The mail as it goes on. */
export async function sealed(mail: Buffer, wish: Wish = {}): Promise<Buffer> {
  const { prefix = '', keys = [rsa.key], submitter, config = {}, tries = 0 } = wish
  const made = await setUp(arc, {
    config,
    services: { 'signing-keys': { inUse: async () => keys } },
    dns: wish.dns ?? dns,
    server: { name: US },
  })
  const octets = Buffer.concat([Buffer.from(prefix), mail])
  const job = { id: 'x.1', prefix, recipients: [{ tries }], ...(submitter === undefined ? {} : { submitter }) }
  const chunks = async function* () {
    for (let at = 0; at < octets.length; at += 50) yield octets.subarray(at, at + 50)
  }
  const asked = { job: job as unknown as JobView, read: async () => octets, chunks }
  const fields = ((await made.hooks.sign!(asked, made.call)) ?? []) as NewField[]
  return Buffer.concat([...fields.map(({ name, value }) => Buffer.from(foldField(name, value))), octets])
}

/** What our hook says of a mail that arrives. */
export async function arrived(
  mail: Buffer,
  more: { readonly dns?: Partial<Resolver>; readonly trusted?: boolean } = {},
) {
  const made = await setUp(arc, {
    services: { 'signing-keys': { inUse: async () => [] } },
    dns: more.dns ?? dns,
    server: { name: US },
  })
  const { hooks, call } = made
  const session = aSession({ trusted: more.trusted ?? false })
  const message = aMessage(mail.toString('latin1').replaceAll('\r\n', '\n'))
  const verdict = { findings: [], sum: 0 }
  const answer = (await hooks.headers!({ session, envelope: anEnvelope(), message, verdict }, call)) as
    | NewField
    | undefined
  return answer?.value
}

export async function byMailauth(
  mail: Buffer,
  instance: number,
  cv: 'none' | 'pass' | 'fail' = 'none',
): Promise<Buffer> {
  const wish = {
    signingDomain: 'first.test',
    selector: 'o1',
    privateKey: other.pem,
    authResults: 'first.test; spf=pass',
    cv,
    i: instance,
    // Else it takes the time twice, and signs one second and writes the next where they differ.
    signTime: new Date(),
  }
  const fields = await sealMessage(mail, wish as never)
  return Buffer.concat([fields, mail])
}

export const field = (mail: Buffer, name: string) =>
  scanHeader(mail)
    .fields.filter(one => one.name === name)
    .map(({ raw }) => raw)
