/**
 * Mail that nobody has sent: letters of `rules/models/invented`, written for this, in the dress of many programs. Sets of real mail lack receipts,
 * newsletters and letters of banks, so a model of them alone takes all of that for spam. Spam and ham wear the same dresses, so that the dress proves nothing.
 * The same letters and seed give the same mails.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Label } from './entry.js'

/** One text with its alternatives: `{this|that}`, and slots such as `{P}` for a name. */
export interface Letter {
  /** `receipt`. */
  readonly kind: string
  readonly language: string
  readonly label: Label
  /** Written by a person, not by a program: no buttons, pictures or footers. */
  readonly byHand: boolean
  readonly from: string
  readonly subject: string
  readonly lines: readonly string[]
}

export interface Invented {
  readonly letter: Letter
  readonly octets: Buffer
}

/** Letters begin with `== kind language`, and `by-hand` where a person writes, then `From:` and `Subject:`; a line that begins with `->` is a button. */
export function readLetters(text: string, label: Label): readonly Letter[] {
  return text
    .split(/^== /m)
    .filter(part => part.trim() !== '')
    .map(part => {
      const [head = '', from = '', subject = '', ...lines] = part.trimEnd().split('\n')
      const [kind = '', language = '', hand] = head.trim().split(' ')
      if (!from.startsWith('From: ') || !subject.startsWith('Subject: ') || language === '')
        throw new Error(`a letter that begins "${head}" has no language, From or Subject`)
      if (hand !== undefined && hand !== 'by-hand')
        throw new Error(`"${hand}" after the language of a letter that begins "${head}"; "by-hand" or nothing`)
      return {
        kind,
        language,
        label,
        byHand: hand !== undefined,
        from: from.slice(6),
        subject: subject.slice(9),
        lines,
      }
    })
}

/** Of all files of that label: `spam.txt`, `spam-english.txt`. */
export async function inventedLetters(folder: string, label: Label): Promise<readonly Letter[]> {
  const names = (await readdir(folder)).filter(name => name.startsWith(label) && name.endsWith('.txt')).sort()
  const texts = await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')))
  return texts.flatMap(text => readLetters(text, label))
}

/** So many of each letter. */
export function inventMails(letters: readonly Letter[], each: number): readonly Invented[] {
  return letters.flatMap((letter, at) =>
    Array.from({ length: each }, (_, n) => ({ letter, octets: new Dresser(letter, at * 1000 + n).mail() })),
  )
}

const PERSONS = (
  'Anna Ben Carla David Elena Frank Grace Hugo Ines Jonas Karen Luis Maria Nadia Oscar Paula Quinn Rosa Stefan Tina Umar Vera Walter Yara Zoe Miller ' +
  'Keller Moreau Rossi Silva Jansen Nowak Ivanova Larsson Yilmaz Tanaka Chen Okafor Haddad Novak Murphy Dubois Garcia Weber'
).split(' ')
const CITIES =
  'Leeds Bremen Lyon Valencia Torino Porto Utrecht Gdansk Perm Uppsala Izmir Sapporo Ningbo Denver Halifax Lagos'.split(
    ' ',
  )
const BRANDS =
  'Paymore Shoplane Streamly Bankora Mailix Cloudora Phonica Parcelo Walleto Netpay Docuvia Techno Megamart Cardia'.split(
    ' ',
  )
const WORDS =
  'blue river stone north cedar light swift maple silver urban happy clear grand solar pixel ocean garden honest metro prime'.split(
    ' ',
  )
const ENDINGS = {
  ham: 'com com com com com org org net co.uk de fr es it nl io com.br pl eu shop ca'.split(' '),
  spam: 'com com com com net org info xyz top online site shop click ru com.br co.in eu store us me'.split(' '),
} as const
const FREE =
  'gmail.com gmail.com yahoo.com outlook.com hotmail.com gmx.net web.de orange.fr libero.it mail.ru aol.com icloud.com'.split(
    ' ',
  )
const BULK = /newsletter|infolettre|boletin|cart|event|social|pharmacy|weight|replica|insurance|gambling|adult|prize/

/** One mail. Chance comes of its seed alone. */
class Dresser {
  readonly #letter: Letter
  readonly #isHam: boolean
  readonly #domain: string
  #state: number

  constructor(letter: Letter, seed: number) {
    this.#letter = letter
    this.#state = Math.imul(seed + 1, 0x9e3779b1) ^ (letter.label === 'ham' ? 0 : 0x5bd1e995)
    this.#isHam = letter.label === 'ham'
    this.#domain = this.#newDomain()
  }

