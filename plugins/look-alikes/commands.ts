/** `posthouse look-alikes check`: what is odd with a mail from a file, with a domain or with a display name. */
import { stat } from 'node:fs/promises'
import { type Command, CommandError, type CommandRun, type LookAlike, type Message, readMailFile } from 'posthouse/api'
import { printable, toAsciiDomain } from 'posthouse/text'
import type { Terms } from './config.js'
import { findingsFrom } from './findings.js'
import { oddHost } from './hosts.js'
import { judge, type World } from './judge.js'
import { trickOfName } from './names.js'

export interface CommandParts {
  readonly world: () => Promise<World>
  readonly terms: Terms
  readonly messageOf: (bytes: Buffer) => Message
}

/** Of links and addresses the domain is looked at. */
const LINK = /^https?:\/\/([^\s/?#]+)\S*$/i
const ADDRESS = /^[^\s@]+@([^\s@]+)$/

export function lookAlikeCommands(parts: CommandParts): readonly Command[] {
  return [
    {
      name: 'look-alikes check',
      summary: 'say what a mail, a domain, an address, a link or a display name may be mistaken for',
      usage: 'FILE|DOMAIN|ADDRESS|LINK|NAME',
      arity: [1, 1],
      run: run => check(run, parts),
    },
  ]
}

async function check(run: CommandRun, parts: CommandParts): Promise<void> {
  const [what = ''] = run.args
  const facts = await stat(what).catch(() => undefined)
  if (facts?.isFile()) return checkMail(run, parts, await readMailFile(what))
  const host = what.replace(LINK, '$1').replace(ADDRESS, '$1')
  if (/^\S*(?:\/\S*|\.eml)$/.test(host))
    throw new CommandError(`${printable(what, 255)} is no file that can be read`, 2)
  const world = await parts.world()
  const tricks = domainTricks(host, world) ?? [trickOfName({ name: what, local: '', domain: '' }, world) ?? []].flat()
  if (run.json) return run.print(JSON.stringify({ tricks }, null, 2))
  if (tricks.length === 0) run.print(`Nothing is odd with "${printable(what, 255)}".`)
  for (const { says } of tricks) run.print(`${says}.`)
}

/** Nothing: it is no domain, but a name as people have it. */
function domainTricks(written: string, { names }: World): readonly LookAlike[] | undefined {
  const host = /[\s@]/.test(written) || !written.includes('.') ? undefined : toAsciiDomain(written)
  if (host === undefined) return undefined
  const odd = oddHost(host, names, written)
  return odd === undefined ? [] : [{ place: 'from', shown: printable(host, 255), ...odd }]
}

async function checkMail(run: CommandRun, { world, terms, messageOf }: CommandParts, mail: Buffer): Promise<void> {
  const facts = await judge({ message: messageOf(mail), sender: undefined, auth: undefined }, await world())
  const findings = findingsFrom(facts, terms.points, false)
  if (run.json) return run.print(JSON.stringify({ ...facts, findings }, null, 2))
  if (findings.length === 0) run.print('Nothing is odd with its names.')
  for (const { name, points, says } of findings) run.print(`${points.toFixed(1).padStart(5)}  ${name}: ${says}`)
}
