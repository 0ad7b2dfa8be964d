/** What is odd with one host: what it is to be taken for, and by which trick. The strongest only. No look-ups; pure but for the table it is given. */

import { isIP } from 'node:net'
import { domainToUnicode } from 'node:url'
import type { Trick } from 'posthouse/api'
import { organisationOf, printable } from 'posthouse/text'
import { lookOf, skeletonOf } from './confusables.js'
import { chosenLabel, type Owner, type ProtectedName, type ProtectedNames } from './protected.js'
import { restrictionOf, scriptsIn, scriptsOf } from './scripts.js'

export interface OddHost {
  readonly trick: Trick
  readonly like?: string
  readonly whose?: string
  readonly says: string
}

const ASCII = /^[\x00-\x7f]*$/
/** Where Cyrillic names are at home, so that one that could be read as Latin is nothing special. */
const CYRILLIC_ENDINGS: ReadonlySet<string> = new Set('ru su ua by bg kz kg mk mn rs uz tj'.split(' '))
/** Of names with so few letters every other one is somebody's. */
const LEAST_FOR_ENDINGS = 6
const MOST_LABELS = 12
/** RFC 2606 §2: how people keep robots from their address (me@home.example.invalid). */
const UNREAL = /\.invalid$/

/** `host` in A-labels; `written`: as it stands in the message, where case tells (paypaI.com). */
export function oddHost(host: string, names: ProtectedNames, written = host): OddHost | undefined {
  if (names.isHome(host) || UNREAL.test(host)) return undefined
  const whole = organisationOf(host)
  const label = isIP(host) === 0 ? chosenLabel(host, whole) : undefined
  if (label === undefined) return undefined
  const drawn = chosenPart(written, host, label)
  return (
    looksLikeAnother(host, label, drawn, names) ??
    mixed(host, label) ??
    oneSlip(host, label, names) ??
    holdsAnother(host, whole, label, names)
  )
}

/** Of a sender: whom people here write to, and it is not. Their names need not be rare, so only what looks like them or is one slip away is told. */
export function nearKnown(host: string, known: ProtectedNames, written = host): OddHost | undefined {
  const label = known.isHome(host) ? undefined : chosenLabel(host)
  if (label === undefined) return undefined
  const near = looksLikeAnother(host, label, chosenPart(written, host, label), known) ?? oneSlip(host, label, known)
  if (near === undefined || near.trick === 'other-ending') return undefined
  return { ...near, says: `${near.says} (people here write to ${near.like})` }
}

/** The chosen label with the letters that a reader sees. */
function chosenPart(written: string, host: string, label: string): string {
  if (!ASCII.test(label) || written.toLowerCase() !== host) return label
  const at = host.lastIndexOf(`${label}.`)
  return at < 0 ? label : written.slice(at, at + label.length)
}

function looksLikeAnother(host: string, label: string, drawn: string, names: ProtectedNames): OddHost | undefined {
  for (const seen of drawn === label ? [label] : [drawn, label]) {
    const name = names.looksLike(seen)
    if (name === undefined) continue
    if (name.label !== label)
      return of('looks-like', name, `${shown(host, seen)} looks like ${name.domain}: ${difference(seen, name.label)}`)
    return otherEnding(host, name)
  }
  return undefined
}

function otherEnding(host: string, name: ProtectedName): OddHost | undefined {
  if (!name.prominent || name.label.length < LEAST_FOR_ENDINGS) return undefined
  return of('other-ending', name, `${printable(host, 255)} has the name of ${name.domain}, with another ending`)
}

function oneSlip(host: string, label: string, names: ProtectedNames): OddHost | undefined {
  const found = names.oneSlipFrom(label)
  if (found === undefined) return undefined
  const name = found.thing
  return of('one-slip', name, `${shown(host, label)} is one letter from ${name.domain}: ${found.how}`)
}

function of(trick: Trick, { domain, owner }: ProtectedName, says: string): OddHost {
  return { trick, like: domain, whose: owner.title, says }
}

