/**
 * A mail as an honest sender's is: text and HTML with links, a way over four hosts, signed, and sealed once by a list; and what the name service says
 * of all who are named in it. Of an exact size, give or take a line.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { SigningKey } from 'posthouse/api'
import { CLOSED_FIELDS, digestMessage, foldField, writeDkimRecord } from 'posthouse/text'
import { sealFields } from '../../plugins/arc/seal.js'
import { signatureField } from '../../plugins/dkim/signature.js'
import { Messages } from './message.js'

export const CLIENT = '192.0.2.25'
const LINKS = 20

/** Of all signers, and the same for mails of all sizes. */
let privateKey: KeyObject | undefined

export interface OriginMail {
  readonly octets: Buffer
  readonly records: Readonly<Record<string, readonly string[]>>
}

export async function originMail(size: number): Promise<OriginMail> {
  privateKey ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const secret = privateKey
  const keyOf = (domain: string): SigningKey => ({
    ...{ domain, selector: 's1', algorithm: 'rsa-sha256', signatureBytes: 256 },
    sign: async octets => sign('sha256', octets, secret),
  })
  const record = [writeDkimRecord(secret)]
  const signed = await withSignature(Buffer.from(plainMail(size)), keyOf('shop.example.com'))
  return {
    octets: await withSeal(signed, keyOf('lists.example.net')),
    records: {
      'TXT shop.example.com': ['v=spf1 include:_spf.example.org a:mx.shop.example.com -all', 'site-verification=1'],
      'TXT _spf.example.org': [`v=spf1 ip4:198.51.100.0/24 ip4:${CLIENT} -all`],
      'TXT mx.shop.example.com': ['v=spf1 a -all'],
      'A mx.shop.example.com': [CLIENT],
      'MX shop.example.com': ['mx.shop.example.com'],
      'PTR 25.2.0.192.in-addr.arpa': ['mx.shop.example.com'],
      'TXT _dmarc.example.com': ['v=DMARC1; p=reject; rua=mailto:dmarc@example.com'],
      'TXT s1._domainkey.shop.example.com': record,
      'TXT s1._domainkey.lists.example.net': record,
    },
  }
}

function plainMail(size: number): string {
  const links = Array.from({ length: LINKS }, (_, i) => `http://www${i % 7}.example${i % 5}.org/page/${i}`)
  const html = links.map(link => `<p>see <a href="${link}">${link.slice(7, 20)}</a></p>`).join('\r\n')
  const hops = [3, 2, 1].map(
    i =>
      `Received: from h${i}.example.com (h${i}.example.com [198.51.100.${i}])\r\n\tby h${i - 1}.example.com with ESMTPS id x${i};\r\n\tMon, 06 Jan 2025 09:30:0${i} +0000\r\n`,
  )
  const head = `${hops.join('')}From: "The Shop" <orders@shop.example.com>\r\nReply-To: help@shop.example.com\r\nTo: reader@bench.test\r\nSubject: your order\r\nDate: Mon, 06 Jan 2025 09:30:00 +0000\r\nMessage-ID: <1@shop.example.com>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b1\r\n\r\n`
  const parts = (text: string) =>
    `--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text}\r\n--b1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>${html}<p>${text}</p></body></html>\r\n--b1--\r\n`
  const room = Math.max(200, Math.floor((size - head.length - parts('').length - 2400) / 2))
  const words = new Messages(room + 400, 'origin').tail(0).toString('latin1')
  const text = words.slice(words.indexOf('\r\n\r\n') + 4, -3).slice(0, room)
  return head + parts(text)
}

async function withSignature(mail: Buffer, key: SigningKey): Promise<Buffer> {
  const digest = await digestMessage(whole(mail), () => ['relaxed'])
  const closed = new Set(CLOSED_FIELDS.map(name => name.toLowerCase()))
  const settings = { names: CLOSED_FIELDS, closed, header: 'relaxed', body: 'relaxed', timestamp: true } as const
  const { name, value } = await signatureField(digest, key, settings as never, Date.now())
  return Buffer.concat([Buffer.from(foldField(name, value)), mail])
}

async function withSeal(mail: Buffer, key: SigningKey): Promise<Buffer> {
  const digest = await digestMessage(whole(mail), () => ['relaxed'])
  const results = 'lists.example.net; spf=pass; dkim=pass; dmarc=pass header.from=shop.example.com'
  const fields = await sealFields({ digest, before: [], instance: 1, cv: 'none', results, key, now: Date.now() })
  return Buffer.concat([...fields.map(({ name, value }) => Buffer.from(foldField(name, value))), mail])
}

async function* whole(octets: Buffer) {
  yield octets
}
