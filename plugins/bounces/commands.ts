/** `posthouse bounce read`: what our reader makes of a mail, and how its words are classed. */
import { open } from 'node:fs/promises'
import { type Command, CommandError, type CommandRun } from 'posthouse/api'
import type { Classify } from './classed.js'
import { readBounce } from './reader/read.js'
import type { BounceReading, ComplaintReading, Reading } from './reader/reading.js'

export interface CommandDeps {
  readonly classify: Classify
}

const MAX_BYTES = 1024 * 1024

export function bounceCommands({ classify }: CommandDeps): readonly Command[] {
  return [
    {
      name: 'bounce read',
      summary: 'say what is understood of a mail that came back, and how it is classed',
      usage: 'FILE',
      arity: [1, 1],
      run: run => read(run, classify),
    },
  ]
}

/** 1: it is none. */
async function read(run: CommandRun, classify: Classify): Promise<number> {
  const [path = '-'] = run.args
  const mail = path === '-' ? Buffer.from(await run.stdin()) : await beginning(path)
  const reading = await classed(readBounce(mail), classify)
  if (run.json) run.print(JSON.stringify(reading, null, 2))
  else for (const line of inWords(reading)) run.print(line)
  return reading.kind === 'bounce' || reading.kind === 'complaint' ? 0 : 1
}

async function beginning(path: string): Promise<Buffer> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new CommandError(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
}

async function classed(reading: Reading, classify: Classify) {
  if (reading.kind !== 'bounce') return reading
  const recipients = await Promise.all(
    reading.recipients.map(async one => {
      const { class: klass, rule, says } = await classify(one)
      return { ...one, class: klass, ...(rule === undefined ? {} : { rule }), ...(says === undefined ? {} : { says }) }
    }),
  )
  return { ...reading, recipients }
}

type Classed = Awaited<ReturnType<typeof classed>>

function inWords(reading: Classed): readonly string[] {
  switch (reading.kind) {
    case 'bounce':
      return [
        `a bounce, by its ${FORMS[reading.form]}`,
        ...about(reading),
        ...reading.recipients.flatMap(recipientLines),
      ]
    case 'complaint': {
      const { feedback, recipients, sourceIp, reportedDomain } = reading
      return [
        `a complaint (${feedback})`,
        ...about(reading),
        ...recipients.map(one => `  recipient    ${one}`),
        ...optional('from address', sourceIp),
        ...optional('domain', reportedDomain),
      ]
    }
    case 'auto-reply':
    case 'receipt':
    case 'none':
      return [`no bounce: ${reading.why}`]
    case 'unclear':
      return [`perhaps a bounce, but ${reading.why}`, ...about(reading)]
  }
}

const FORMS = { report: 'report for programs', text: 'text for people', json: 'notification in JSON' } as const

function about({
  returned,
  envelopeId,
  reportingMta,
}: Partial<Pick<BounceReading | ComplaintReading, 'returned' | 'envelopeId' | 'reportingMta'>>) {
  return [
    ...optional('reported by', reportingMta),
    ...optional('envelope id', envelopeId),
    ...optional('message', returned?.messageId),
    ...optional('subject', returned?.subject),
  ]
}

function recipientLines(one: Extract<Classed, { kind: 'bounce' }>['recipients'][number]): readonly string[] {
  const rule = one.rule === undefined ? '' : ` (rule ${one.rule})`
  return [
    `${one.address}  ${one.action}  ${one.status ?? 'no status'}`,
    ...optional('written as', one.original),
    `  class        ${one.class}${rule}`,
    ...optional('said by', one.remoteMta),
    ...optional('said', one.diagnostic),
    ...(one.from === 'fields' ? [] : [`  found        ${FOUND[one.from]}`]),
  ]
}

const FOUND = {
  text: 'in the text for people',
  header: 'in a field of the header',
  returned: 'nowhere; it is whom the returned message was written to',
} as const

function optional(name: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [`  ${name.padEnd(13)}${value}`]
}