/** paypal.com.evil.test, paypal-login.test, mypaypalaccount.test */
function holdsAnother(host: string, whole: string, label: string, names: ProtectedNames): OddHost | undefined {
  const below =
    host.length > whole.length
      ? host
          .slice(0, -whole.length - 1)
          .split('.')
          .slice(-MOST_LABELS)
      : []
  const another = wholeNameIn([...below, whole.slice(0, whole.indexOf('.'))], names)
  if (another !== undefined) {
    const [domain, owner] = another
    const says = `${printable(host, 255)} begins like ${domain} and belongs to ${whole}`
    return { trick: 'holds-brand', like: domain, whose: owner.title, says }
  }
  const literal = names.wordIn(label, below)
  const found = literal ?? names.wordLookingIn(label, below)
  if (found === undefined) return undefined
  const { word, owner } = found
  const looks = literal === undefined ? `, which looks like ${owner.title}` : ''
  const says = `${printable(host, 255)} holds "${printable(word, 63)}"${looks}, and is no name of ${titleOf(owner)}`
  return { trick: 'holds-brand', like: word, whose: owner.title, says }
}

/** Two or three labels in a row that are a protected name. */
function wholeNameIn(labels: readonly string[], names: ProtectedNames): readonly [string, Owner] | undefined {
  for (let at = 0; at + 1 < labels.length; at++) {
    for (const more of [3, 2]) {
      const name = labels.slice(at, at + more).join('.')
      const owner = names.ownerAt(name)
      if (owner !== undefined) return [name, owner]
    }
  }
  return undefined
}

/** Letters of several scripts in one label, or of one that can be read as Latin throughout. */
function mixed(host: string, label: string): OddHost | undefined {
  if (ASCII.test(label)) return undefined
  const level = restrictionOf(label)
  if (level === 'minimally' || level === 'unrestricted') {
    const scripts = scriptsIn(label)
    const what = scripts.length > 1 ? `letters of ${scripts.join(' and ')}` : 'characters that no name should have'
    return { trick: 'mixed-scripts', says: `${shown(host, label)} mixes ${what}` }
  }
  const skeleton = skeletonOf(label)
  const latin = ASCII.test(skeleton) && /[a-z]/i.test(skeleton) && !scriptsIn(label).includes('Latin')
  if (!latin || !endsInLatin(host)) return undefined
  return {
    trick: 'mixed-scripts',
    says: `${shown(host, label)} is ${scriptsIn(label)[0]} throughout and reads as "${skeleton}"`,
  }
}

function endsInLatin(host: string): boolean {
  const ending = host.slice(host.lastIndexOf('.') + 1)
  return !ending.startsWith('xn--') && !CYRILLIC_ENDINGS.has(ending)
}

/** With the letters a reader sees, and the A-labels where they differ. */
function shown(host: string, label: string): string {
  if (!ASCII.test(label)) return `${printable(domainToUnicode(host) || host, 255)} (${printable(host, 255)})`
  const at = host.lastIndexOf(`${label.toLowerCase()}.`)
  return printable(at < 0 ? host : host.slice(0, at) + label + host.slice(at + label.length), 255)
}

function titleOf({ kind, title }: Owner): string {
  return kind === 'own' ? 'ours' : title
}

const MOST_DIFFERENCES = 3

/** `the letter I stands for l`. Both look the same. */
export function difference(seen: string, real: string): string {
  const found: string[] = []
  const [a, b] = [[...seen.normalize('NFC')], [...real.normalize('NFC')]]
  for (let i = 0, j = 0; i < a.length && j < b.length; i++, j++) {
    const [one, other] = [a[i]!, b[j]!]
    if (one === other) continue
    if (i + 1 < a.length && lookOf(one + a[i + 1]) === lookOf(other)) found.push(`${one}${a[++i]} stands for ${other}`)
    else if (j + 1 < b.length && lookOf(one) === lookOf(other + b[j + 1]))
      found.push(`${one} stands for ${other}${b[++j]}`)
    else found.push(`${named(one)} stands for ${other}`)
  }
  const unique = [...new Set(found)]
  return unique.length === 0 ? 'it has other characters of the same look' : unique.slice(0, MOST_DIFFERENCES).join(', ')
}

function named(character: string): string {
  const kind = /\p{L}/u.test(character) ? 'the letter ' : /\p{N}/u.test(character) ? 'the digit ' : ''
  const scripts = scriptsOf(character)
  const script = scripts === 'any' || scripts.has('Latin') ? '' : ` (${[...scripts][0]})`
  return `${kind}${printable(character, 4)}${script}`
}
