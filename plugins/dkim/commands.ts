/** `posthouse dkim …`: making keys, seeing which there are, and whether the name service shows them. */
import { type Command, CommandError, type CommandRun, type Resolver, type ServerFacts } from 'posthouse/api'
import { printable, toAsciiDomain, writeDkimRecord } from 'posthouse/text'
import { type KeyType, makeKey, putKey } from './keygen.js'
import { ask, recordName, type Shown } from './published.js'
import { txtStrings, zoneLine } from './records.js'
import type { HeldKey, KeyUse } from './ring.js'
import { keyPath, SELECTOR_FORM } from './settings.js'

export interface CommandParts {
  /** Where keys are put. */
  readonly folder: string
  readonly server: Pick<ServerFacts, 'dataDir' | 'domains'>
  readonly dns: Pick<Resolver, 'txt' | 'configured'>
  readonly load: () => Promise<readonly HeldKey[]>
  readonly usesOf: (all: readonly HeldKey[]) => Promise<ReadonlyMap<HeldKey, KeyUse>>
  readonly now: () => number
}

export function dkimCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'dkim keygen',
      summary: 'make a key to sign mail with, and print the record to publish',
      arity: [0, 0],
      options: {
        domain: { type: 'string', value: 'DOMAIN', description: 'the domain that signs; left out: our only one' },
        selector: {
          type: 'string',
          value: 'NAME',
          description: 'its record is NAME._domainkey.DOMAIN; left out: by month and type',
        },
        type: {
          type: 'string',
          value: 'rsa|ed25519',
          description: 'kind of key; default rsa, which everybody can check',
        },
        bits: { type: 'string', value: 'BITS', description: 'of an RSA key: 2048 (default), 3072 or 4096' },
      },
      run: run => keygen(run, parts),
    },
    {
      name: 'dkim ls',
      summary: 'list the keys, and which of them mail is signed with',
      arity: [0, 0],
      run: run => list(run, parts),
    },
    {
      name: 'dkim check',
      summary: 'ask the name service whether the records of our keys are right',
      usage: '[DOMAIN]',
      arity: [0, 1],
      run: run => check(run, parts),
    },
  ]
}

async function keygen(run: CommandRun, { folder, server, now }: CommandParts): Promise<void> {
  const type = typeOf(run.options.type)
  const bits = bitsOf(run.options.bits, type)
  const domain = domainOf(run.options.domain, server)
  const selector = selectorOf(run.options.selector, type, now())
  const path = keyPath(folder, domain, selector)
  const key = await makeKey(type, bits)
  if (!(await putKey(path, key, server.dataDir)))
    throw new CommandError(`${path} is there already; a new key wants another name: --selector`)
  const name = recordName({ domain, selector })
  const value = writeDkimRecord(key)
  const zone = zoneLine(name, value)
  if (run.json)
    return run.print(
      JSON.stringify({ domain, selector, type, path, name, value, strings: txtStrings(value), zone }, null, 2),
    )
  run.print(`The private key is in ${path}; keep it to yourself.`)
  run.print('')
  run.print('Publish this record. In a form:')
  run.print(`  name:  ${name}`)
  run.print('  type:  TXT')
  run.print(`  value: ${value}`)
  run.print('')
  run.print('In a zone file:')
  run.print(zone)
  run.print('')
  run.print(`See whether it is there: posthouse dkim check ${domain}`)
  run.print('A running server knows the key after a reload (SIGHUP), and signs with it once the record can be seen.')
}

function typeOf(given: unknown): KeyType {
  if (given === undefined || given === 'rsa') return 'rsa'
  if (given === 'ed25519') return given
  throw new CommandError(`--type: expected rsa or ed25519, got ${printable(String(given), 50)}`, 2)
}

function bitsOf(given: unknown, type: KeyType): number {
  if (given === undefined) return 2048
  if (type !== 'rsa') throw new CommandError('--bits is for RSA keys', 2)
  const bits = Number(given)
  // RFC 8301 §3.2: at least 1024, rather 2048; above 4096 verifiers need not follow.
  if (![2048, 3072, 4096].includes(bits)) throw new CommandError('--bits: expected 2048, 3072 or 4096', 2)
  return bits
}

function domainOf(given: unknown, { domains }: Pick<ServerFacts, 'domains'>): string {
  const [only, another] = domains
  if (given === undefined && (only === undefined || another !== undefined))
    throw new CommandError(`--domain: say which; ours are ${[...domains].join(', ')}`, 2)
  const domain = toAsciiDomain(String(given ?? only))
  if (domain === undefined) throw new CommandError(`--domain: ${printable(String(given), 100)} is no domain`, 2)
  return domain
}

