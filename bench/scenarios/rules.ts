/**
 * rules: what the rules for words, links and letters cost: CPU of one mail before the plugin `spam-rules`, without a server around it. The reference is the same
 * mail read as text and nothing more, which is done once for all that look into a body; the rest is what the rules take.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AssessorOrder, AssessorQuestions } from '../lib/assessor.js'
import type { NameServerQuestions } from '../lib/name-server.js'
import { type OriginMail, originMail } from '../lib/origin-mail.js'
import { Part } from '../lib/part.js'
import type { Scenario, Side, Stage } from '../lib/scenario.js'

const KB = 1024

export const rules: Scenario = {
  name: 'rules',
  asks: 'What do the rules of the content filter cost for a mail with text, HTML and links? The reference only reads its text',
  variants: ['shipped'],
  usual: [
    { variant: 'shipped', sessions: 1, size: 4 * KB },
    { variant: 'shipped', sessions: 1, size: 34 * KB },
  ],
  async open(_variant, cases, setting): Promise<Stage> {
    const mails = new Map<number, OriginMail>()
    for (const { size } of cases) mails.set(size, mails.get(size) ?? (await originMail(size)))
    const asked = setting.keep(new Part<NameServerQuestions>('name-server'), one => one.end())
    const { address: nameServer } = await asked.ask({ records: {} })
    const side = (kind: string, plugins: AssessorOrder['plugins']): Side => {
      const part = setting.keep(new Part<AssessorQuestions>('assessor'), one => one.end())
      const folder = join(setting.folder, kind)
      mkdirSync(folder, { recursive: true })
      return {
        group: part.group,
        drive: ({ sessions, size }, seconds) => {
          const { octets } = mails.get(size)!
          return part.ask({ folder, plugins, octets, nameServer, fresh: false, text: true, sessions, seconds })
        },
      }
    }
    return {
      ours: side('ours', { 'spam-rules': {} }),
      reference: side('reference', {}),
      probe: async () => ({ kind: 'no writes', why: 'nothing is stored' }),
    }
  },
}
