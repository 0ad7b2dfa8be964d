/** The lists that come with Posthouse: what they hold can be meant. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { hasListedSuffix, namesInList, organisationOf, publicSuffixOf } from '../../../core/text/index.js'

const listed = (file: string) => {
  const text = readFileSync(new URL(`../../../../rules/lists/${file}`, import.meta.url), 'utf8')
  assert.match(text, /^# Source: .*Terms: /m)
  return [...namesInList(text)]
}
const free = listed('free-mail.txt')
const disposable = listed('disposable.txt')
const cheap = listed('cheap-endings.txt')
const shorteners = listed('shorteners.txt')

test('providers and shorteners are domains that somebody can have, each once', () => {
  for (const names of [free, disposable, shorteners]) {
    assert.deepEqual(
      names.filter(name => !hasListedSuffix(name) || publicSuffixOf(name) === name),
      [],
    )
    assert.equal(new Set(names).size, names.length)
  }
})

test('no provider is both free and disposable', () => {
  const known = new Set(free)
  assert.deepEqual(
    disposable.filter(name => known.has(name) || known.has(organisationOf(name))),
    [],
  )
})

test('cheap endings are top-level domains that there are', () => {
  assert.deepEqual(
    cheap.filter(ending => ending.includes('.') || !hasListedSuffix(`example.${ending}`)),
    [],
  )
})
