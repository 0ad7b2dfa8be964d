/**
 * Reads the rules about replies: the admin's `replies.yaml` first, then those that come with Posthouse by the names of their files, each from
 * the top. A rule of the admin with the name of a shipped one stands in its place. Every fault has its place; examples are tried.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Fault, Files, ReplyAction, YamlFile, YamlPath } from '../api/index.js'
import { parseDuration } from '../text/index.js'
import { classify } from './classify.js'
import { phraseOf, type ReplyRule } from './rule.js'
import { type RawRule, type RawRuleFile, REPLY_RULE_FILE } from './schema.js'

/** Beside server.yaml; may be missing. */
export const OWN_RULES = 'replies.yaml'
const LEAST_MS = 1000
/** Longer than mail waits anywhere. */
const MOST_MS = 30 * 86_400_000

export interface ReplyRuleSet {
  readonly rules: readonly ReplyRule[]
  readonly faults: readonly Fault[]
  /** Replies with the rule each is an example of. */
  readonly examples: readonly ReplyExample[]
}

export interface ReplyExample {
  readonly text: string
  readonly rule: ReplyRule
  readonly place: ReplyRule['place']
}

/** The folder of this package. */
export function shippedReplies(): string {
  return fileURLToPath(new URL('../../../rules/replies/', import.meta.url))
}

/** `thorough`: examples of shipped rules are tried too; a test of ours does that, so a start need not. */
export async function readReplyRules(
  files: Files,
  shipped = shippedReplies(),
  thorough = false,
): Promise<ReplyRuleSet> {
  const names = (await readdir(shipped)).filter(name => name.endsWith('.yaml')).sort()
  const own = await files.yaml(OWN_RULES, REPLY_RULE_FILE, { optional: true, large: 'placed' })
  const theirs = await Promise.all(
    names.map(name => files.yaml(join(shipped, name), REPLY_RULE_FILE, { large: 'placed' })),
  )
  const reading = new Reading()
  reading.add(own, true, true)
  for (const file of theirs) reading.add(file, false, thorough)
  return reading.done()
}

class Reading {
  readonly #rules = new Map<string, ReplyRule>()
  readonly #own = new Set<string>()
  readonly #faults: Fault[] = []
  readonly #examples: { readonly text: string; readonly name: string; readonly fault: (why: string) => Fault }[] = []

  add(file: YamlFile<RawRuleFile>, own: boolean, examples: boolean): void {
    this.#faults.push(...file.faults)
    for (const [index, raw] of (file.value?.rules ?? []).entries()) {
      const path: YamlPath = ['rules', index]
      const there = this.#rules.get(raw.name)
      if (there !== undefined) {
        // An admin's rule in place of ours is the way to change one.
        if (own || !this.#own.has(raw.name)) {
          const { file: where, line } = there.place
          this.#faults.push(file.fault([...path, 'name'], `${raw.name} stands already at ${where}:${line}`))
        }
        continue
      }
      if (own) this.#own.add(raw.name)
      this.#rules.set(raw.name, this.#rule(file, path, raw))
      if (!examples) continue
      raw.examples.forEach((text, i) => {
        this.#examples.push({ text, name: raw.name, fault: why => file.fault([...path, 'examples', i], why) })
      })
    }
  }

  done(): ReplyRuleSet {
    const rules = [...this.#rules.values()]
    const examples: ReplyExample[] = []
    for (const { text, name, fault } of this.#examples) {
      const found = classify(rules, exampleFacts(text))
      const rule = this.#rules.get(name)!
      if (found.rule === name) examples.push({ text, rule, place: fault('') })
      // What an admin puts in front may well take over an example of ours.
      else if (found.rule === undefined || !this.#own.has(found.rule) || this.#own.has(name)) {
        const instead = found.rule === undefined ? 'no rule' : `the rule "${found.rule}"`
        this.#faults.push(fault(`an example of "${name}" that comes to ${instead}`))
      }
    }
    return { rules, faults: this.#faults, examples }
  }

  #rule(file: YamlFile<RawRuleFile>, path: YamlPath, raw: RawRule): ReplyRule {
    const { code, status, host, stage, text, not_text: notText } = raw
    if (code === undefined && status === undefined && host === undefined && stage === undefined && text === undefined) {
      this.#faults.push(file.fault(path, 'would fit every reply: expected text, code, status, host or stage'))
    }
    const action = this.#action(file, [...path, 'do'], raw.do)
    return {
      name: raw.name,
      class: raw.class,
      says: raw.says,
      ...(code === undefined ? {} : { code }),
      ...(status === undefined ? {} : { status }),
      ...(host === undefined ? {} : { host: host.map(name => name.toLowerCase()) }),
      ...(stage === undefined ? {} : { stage: new Set(stage) }),
      ...(text === undefined ? {} : { text: this.#phrases(file, [...path, 'text'], text) }),
      ...(notText === undefined ? {} : { notText: this.#phrases(file, [...path, 'not_text'], notText) }),
      ...(action === undefined ? {} : { action }),
      general: file.value?.general === true,
      place: { file: file.fault([], '').file, ...file.at([...path, 'name']) },
    }
  }

  #phrases(file: YamlFile<RawRuleFile>, path: YamlPath, texts: readonly string[]) {
    return texts.map((text, i) => {
      const phrase = phraseOf(text)
      if (phrase.every(part => part.trim() === ''))
        this.#faults.push(file.fault([...path, i], 'would fit every reply: expected some words'))
      return phrase
    })
  }

  #action(file: YamlFile<RawRuleFile>, path: YamlPath, raw: RawRule['do']): ReplyAction | undefined {
    const wait = (key: 'suspend' | 'retry_after') => {
      const text = raw[key]
      if (text === undefined) return undefined
      const ms = parseDuration(text) ?? 0
      if (ms < LEAST_MS || ms > MOST_MS)
        this.#faults.push(file.fault([...path, key], 'expected a time between 1s and 30d'))
      return ms
    }
    const [suspendMs, retryAfterMs] = [wait('suspend'), wait('retry_after')]
    if (Object.keys(raw).length === 0) return undefined
    return {
      ...(suspendMs === undefined ? {} : { suspendMs }),
      ...(raw.slow_down === true ? { slowDown: true } : {}),
      ...(raw.treat_as === undefined ? {} : { treatAs: raw.treat_as }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
  }
}

/** An example may begin with where it is said: `[mx.example.net, rcpt] 550 no`. */
export function exampleFacts(text: string) {
  const found = /^\[([^,\]]*)(?:, *([a-z]+))?\] *(.*)$/s.exec(text)
  if (found === null) return { text }
  const [, remote = '', stage, said = ''] = found
  return {
    text: said,
    ...(remote === '' ? {} : { remote }),
    ...(stage === undefined ? {} : { stage: stage as 'rcpt' }),
  }
}
