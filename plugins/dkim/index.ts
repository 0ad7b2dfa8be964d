/**
 * Signs mail that goes out (DKIM, RFC 6376 and 8463): the hook `sign`, which sees the octets as they are sent. Keys are files that only we may
 * read; with none there is nothing to do, and nothing is done.
 */
import { join } from 'node:path'
import {
  type Answered,
  type Asked,
  type Call,
  definePlugin,
  MailError,
  type Metrics,
  type Notice,
  type SigningKey,
} from 'posthouse/api'
import { digestMessage } from 'posthouse/text'
import { authorOf, type Choice, choose } from './choose.js'
import { dkimCommands } from './commands.js'
import { Publications } from './published.js'
import { type HeldKey, KeyRing, type KeyTrouble, loadKeys, troubleOf } from './ring.js'
import { type Settings, schema, settingsOf } from './settings.js'
import { signatureField } from './signature.js'

export default definePlugin({
  name: 'dkim',
  summary: 'signs mail of our own that goes out (DKIM)',
  config: schema,
  supplies: ['signing-keys'],
  async setup({ config, fault, server, dns, state, clock, log, metrics, signal, purpose, services }) {
    const folder = join(server.dataDir, 'dkim')
    const settings = settingsOf(config, { folder, configDir: server.configDir, fault })
    const publications = new Publications({ dns, state, clock, log, signal })
    const load = () => loadKeys(settings, folder)
    const ringOf = (keys: Awaited<ReturnType<typeof load>>) =>
      new KeyRing(keys, { now: () => clock.now(), published: (name, loaded) => publications.has(name, loaded) })
    const keys = purpose === 'serve' ? await load() : []
    const troubles = keys.flatMap(held => troubleOf(held) ?? [])
    for (const trouble of troubles) log.error(trouble, 'signing key cannot be used')
    if (keys.some(({ entry }) => entry.active === 'published') && !dns.configured)
      log.warn({}, 'signing keys wait for the name service, and none is configured')
    const ring = ringOf(keys)
    const now = () => clock.now()
    const named = new Set(settings.rules.flatMap(({ selectors = [] }) => selectors))
    const usesOf = async (all: readonly HeldKey[]) => {
      const held = ringOf(all)
      return new Map(await Promise.all(all.map(async key => [key, await held.useOf(key, named)] as const)))
    }
    const commands = dkimCommands({ folder, server, dns, load, now, usesOf })
    const parts = { settings, ring, metrics, clock }
    return {
      commands,
      services: { 'signing-keys': ring },
      hooks: { sign: (asked, call) => signMail(asked, call, parts) },
      started() {
        if (troubles.length > 0) void services.find('notifier')?.tell(noticeOf(troubles, settings.missing))
      },
    }
  },
})

/** Mail waits for it, so a person is told and not the log alone. */
function noticeOf(troubles: readonly KeyTrouble[], missing: Settings['missing']): Notice {
  const lines = troubles.slice(0, 20).map(({ domain, selector, why }) => `  ${selector} of ${domain}: ${why}`)
  return {
    about: `dkim keys ${troubles.map(({ domain, selector }) => `${selector} ${domain}`).join(', ')}`.slice(0, 200),
    subject: 'Keys that mail is signed with cannot be used',
    text: `${[
      'These keys cannot be used:',
      ...lines,
      '',
      missing === 'defer'
        ? 'Mail that they should sign waits in the queue until they are right, or taken away.'
        : 'Mail that they should sign goes out unsigned.',
      'One that newer ones have replaced is not waited for; delete it.',
      'See them all by: posthouse dkim ls. A key that was mended is read at the next SIGHUP.',
    ].join('\n')}\n`,
  }
}

interface SignParts {
  readonly settings: Settings
  readonly ring: KeyRing
  readonly metrics: Metrics
  readonly clock: { now(): number }
}

/** Not a byte is read for mail that cannot be signed, and nobody waits. */
function signMail(asked: Asked['sign'], call: Call, parts: SignParts): Promise<Answered['sign']> | undefined {
  const { settings, ring } = parts
  const { rules, fallback } = settings
  const passedOn = asked.job.submitter === undefined && !rules.some(({ submitters }) => submitters.has('others'))
  const nothing = passedOn || (ring.empty && rules.length === 0 && fallback === undefined)
  return nothing ? undefined : signed(asked, call, parts)
}

async function signed({ job, chunks }: Asked['sign'], call: Call, parts: SignParts): Promise<Answered['sign']> {
  const { settings, ring, metrics, clock } = parts
  const { fields } = settings
  let choice: Choice | undefined
  const digest = await digestMessage(chunks(), header => {
    const from = header.fields.filter(({ name }) => name.toLowerCase() === 'from').map(({ raw }) => raw)
    choice = choose(authorOf(from), job.submitter, { settings, ring })
    return choice.kind === 'signed' ? [fields.body] : undefined
  })
  const keys = await keysFor(choice!, call, parts)
  metrics.count(keys.length === 0 ? 'dkim.unsigned' : 'dkim.signed')
  const now = clock.now()
  return Promise.all(keys.map(key => signatureField(digest, key, fields, now)))
}

/** Rejects when one is missing and mail shall wait for it. */
async function keysFor(
  choice: Choice,
  call: Call,
  { settings, ring, metrics }: SignParts,
): Promise<readonly SigningKey[]> {
  if (choice.kind === 'unsigned') {
    call.log.debug({ why: choice.why }, 'not signed')
    return []
  }
  const { domain, selectors } = choice
  try {
    const keys = selectors === undefined ? await ring.inUse(domain) : await ring.named(domain, selectors)
    if (keys.length === 0 && !ring.has(domain))
      throw new MailError('internal', `cannot sign: there is no key of ${domain}`)
    return keys
  } catch (error) {
    metrics.count('dkim.missing')
    if (settings.missing === 'defer') throw error
    call.log.warn({ err: error, domain }, 'mail goes out unsigned')
    return []
  }
}
