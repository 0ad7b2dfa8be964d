/**
 * Mail as it lies in mailboxes: threads of several people, subjects with and without Re:, plain text, quoted-printable and multipart, words as unevenly
 * frequent as in a language. The same message for the same number, on every run and for every server. Pure.
 */
import { random } from '../../lib/random.js'

/** Different bodies; heads are all different. */
const BODIES = 64
const PEOPLE = 500
/** Messages of one thread lie this far apart, so that those of many threads are mixed. */
const THREADS_AT_ONCE = 40
const THREAD_LENGTH = 6
const FIRST_DAY = Date.UTC(2024, 0, 1)
const SYLLABLES =
  'ba be bi bo da de di do fa fe ka ke ki ko la le li lo ma me mi mo na ne no ra re ri ro sa se si so ta te ti to va ve'.split(
    ' ',
  )
const VOCABULARY = 4000

/** In every thirtieth body; in one message; in none. */
export const FREQUENT = 'bekomadi'
export const rareWord = (n: number): string => `token${n}x`
export const ABSENT = 'zzyzzxword'

const WORDS = words()

export interface Mail {
  readonly bytes: Buffer
  readonly date: number
}

/** The message with this number, about so large: 1 KB at least. */
export class Mails {
  readonly #bodies: readonly string[]

  constructor(size = 2048) {
    this.#bodies = Array.from({ length: BODIES }, (_, seed) => bodyOf(seed + 1, Math.max(200, size - 600)))
  }

  mail(n: number): Mail {
    const date = FIRST_DAY + n * 61_000
    return { bytes: Buffer.from(`${headOf(n, date)}${this.#bodies[n % BODIES]}${rareWord(n)}\r\n`, 'latin1'), date }
  }
}

function headOf(n: number, date: number): string {
  const { thread, place } = threadOf(n)
  const next = random(n + 1)
  const from = Math.floor(next() * PEOPLE)
  const to = Math.floor(next() * PEOPLE)
  const subject = subjectOf(thread)
  const before = Array.from({ length: place }, (_, at) => idOf(numberIn(thread, at)))
  const threading =
    place === 0 ? '' : `In-Reply-To: ${before.at(-1)}\r\nReferences: ${before.slice(-4).join('\r\n ')}\r\n`
  return `Return-Path: <person${from}@people.test>\r
Received: from mail.people.test (mail.people.test [192.0.2.${n % 250}]) by mx.bench.test with ESMTP id q${n}; ${dateText(date)}\r
Date: ${dateText(date)}\r
From: ${nameOf(from)} <person${from}@people.test>\r
To: ${nameOf(to)} <person${to}@bench.test>\r
${n % 4 === 0 ? `Cc: <person${(to + 1) % PEOPLE}@bench.test>, person${(to + 2) % PEOPLE}@bench.test\r\n` : ''}Message-ID: ${idOf(n)}\r
${threading}Subject: ${place === 0 ? '' : 'Re: '}${subject}\r
`
}

/** Threads go on side by side. */
function threadOf(n: number): { readonly thread: number; readonly place: number } {
  const block = THREADS_AT_ONCE * THREAD_LENGTH
  const within = n % block
  return {
    thread: Math.floor(n / block) * THREADS_AT_ONCE + (within % THREADS_AT_ONCE),
    place: Math.floor(within / THREADS_AT_ONCE),
  }
}

function numberIn(thread: number, place: number): number {
  const block = THREADS_AT_ONCE * THREAD_LENGTH
  return Math.floor(thread / THREADS_AT_ONCE) * block + place * THREADS_AT_ONCE + (thread % THREADS_AT_ONCE)
}

function idOf(n: number): string {
  return `<${n}.${(n * 7919) % 99991}@people.test>`
}

function nameOf(person: number): string {
  return `"${WORDS[person]} ${WORDS[PEOPLE + ((person * 17) % 400)]}"`
}

function subjectOf(thread: number): string {
  const next = random(thread + 77)
  return Array.from({ length: 3 + Math.floor(next() * 4) }, () => word(next)).join(' ')
}

function dateText(date: number): string {
  return `${new Date(date).toUTCString().slice(0, -3)}+0000`
}

/** From the fields of MIME on; every fifth is multipart, every fifth in quoted-printable. */
function bodyOf(seed: number, size: number): string {
  const next = random(seed * 31)
  const text = textOf(next, size, seed % 30 === 0)
  const mime = 'MIME-Version: 1.0\r\n'
  if (seed % 5 === 0) {
    const part = (type: string, body: string) =>
      `--b${seed}\r\nContent-Type: text/${type}; charset=utf-8\r\n\r\n${body}\r\n`
    const half = textOf(next, size / 2, seed % 30 === 0)
    return `${mime}Content-Type: multipart/alternative; boundary="b${seed}"\r\n\r\n${part('plain', half)}${part('html', `<html><body><p>${half}</p></body></html>`)}--b${seed}--\r\n`
  }
  if (seed % 5 === 1)
    return `${mime}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${text.replace(/ve/g, 'v=C3=A9')}`
  return `${mime}Content-Type: text/plain; charset=us-ascii\r\n\r\n${text}`
}

function textOf(next: () => number, size: number, frequent: boolean): string {
  const lines: string[] = frequent ? [`${FREQUENT}\r\n`] : []
  for (let left = size; left > 0; ) {
    let line = word(next)
    while (line.length < 64) line += ` ${word(next)}`
    lines.push(`${line}\r\n`)
    left -= line.length + 2
  }
  return lines.join('')
}

/** The first words are the frequent ones. */
function word(next: () => number): string {
  return WORDS[Math.floor(next() ** 3 * VOCABULARY)]!
}

function words(): string[] {
  const next = random(1)
  const found = new Set<string>()
  while (found.size < VOCABULARY) {
    const length = 2 + Math.floor(next() * 3)
    const made = Array.from({ length }, () => SYLLABLES[Math.floor(next() * SYLLABLES.length)]).join('')
    if (made !== FREQUENT) found.add(made)
  }
  return [...found]
}
