/** What `posthouse check` says of entries that stand where they are not heard. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { commandLine } from '../../../harness/command-line.js'
import { Instance } from '../../../harness/instance.js'

describe('posthouse check', () => {
  const made: Instance[] = []
  let instance: Instance

  beforeEach(async () => {
    instance = await Instance.make()
    made.push(instance)
  })
  after(() => Promise.all(made.map(one => one.destroy())))

  const check = () => commandLine(instance, 'check')
  const edit = (change: (text: string) => string) => instance.edit('plugins.yaml', change)
  /** Takes the "#" away, as an admin does. */
  const uncommented = (use: string) => (text: string) =>
    text.replace(new RegExp(`^# - use: ${use}\\n(#   .*\\n)*`, 'm'), entry => entry.replace(/^# /gm, ''))

  for (const use of ['tls-rpt', 'dmarc-reports', 'srs'])
    test(`has nothing to say of the shipped entry ${use} without its "#"`, async () => {
      await edit(uncommented(use))
      assert.match((await commandLine(instance, 'explain')).out, new RegExp(use))
      const { code, out } = await check()
      assert.equal(code, 0)
      assert.doesNotMatch(out, /warning/)
    })

  for (const entry of ['- use: tls-rpt\n  with: { receive: [reports@example.test] }', '- use: srs'])
    test(`warns of an entry below mda, which would answer in its place: ${entry}`, async () => {
      await edit(text => `${text}\n${entry}\n`)
      const { code, out } = await check()
      assert.equal(code, 0)
      assert.match(
        out,
        /plugins\.yaml:\d+:\d+: warning: "(tls-rpt|srs)" stands below "mda", which answers in its place/,
      )
    })

  const without = (use: string) => edit(text => text.replace(new RegExp(`^- use: ${use}\\n`, 'm'), ''))

  test('warns of each domain whose mail nobody takes, and says what to do', async () => {
    await without('mda')
    await instance.edit('server.yaml', text => text.replace(/^domains: .*$/m, 'domains: [example.test, other.test]'))
    const { code, out } = await check()
    assert.equal(code, 0)
    const warnings = out.split('\n').filter(line => line.includes('warning'))
    assert.deepEqual(
      warnings.map(line => line.replace(/^.*server\.yaml/, 'server.yaml').split(',')[0]),
      [
        'server.yaml:9:11: warning: no plugin takes mail for example.test',
        'server.yaml:9:25: warning: no plugin takes mail for other.test',
      ],
    )
    assert.match(warnings[0]!, /add "- use: mda" to plugins\.yaml/)
  })

  test('warns of none where another plugin takes the mail, or there is no domain', async () => {
    await without('mda')
    await writeFile(
      join(instance.configDir, 'taker.mjs'),
      `export default { name: 'taker', summary: 'tests', config: { type: 'object' }, setup: () => ({
  targets: { taker: { scope: 'local', deliver: async () => [] } },
  hooks: { route: ({ recipient }) => ({ kind: 'claim', target: 'taker', to: recipient.address, lane: 'taker', detail: {} }) } }) }`,
    )
    const before = await readFile(join(instance.configDir, 'plugins.yaml'), 'utf8')
    await edit(text => `${text}\n- use: ./taker.mjs\n`)
    assert.doesNotMatch((await check()).out, /warning/)
    await edit(() => before)
    await instance.edit('server.yaml', text => text.replace(/^domains: .*$/m, 'domains: []'))
    assert.doesNotMatch((await check()).out, /warning/)
  })

  test('does not warn of one that is asked for nothing there', async () => {
    await edit(text => `${text}\n- use: tls-rpt\n`)
    assert.doesNotMatch((await check()).out, /warning/)
  })
})
