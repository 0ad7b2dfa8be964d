/**
 * origin: what it costs to find out where a mail comes from. Each plugin alone, all of them with what the name service said kept (`all`), and with nothing
 * kept (`fresh`, every question goes to a name server on this machine). `text` reads words and links of the mail and asks nobody: that is in the figures of all
 * that look into the body, and is done once for all of them and the content filter. The reference is the same sessions before no plugin.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AssessorOrder, AssessorQuestions } from '../lib/assessor.js'
import type { NameServerQuestions } from '../lib/name-server.js'
import { type OriginMail, originMail } from '../lib/origin-mail.js'
import { Part } from '../lib/part.js'
import type { Scenario, Side, Stage } from '../lib/scenario.js'

const LISTS = [
  { zone: 'addresses.list.test', check: false },
  { zone: 'names.list.test', holds: 'domains', check: false },
]
const CONFIGS: ReadonlyMap<string, object> = new Map<string, object>([
  ['mail-auth', {}],
  ['arc', {}],
  ['dnsbl', { lists: LISTS }],
  ['reverse-dns', {}],
  ['helo', {}],
  ['sender-domain', {}],
  ['origin', {}],
  ['look-alikes', {}],
  ['local-list', {}],
  ['dmarc-reports', {}],
  ['reputation', {}],
])
const PLUGINS = [...CONFIGS.keys()].filter(name =>
  existsSync(fileURLToPath(new URL(`../../plugins/${name}/index.js`, import.meta.url))),
)
const SIZES = [4096, 34 * 1024]
const VARIANTS = ['all', 'fresh', 'text', ...PLUGINS]

export const origin: Scenario = {
  name: 'origin',
  onRequest: true,
  asks: 'What CPU does it take to find out where a mail comes from, and how many look-ups? The reference asks nobody',
  variants: VARIANTS,
  usual: VARIANTS.flatMap(variant => SIZES.map(size => ({ variant, sessions: 10, size }))),
  async open(variant, cases, setting): Promise<Stage> {
    const mails = new Map<number, OriginMail>()
    for (const { size } of cases) mails.set(size, mails.get(size) ?? (await originMail(size)))
    const asked = setting.keep(new Part<NameServerQuestions>('name-server'), one => one.end())
    const { address: nameServer } = await asked.ask({ records: [...mails.values()][0]!.records })
    const names = variant === 'all' || variant === 'fresh' ? PLUGINS : PLUGINS.filter(name => name === variant)
    const side = (kind: string, plugins: AssessorOrder['plugins'], text: boolean): Side => {
      const part = setting.keep(new Part<AssessorQuestions>('assessor'), one => one.end())
      const folder = join(setting.folder, kind)
      mkdirSync(folder, { recursive: true })
      return {
        group: part.group,
        drive: ({ sessions, size }, seconds) => {
          const { octets } = mails.get(size)!
          return part.ask({ folder, plugins, octets, nameServer, fresh: variant === 'fresh', text, sessions, seconds })
        },
      }
    }
    return {
      ours: side('ours', Object.fromEntries(names.map(name => [name, CONFIGS.get(name)!])), variant === 'text'),
      reference: side('reference', {}, false),
      probe: async () => ({ kind: 'no writes', why: 'nothing is stored' }),
    }
  },
}