/** `202611r`: two keys of one month and type want a name from the admin. */
function selectorOf(given: unknown, type: KeyType, now: number): string {
  const month = new Date(now).toISOString().slice(0, 7).replace('-', '')
  const selector = given === undefined ? `${month}${type === 'rsa' ? 'r' : 'e'}` : String(given).toLowerCase()
  if (!SELECTOR_FORM.test(selector))
    throw new CommandError('--selector: expected letters, digits and hyphens, such as s1 or 2026-11', 2)
  return selector
}

async function list(run: CommandRun, { load, usesOf }: CommandParts): Promise<void> {
  const rows = []
  for (const [held, use] of await usesOf(await load())) {
    const { entry, read } = held
    rows.push({
      domain: entry.domain,
      selector: entry.selector,
      type: typeAndBits(held),
      use,
      file: entry.file,
      ...(read.kind === 'trouble' ? { why: read.why } : {}),
      ...(typeof entry.active === 'number' ? { from: day(entry.active) } : {}),
      ...(entry.until === undefined ? {} : { until: day(entry.until) }),
    })
  }
  if (run.json) return run.print(JSON.stringify(rows, null, 2))
  for (const { domain, selector, type, use, file, why, from, until } of rows) {
    const times = `${from === undefined ? '' : `  from ${from}`}${until === undefined ? '' : `  until ${until}`}`
    run.print(`${domain}  ${selector}  ${type}  ${use}${times}  ${file}${why === undefined ? '' : `  ${why}`}`)
  }
  if (rows.length === 0) run.print('there are no keys; make one: posthouse dkim keygen --domain DOMAIN')
}

function typeAndBits({ read }: HeldKey): string {
  if (read.kind === 'trouble') return 'unknown'
  const { bits } = read.loaded
  return bits === undefined ? 'ed25519' : `rsa ${bits}`
}

function day(at: number): string {
  return new Date(at).toISOString()
}

interface Row {
  readonly name: string
  readonly use: KeyUse
  /** Left out: nobody was asked. */
  readonly right?: boolean
  readonly says: string
  readonly advice?: string
}

async function check(run: CommandRun, { load, usesOf, dns }: CommandParts): Promise<number> {
  const wanted = run.args[0] === undefined ? undefined : toAsciiDomain(run.args[0])
  if (run.args[0] !== undefined && wanted === undefined)
    throw new CommandError(`${printable(run.args[0], 100)} is no domain`, 2)
  const keys = (await load()).filter(({ entry }) => wanted === undefined || entry.domain === wanted)
  if (keys.length === 0) throw new CommandError(`there is no key${wanted === undefined ? '' : ` of ${wanted}`}`)
  const rows: Row[] = []
  for (const [{ entry, read }, use] of await usesOf(keys)) {
    const name = recordName(entry)
    if (use === 'replaced' || use === 'retired') {
      // Its record may be there for mail under way, or gone by now: both are right.
      rows.push({ name, use, says: `${use}, and signs nothing any more` })
      continue
    }
    const shown: Shown =
      read.kind === 'key'
        ? await ask(dns, entry, read.loaded)
        : { kind: 'unknown', why: `our own key cannot be used: ${read.why}` }
    rows.push({ name, use, ...verdictOf(shown), ...adviceOf(read) })
  }
  if (run.json) run.print(JSON.stringify(rows, null, 2))
  else
    for (const { name, right, says, advice } of rows) {
      run.print(`${name}: ${right === undefined ? 'not asked for' : right ? 'right' : 'WRONG'}: ${says}`)
      if (advice !== undefined) run.print(`  ${advice}`)
    }
  return rows.every(({ right }) => right !== false) ? 0 : 1
}

function verdictOf(shown: Shown): { readonly right: boolean; readonly says: string } {
  if (shown.kind !== 'right') return { right: false, says: shown.why }
  const testing = shown.testing ? '; it says that it is only a test (t=y), take that out' : ''
  return { right: true, says: `the record belongs to our key${testing}` }
}

/** RFC 8301 §3.2 */
function adviceOf(read: HeldKey['read']): { readonly advice?: string } {
  const short = read.kind === 'key' && read.loaded.bits !== undefined && read.loaded.bits < 2048
  return short ? { advice: `the key has only ${read.loaded.bits} bits; make a longer one` } : {}
}
