/** The lists that the shipped plugins.yaml proposes: they can be switched on as they stand, and their answers mean what is said of them. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { YamlSource } from '../../../core/config/yaml.js'
import { CONFIG, type Config, faultsIn, termsOf } from '../../../plugins/dnsbl/config.js'

/** The entry, its "#" taken away. */
function proposed(): Config {
  const lines = readFileSync('core/host/templates/plugins.yaml', 'utf8').split('\n')
  const start = lines.indexOf('# - use: dnsbl')
  const length = lines.slice(start).findIndex(line => !line.startsWith('# '))
  const [entry] = parse(
    lines
      .slice(start, start + length)
      .map(line => line.slice(2))
      .join('\n'),
  ) as readonly { readonly with: unknown }[]
  const source = new YamlSource('with', JSON.stringify(entry!.with))
  const { faults, value } = source.check(CONFIG)
  assert.deepEqual(faults, [])
  assert.deepEqual(
    faultsIn(value as Config, (path, message) => source.fault(path, message)),
    [],
  )
  return value as Config
}

const lists = new Map(termsOf(proposed(), []).lists.map(list => [list.name, list]))

const REFUSED = 'refused'
for (const [name, code, wanted] of [
  ['zen.spamhaus.org', '127.0.0.3', 4],
  ['zen.spamhaus.org', '127.0.0.11', 3],
  ['zen.spamhaus.org', '127.255.255.254', REFUSED],
  ['dbl.spamhaus.org', '127.0.1.2', 3],
  ['dbl.spamhaus.org', '127.0.1.103', 0.5],
  ['dbl.spamhaus.org', '127.0.1.255', REFUSED],
  ['spamhaus-hbl-email', '127.0.3.2', 3],
  ['multi.surbl.org', '127.0.0.80', 3],
  ['multi.surbl.org', '127.0.0.128', 1.5],
  ['multi.surbl.org', '127.0.0.1', REFUSED],
  ['multi.uribl.com', '127.0.0.14', 2.5],
  ['multi.uribl.com', '127.0.0.4', 0.3],
  ['multi.uribl.com', '127.0.0.1', REFUSED],
  ['ebl.msbl.org', '127.0.0.2', 3],
  ['ebl.msbl.org', '127.0.1.3', 1],
  ['list.dnswl.org', '127.0.5.3', 4],
  ['list.dnswl.org', '127.0.5.0', 0],
  // What 127.0.0.2 is answered with, and what those hear who ask too much.
  ['list.dnswl.org', '127.0.10.0', 0],
  ['list.dnswl.org', '127.0.10.3', REFUSED],
  ['list.dnswl.org', '127.0.0.255', REFUSED],
  ['dwl.dnswl.org', '127.0.9.2', 1],
] as const) {
  test(`${code} of ${name} is ${wanted === REFUSED ? 'a refusal' : `worth ${wanted}`}`, () => {
    const list = lists.get(name)!
    assert.equal(list.refuses(code) ? REFUSED : list.read([code]).weight, wanted)
  })
}

test('no list alone passes the Junk line, nor do all together', () => {
  const { cap } = termsOf(proposed(), [])
  assert.ok([...lists.values()].every(({ most }) => most < 5))
  assert.ok(cap < 5)
})