  mail(): Buffer {
    const { from, subject, lines } = this.#letter
    const name = this.#fill(from)
    const text = lines.map(line => this.#fill(line))
    const type = this.#letter.byHand
      ? this.#chance(0.6)
        ? 'plain'
        : 'both'
      : this.#chance(0.15)
        ? 'plain'
        : this.#chance(0.6)
          ? 'both'
          : 'html'
    const plain = this.#plain(text)
    const page = type === 'plain' ? '' : this.#page(text)
    const fields = this.#fields(name, this.#fill(subject))
    return Buffer.from(`${fields.join('\r\n')}\r\n${this.#body(type, plain, page)}`)
  }

  #fields(name: string, subject: string): readonly string[] {
    const address = this.#address(name)
    const quoted = this.#chance(0.5) ? `"${name}"` : /^[\w .]+$/.test(name) ? name : word(name)
    const fields = [
      `From: ${/^[\x20-\x7e]*$/.test(name) ? quoted : word(name)} <${address}>`,
      `To: ${this.#chance(0.4) ? `"${this.#one(PERSONS)}" <user@example.org>` : this.#chance(0.5) ? '<user@example.org>' : 'user@example.org'}`,
      `Subject: ${word(subject)}`,
      'Date: Tue, 14 May 2024 10:12:14 +0000',
      `Message-ID: <${this.#code(16)}@${this.#chance(0.6) ? address.slice(address.indexOf('@') + 1) : this.#newDomain()}>`,
      'MIME-Version: 1.0',
    ]
    const answersElsewhere = this.#isHam ? 0.05 : /fee|loan|short|bec|factory/.test(this.#letter.kind) ? 0.5 : 0.12
    if (this.#chance(answersElsewhere)) fields.push(`Reply-To: ${this.#code(8)}@${this.#one(FREE)}`)
    else if (this.#chance(0.15)) fields.push(`Reply-To: ${address}`)
    if (BULK.test(this.#letter.kind) && this.#chance(this.#isHam ? 0.7 : 0.4))
      fields.push(`List-Unsubscribe: <https://${this.#host()}/u/${this.#code(20)}>`)
    if (this.#letter.kind === 'reply' || subject.startsWith('Re:'))
      fields.push(`In-Reply-To: <${this.#code(12)}@example.org>`)
    return this.#chance(0.5) ? fields : [...fields.slice(3), ...fields.slice(0, 3)]
  }

  #address(name: string): string {
    const slug = name
      .toLowerCase()
      .replace(/[^a-z]+/g, '.')
      .replace(/^\.+|\.+$/g, '')
    if (this.#letter.byHand) return `${slug || this.#code(6)}@${this.#chance(0.6) ? this.#one(FREE) : this.#domain}`
    const local = this.#one([
      'info',
      'noreply',
      'no-reply',
      'news',
      'hello',
      'service',
      'support',
      'mail',
      'orders',
      'notifications',
    ])
    if (!this.#isHam && this.#chance(0.15)) return `${this.#code(9)}@${this.#one(FREE)}`
    return `${local}@${this.#chance(0.3) ? `${this.#one(['mail', 'em', 'news', 'e'])}.` : ''}${this.#domain}`
  }

  #plain(text: readonly string[]): string {
    return text.map(line => (line.startsWith('->') ? `${line.slice(2).trim()}: ${this.#link()}` : line)).join('\n\n')
  }

  #page(text: readonly string[]): string {
    const isRich = !this.#letter.byHand && this.#chance(0.75)
    const lines = text.map(line => {
      if (!line.startsWith('->'))
        return `<p>${escaped(line).replace(/https?:\S+/g, url => `<a href="${url}">${url}</a>`)}</p>`
      const style = isRich
        ? ' style="background:#06c;color:#fff;padding:12px 24px;border-radius:4px;text-decoration:none"'
        : ''
      return `<p><a href="${this.#link()}"${style}>${escaped(line.slice(2).trim())}</a></p>`
    })
    if (!isRich) return `<html><body><div>${lines.join('\n')}</div></body></html>`
    const before = this.#chance(0.5)
      ? `<div style="display:none;max-height:0">${lines[0]!.replace(/<[^>]+>/g, '').slice(0, 90)}</div>`
      : ''
    const logo = this.#chance(0.8)
      ? `<img src="https://${this.#host()}/logo.png" width="160" height="40" alt="${escaped(this.#fill(this.#letter.from))}">`
      : ''
    const pixel = this.#chance(0.5)
      ? `<img src="https://${this.#host()}/o/${this.#code(24)}.gif" width="1" height="1" alt="">`
      : ''
    const social = this.#chance(0.3)
      ? `<a href="${this.#link()}"><img src="https://${this.#host()}/f.png" alt=""></a> <a href="${this.#link()}"><img src="https://${this.#host()}/t.png" alt=""></a>`
      : ''
    return (
      `<!DOCTYPE html><html><head><meta charset="utf-8"><style>body{font-family:Arial,sans-serif;color:#333}</style></head><body bgcolor="#f4f4f4">${before}` +
      `<table width="100%" cellpadding="0"><tr><td align="center"><table width="600" bgcolor="#ffffff"><tr><td>${logo}</td></tr><tr><td>${lines.join('\n')}</td></tr>` +
      `<tr><td style="font-size:11px;color:#999">${social} &copy; 2024</td></tr></table></td></tr></table>${pixel}</body></html>`
    )
  }

  #body(type: 'plain' | 'both' | 'html', plain: string, page: string): string {
    if (type === 'plain') return this.#part('text/plain', plain)
    if (type === 'html') return this.#part('text/html', page)
    const mark = `=_${this.#code(20)}`
    const parts = [this.#part('text/plain', plain), this.#part('text/html', page)]
    return `Content-Type: multipart/alternative; boundary="${mark}"\r\n\r\n${parts.map(part => `--${mark}\r\n${part}\r\n`).join('')}--${mark}--\r\n`
  }

  #part(type: string, text: string): string {
    const head = `Content-Type: ${type}; charset=${this.#chance(0.5) ? 'utf-8' : '"UTF-8"'}`
    if (this.#chance(0.3)) {
      const coded = Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\r\n')
      return `${head}\r\nContent-Transfer-Encoding: base64\r\n\r\n${coded}\r\n`
    }
    if (this.#chance(0.6))
      return `${head}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${quotedPrintable(text)}\r\n`
    return `${head}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${text.replace(/\n/g, '\r\n')}\r\n`
  }

  #link(): string {
    if (this.#isHam) {
      const host = this.#chance(0.7)
        ? this.#host()
        : `u${this.#number(5)}.ct.${this.#one(['mailwing', 'postfleet', 'sendlark'])}.net`
      return `https://${host}/${this.#chance(0.5) ? `ls/click?upn=${this.#code(40)}` : `${this.#one(['account', 'orders', 'p', 'view'])}/${this.#code(8)}`}`
    }
    const scheme = this.#chance(0.75) ? 'https' : 'http'
    const host = this.#chance(0.2) ? this.#host() : this.#chance(0.3) ? `${this.#code(4)}.ly` : this.#newDomain()
    const path = this.#one([
      this.#code(7),
      `${this.#code(5)}/${this.#code(30)}`,
      'wp-content/login.php',
      `index.php?e=${this.#code(12)}`,
      `#${this.#code(14)}`,
      '',
    ])
    return `${scheme}://${host}/${path}`
  }

  #host(): string {
    return `${this.#one(['www', 'links', 'click', 'app', 'my'])}.${this.#domain}`
  }

