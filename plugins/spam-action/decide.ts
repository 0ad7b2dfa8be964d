/**
 * What a sum means for one recipient: the strongest action whose threshold it reaches. Below a refusal, a sum from the threshold for greylisting on
 * first lets the sender come again, if nobody here knows them; who has come again gets what the sum calls for beside that.
 */
import {
  type Answered,
  type Asked,
  type Call,
  type Defer,
  type Greylist,
  quarantine,
  type Ruling,
  reject,
  ruled,
} from 'posthouse/api'
import { shown } from './fields.js'
import { actionFor, type Measure, reaches } from './thresholds.js'

type Answer = Answered['message']

export interface DecideParts {
  readonly text: string
  readonly greylist: Greylist | undefined
}

export function decide(
  asked: Asked['message'],
  measure: Measure,
  { text, greylist }: DecideParts,
  call: Call,
): Answer | Promise<Answer> {
  const { sum } = asked.verdict
  const ruling: Ruling = { action: actionFor(sum, measure.thresholds), ...measure }
  if (ruling.action === 'reject') return refusal(text, sum, ruling)
  if (greylist === undefined || call.observed || !reaches(sum, measure.thresholds.greylist)) return kept(sum, ruling)
  return greylist.ask(asked, call).then(answer => {
    if (answer.kind === 'wait') return waiting(answer.defer, sum, ruling)
    if (answer.why === 'spared') return kept(sum, ruling)
    const says =
      answer.why === 'waited' ? 'It has come again after being greylisted.' : 'Its network has proven itself.'
    return kept(sum, { ...ruling, says })
  })
}

function kept(sum: number, ruling: Ruling): Answer {
  if (ruling.action !== 'junk') return ruled(ruling)
  return quarantine(`spam score ${shown(sum)}, threshold ${shown(ruling.thresholds.junk!)}`, ruling)
}

function refusal(text: string, sum: number, ruling: Ruling): Answer {
  const { reject: threshold } = ruling.thresholds
  const because = {
    rule: 'spam',
    evidence: `${shown(sum)} points, threshold ${shown(threshold!)} (${ruling.whose.reject})`,
    exception: 'posthouse spam-action set LOGIN reject=off, or the entry spam-action of plugins.yaml',
  }
  return reject(text, { code: 550, status: '5.7.1', because, ruling })
}

/** Over SMTP others may want it now: then it is kept as if it had waited. */
function waiting(defer: Defer, sum: number, ruling: Ruling): Defer {
  const otherwise = kept(sum, ruling)
  return {
    ...defer,
    ruling: { ...ruling, says: 'It is asked to come again.' },
    otherwise: otherwise && otherwise.kind === 'quarantine' ? otherwise : 'keep',
  }
}