  #newDomain(): string {
    const name =
      this.#one(WORDS) +
      (this.#chance(0.3) ? '-' : '') +
      this.#one(WORDS) +
      (this.#chance(this.#isHam ? 0.05 : 0.2) ? this.#number(2) : '')
    return `${name}.${this.#one(ENDINGS[this.#letter.label])}`
  }

  #fill(text: string): string {
    let filled = text
    for (let round = 0; round < 12 && filled.includes('{'); round++) {
      filled = filled.replace(/\{([^{}]*)\}/g, (_, inner: string) => this.#slot(inner))
    }
    return filled
  }

  #slot(name: string): string {
    switch (name) {
      case 'P':
        return this.#one(PERSONS)
      case 'C':
        return this.#one(CITIES)
      case 'BRAND':
        return this.#one(BRANDS)
      case 'N':
        return this.#number(3 + this.#next(5))
      case 'M':
        return this.#chance(0.5)
          ? `${1 + this.#next(400)}.${this.#number(2)}`
          : `${1 + this.#next(90)}${this.#one(['', '0', '00', ',000', ',500'])}`
      case 'D':
        return this.#one([
          `${1 + this.#next(28)} May 2024`,
          `${1 + this.#next(28)}.5.2024`,
          'Monday',
          `2024-05-${10 + this.#next(18)}`,
        ])
      case 'T':
        return `${8 + this.#next(11)}:${this.#one(['00', '15', '30'])}`
      case 'U':
        return `${this.#one(WORDS)}${this.#number(2)}`
      case 'E':
        return 'user@example.org'
      case 'H':
        return 'example.org'
      case 'L':
        return this.#link()
      default:
        return this.#one(name.split('|'))
    }
  }

  #one<T>(of: readonly T[]): T {
    return of[this.#next(of.length)]!
  }

  #chance(of: number): boolean {
    return this.#next(1000) < of * 1000
  }

  #number(digits: number): string {
    return Array.from({ length: digits }, (_, at) => (at === 0 ? 1 + this.#next(9) : this.#next(10))).join('')
  }

  #code(length: number): string {
    return Array.from({ length }, () => 'abcdefghijklmnopqrstuvwxyz0123456789'[this.#next(36)]).join('')
  }

  #next(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) | 0
    return (this.#state >>> 9) % below
  }
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}

function word(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`
}

function quotedPrintable(text: string): string {
  const lines = text.split('\n').map(line => {
    const coded = [...Buffer.from(line)].map(octet =>
      (octet >= 33 && octet <= 126 && octet !== 61) || octet === 32
        ? String.fromCharCode(octet)
        : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    let [out, width] = ['', 0]
    for (const piece of coded) {
      if (width + piece.length > 72) {
        out += '=\r\n'
        width = 0
      }
      out += piece
      width += piece.length
    }
    return out
  })
  return lines.join('\r\n')
}
